"""`forebay serve`: the service on a port, until it is stopped."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from forebay.cli.frame import Frame
from forebay.cli.options import load_settings
from forebay.cli.output import ExitCode, tell
from forebay.errors import UsageError


def serve(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on; another than this machine's own wants a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes any free one.")] = 8000,
    *,
    reload: Annotated[bool, typer.Option("--reload", help="Start again when a file of the program changes.")] = False,
) -> int:
    """Answer over HTTP: the registry, bars, tasks, coverage, metrics. /openapi.json describes every endpoint.

    Example: forebay serve --port 8000
    """
    settings = load_settings(ctx)
    try:
        from forebay.service import server
        from forebay.service.factory import create_app
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the service needs {error.name}, which is not installed",
            remedy="install it: pip install 'forebay[service]'",
        ) from error
    server.check_address(host, has_token=settings.service.has_token)
    if reload:
        _hand_on(ctx.ensure_object(Frame))
        server.run_reloading(host, port)
        return ExitCode.OK
    with server.listening(host, port) as found:
        shown = f"[{host}]" if ":" in host else host
        tell(f"the service listens on http://{shown}:{found.getsockname()[1]} (Ctrl-C stops it)")
        server.run(create_app(settings), found)
    return ExitCode.OK


def _hand_on(frame: Frame) -> None:
    """What the flags said, for the process that is started anew: it reads the settings itself."""
    said = {"FOREBAY_ENV_FILE": frame.env_file, "LOG_LEVEL": frame.log_level, "LOG_FILE": frame.log_file}
    os.environ.update({name: str(value) for name, value in said.items() if value is not None})
