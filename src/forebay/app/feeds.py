"""Everything that is to be held: the feeds of forebay.toml, those remembered, and the registry's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from forebay.feeds_file import FEEDS_FILE, read_feeds
from forebay.model.feed import LAKE, Feed
from forebay.model.registry import Phase
from forebay.orchestration.ingest.feeds import feeds_of, misfit

if TYPE_CHECKING:
    from forebay.app.wired import App


def known_feeds(app: App, feeds_file: Path | None = None) -> list[Feed]:
    """The feeds of forebay.toml (or of `feeds_file`), and those remembered under other names. Raises UsageError."""
    path = feeds_file or (FEEDS_FILE if FEEDS_FILE.exists() else None)
    feeds = read_feeds(path, app.clock.now()) if path else []
    names = {feed.name for feed in feeds}
    return [*map(app.placed, feeds), *(feed for feed in app.ledger.feeds.list() if feed.name not in names)]


def registry_feeds(app: App) -> list[Feed]:
    """What backfills of the registry's enabled symbols keep in the lake. Raises LedgerError."""
    entries = app.registry.list(enabled_only=True)
    having = [entry for entry in entries if Phase.BACKFILL in entry.strategy.phases and not misfit(entry)]
    return feeds_of(having, (LAKE,))
