"""Snapshots, wired."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from forebay.model.task import TaskKind

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.app.parts import Parts
    from forebay.orchestration.ingest.snapshots import TakeSnapshots
    from forebay.orchestration.worker import Worker
    from forebay.tasks.snapshot import Snapshots
    from forebay.vendor.rest import RestClient


def snapshots(app: Parts, rest: RestClient | None = None) -> Snapshots:
    """Takes them by `rest`, or else by the client for whoever waits. Raises UsageError when there is no API key."""
    from forebay.tasks.snapshot import Snapshots

    return Snapshots(rest or app.rest, lambda: app.lake_home, app.ledger.entitlements, app.clock)


def snapshot_phase(app: App, hear_worker: Callable[[Worker], None] = lambda _: None) -> TakeSnapshots:
    """The phase of the registry's symbols. `hear_worker` is told of each worker that it makes."""
    from forebay.orchestration.ingest.snapshots import TakeSnapshots

    def worker() -> Worker:
        app.settings.vendor.require_api_key()
        made = app.worker(kinds=[TaskKind.SNAPSHOT])
        hear_worker(made)
        return made

    return TakeSnapshots(app.ledger, app.clock, worker)
