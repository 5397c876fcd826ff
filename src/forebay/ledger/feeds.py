"""The feeds that commands named by flags alone: remembered, so that `status` goes on counting their gaps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import feeds
from forebay.db.upsert import upsert
from forebay.errors import LedgerError
from forebay.model.catalogue import DATASETS
from forebay.model.feed import Feed, SourceChoice
from forebay.model.universe import Category


class Feeds:
    """The feeds table. All methods raise LedgerError for the database's sake."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def remember(self, feed: Feed) -> None:
        """Store a feed; one of the same name is replaced."""
        row = {"name": feed.name, "feed": feed_json(feed), "remembered_at": self._clock.now()}
        with self._database.write() as connection:
            upsert(connection, feeds, [row])

    def list(self) -> Sequence[Feed]:
        """The remembered feeds, by name. Raises LedgerError for one whose dataset this version does not know."""
        with self._database.read() as connection:
            query = sa.select(feeds.c.name, feeds.c.feed).order_by(feeds.c.name)
            return [read_feed(name, stored) for name, stored in connection.execute(query)]

    def forget(self, name: str) -> bool:
        """Drop the feed of that name; whether there was one. What it brought stays."""
        with self._database.write() as connection:
            return connection.execute(sa.delete(feeds).where(feeds.c.name == name)).rowcount == 1


def feed_json(feed: Feed) -> dict[str, Any]:
    """A feed without its name, as JSON values."""
    return {
        "datasets": [dataset.name for dataset in feed.datasets],
        "symbols": feed.symbols,
        "category": feed.category,
        "start": feed.start and feed.start.isoformat(),
        "end": feed.end and feed.end.isoformat(),
        "source": feed.source.value,
        "destinations": feed.destinations,
        "timeframes": feed.timeframes,
    }


def read_feed(name: str, stored: dict[str, Any]) -> Feed:
    """The feed that `feed_json` wrote. Raises LedgerError for a dataset that this version does not know."""
    unknown = [dataset for dataset in stored["datasets"] if dataset not in DATASETS]
    if unknown:
        raise LedgerError(
            f"the remembered feed {name} names a dataset that this version does not know: {unknown[0]}",
            remedy="use the version that remembered it, or forget the feed",
        )
    symbols = stored["symbols"]
    return Feed(
        name=name,
        datasets=tuple(DATASETS[dataset] for dataset in stored["datasets"]),
        symbols=None if symbols is None else tuple(symbols),
        category=Category(category) if (category := stored.get("category")) else None,  # later than the first version
        start=_date(stored["start"]),
        end=_date(stored["end"]),
        source=SourceChoice(stored["source"]),
        destinations=tuple(stored["destinations"]),
        timeframes=tuple(stored.get("timeframes", ())),
    )


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
