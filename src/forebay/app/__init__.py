"""The composition root: settings in, a wired application out. The only room that names every implementation."""

from forebay.app.wired import App, new_worker_id, open_app

__all__ = ["App", "new_worker_id", "open_app"]
