"""Snapshots, wired."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forebay.app.parts import Parts
    from forebay.tasks.snapshot import Snapshots
    from forebay.vendor.rest import RestClient


def snapshots(app: Parts, rest: RestClient | None = None) -> Snapshots:
    """Takes them by `rest`, or else by the client for whoever waits. Raises UsageError when there is no API key."""
    from forebay.tasks.snapshot import Snapshots

    return Snapshots(rest or app.rest, lambda: app.lake_home, app.ledger.entitlements, app.clock)
