"""Which snapshots are to be taken. As a task's key it carries everything that a worker needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qs, urlencode

from forebay.errors import UsageError
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Source
from forebay.model.snapshot import SHOWN_CLASSES, SNAPSHOTS, snapshots_table
from forebay.model.task import TaskDraft, TaskKind

_PREFIX = "snapshot"
_PRIORITY = 20_000_000
"""It is of now or of no use: ahead of whatever is fetched of the past."""


@dataclass(frozen=True, slots=True)
class SnapshotOrder:
    """Tickers of one class, in byte order. The same tickers are the same task, which starts over each time."""

    asset_class: AssetClass
    tickers: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raises UsageError for a class that has no snapshots, and for no ticker at all."""
        if self.asset_class not in SHOWN_CLASSES:
            raise UsageError(
                f"there are no snapshots of {self.asset_class} here",
                remedy=f"ask for tickers of {', '.join(SHOWN_CLASSES)}",
            )
        if not self.tickers:
            raise UsageError("an order of snapshots names no ticker", remedy="name one")

    @property
    def key(self) -> str:
        """`snapshot/stocks?ticker=AAPL&ticker=MSFT`: what the worker reads back with `from_key`."""
        named = [("ticker", ticker) for ticker in sorted(set(self.tickers), key=str.encode)]
        return f"{_PREFIX}/{self.asset_class}?{urlencode(named)}"

    def draft(self, today: date) -> TaskDraft:
        """The task that carries it out, on the market's date `today`; to be added with `again=True`."""
        symbol = self.tickers[0] if len(self.tickers) == 1 else ALL_SYMBOLS
        return TaskDraft(
            kind=TaskKind.SNAPSHOT,
            key=self.key,
            dataset=f"rest/{SNAPSHOTS}",
            partition=Partition(snapshots_table(self.asset_class), symbol, Interval(today, today)),
            destination=SNAPSHOTS,
            source=Source.REST,
            priority=_PRIORITY,
        )


def from_key(key: str) -> SnapshotOrder:
    """The order whose key it is. Raises UsageError for a key that is none."""
    path, _, query = key.partition("?")
    prefix, _, asset_class = path.partition("/")
    try:
        said = parse_qs(query, strict_parsing=True)
        if prefix == _PREFIX and list(said) == ["ticker"]:
            return SnapshotOrder(AssetClass(asset_class), tuple(said["ticker"]))
    except ValueError as error:
        raise _no_key(key) from error
    raise _no_key(key)


def _no_key(key: str) -> UsageError:
    return UsageError(
        f"{key!r} is no key of snapshots", remedy="it was made by another version of Forebay; cancel that task"
    )
