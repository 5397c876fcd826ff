"""Minute bars on their way into the lake's live days; seconds, trades and quotes pass it by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from threading import Lock

import polars as pl

from forebay.clock import Clock
from forebay.errors import LakeError, PermanentError, SinkUnavailable, StoreError
from forebay.lake.format.options import with_option_columns
from forebay.lake.intake.quality import check_rows
from forebay.lake.intake.quarantine import Quarantine
from forebay.lake.writing.table import LakeTables
from forebay.model.catalogue import BAR_DATASETS, Dataset, Kind
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.model.message import BarMessage, Message
from forebay.model.partition import ALL_SYMBOLS, Partition
from forebay.model.rows import plain_schema

_MOST = 200_000
"""Bars that are held before a commit that nobody asked for: an hour of a quarter of the market."""
_COLUMNS = ("open", "high", "low", "close", "volume", "vwap", "transactions")


class LakeSink:
    """A `Sink`: `flush` is a commit. A bar that fails the lake's checks goes to quarantine, and the others in."""

    name = "lake"

    def __init__(self, tables: LakeTables, quarantine: Quarantine, clock: Clock) -> None:
        self.refused = 0
        """Bars in quarantine."""
        self._tables, self._quarantine, self._clock = tables, quarantine, clock
        self._held: defaultdict[AssetClass, list[BarMessage]] = defaultdict(list)
        self._lock = Lock()

    def send(self, messages: Sequence[Message]) -> None:
        """Hold the minute bars among them. Raises as `flush`, when they had to be committed."""
        with self._lock:
            if sum(map(len, self._held.values())) >= _MOST:
                self._commit()  # first: what is refused is not taken, and is given once more
            for message in messages:
                if isinstance(message, BarMessage) and message.timeframe == "1m":
                    self._held[message.asset_class].append(message)

    def flush(self, seconds: float) -> None:  # noqa: ARG002 - a commit has deadlines of its own
        """Commit what is held.

        Raises SinkUnavailable, and holds it still, for what a person or time may change: a full disk, a busy table.
        Raises LakeError for a lake of a later version.
        """
        with self._lock:
            self._commit()

    def close(self) -> None:
        """Commit what is held."""
        self.flush(0)

    def _commit(self) -> None:
        for asset_class in list(self._held):
            dataset = BAR_DATASETS[f"{asset_class}/{Kind.BARS_1M}"]
            checked = check_rows(rows_of(self._held[asset_class], dataset), dataset)
            good = with_option_columns(checked.good) if asset_class is AssetClass.OPTIONS else checked.good
            with _waited_for():
                if good.height:
                    self._tables.put_live(dataset.table, good)
                if checked.bad.height:  # last: a lake that is away is tried again, and each is kept once
                    self._refuse(checked.bad, dataset)
            del self._held[asset_class]

    def _refuse(self, bad: pl.DataFrame, dataset: Dataset) -> None:
        now = self._clock.now()
        for (day,), rows in bad.group_by("session_date", maintain_order=True):
            assert isinstance(day, date), "it is made from the bar's time"
            where = Partition(dataset.table, ALL_SYMBOLS, Interval(day, day))
            reason = f"{rows.height} live bars fail a check: {rows['reason'][0]}"
            self._quarantine.keep(where, key=f"stream/{now.isoformat()}", reason=reason, now=now, rows=rows)
        self.refused += bad.height


@contextmanager
def _waited_for() -> Iterator[None]:
    """Whatever a person or time may change is a sink that is away."""
    try:
        yield
    except (LakeError, StoreError) as error:
        if isinstance(error, PermanentError):
            raise
        raise SinkUnavailable(f"the lake: {error}", remedy=error.remedy) from error


def rows_of(bars: Sequence[BarMessage], dataset: Dataset) -> pl.DataFrame:
    """Minute bars in the columns of `plain_schema`, in their order."""
    start = pl.from_epoch(pl.Series("window_start", [bar.timestamp for bar in bars], pl.Int64), "ms")
    columns = {name: [getattr(bar, name) for bar in bars] for name in _COLUMNS}
    window = pl.col("window_start")
    return (
        pl.DataFrame(
            {"ticker": [bar.symbol for bar in bars], **columns, "source": [bar.source.value for bar in bars]},
            schema_overrides=dict.fromkeys(_COLUMNS[:-1], pl.Float64) | {"transactions": pl.Int64},
        )
        .with_columns(start.dt.replace_time_zone("UTC").dt.cast_time_unit("us"))
        .with_columns(window.dt.convert_time_zone(dataset.timezone).dt.date().alias("session_date"))
        .select(plain_schema(dataset).names())
    )
