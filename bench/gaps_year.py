"""A year of 500 symbols with 200 planted holes among millions of quiet minutes, as a lake and a ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby

import numpy as np
import polars as pl

from forebay.app import App
from forebay.model.calendar import day_start, session, session_days
from forebay.model.catalogue import BAR_DATASETS, Dataset
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Source
from forebay.model.rows import BAR_ROWS

DAYS = session_days("XNYS", date(2025, 1, 2), date(2025, 12, 31))
MINUTES, DAY_BARS = BAR_DATASETS["stocks/bars_1m"], BAR_DATASETS["stocks/bars_1d"]
_MISSING_FILE = DAYS[70]
_HOLES = {"day": 60, "minute": 90, "close": 40}
"""With the day that is missing for all symbols and nine delistings, which are no gaps, 200 are planted."""
_DELISTED = 9
_LAST_HOUR, _BUSY = 60, 10
"""Minutes before the close; trades of a minute that is planted as missing."""


@dataclass(frozen=True, slots=True)
class Planted:
    """What is wrong with the year."""

    symbols: tuple[str, ...]
    day: frozenset[tuple[int, int]]
    """Places of symbol and session of which no minute is there; so on below."""
    minute: frozenset[tuple[int, int]]
    close: frozenset[tuple[int, int]]

    @property
    def gaps(self) -> set[tuple[str, date]]:
        """What a search has to find, and nothing else."""
        holes = {(self.symbols[one], DAYS[day]) for one, day in self.day | self.minute | self.close}
        lives = ((name, last_session(place)) for place, name in enumerate(self.symbols))
        return holes | {(name, _MISSING_FILE) for name, last in lives if last >= DAYS.index(_MISSING_FILE)}


def last_session(symbol: int) -> int:
    """The place of the last session that a symbol trades on: nine are delisted in August."""
    return 150 + symbol if symbol < _DELISTED else len(DAYS) - 1


def plant(count: int, rng: np.random.Generator) -> Planted:
    """Holes at random sessions, no two in one. Single minutes and last hours lack of symbols without odd lots alone."""
    free = [(one, day) for one in range(_DELISTED, count) for day in range(len(DAYS)) if DAYS[day] != _MISSING_FILE]
    rng.shuffle(free)
    odd = [place for place in free if has_odd_lots(place[0])]
    plain = [place for place in free if not has_odd_lots(place[0])]
    whole = frozenset(map(tuple, odd[: _HOLES["day"] // 2] + plain[: _HOLES["day"] // 2]))
    rest = [tuple(place) for place in plain[_HOLES["day"] :]]
    minute, close = rest[: _HOLES["minute"]], rest[_HOLES["minute"] : _HOLES["minute"] + _HOLES["close"]]
    return Planted(tuple(f"T{one:03}" for one in range(count)), whole, frozenset(minute), frozenset(close))


def regular_minutes(day: date) -> int:
    """Of a session: 390, and 210 on a half day."""
    hours = session("XNYS", day)
    return int((hours.regular_closes - hours.regular_opens).total_seconds() // 60)


def has_odd_lots(symbol: int) -> bool:
    """Whether some trades of a symbol set no price: a tenth or so of two symbols in five."""
    return symbol % 5 < 2


def fill(app: App, planted: Planted, rng: np.random.Generator, sessions: int = len(DAYS)) -> int:
    """Put the year, or its first sessions, into the lake, a month in a delivery, and record it as held.

    How many minute bars that are.
    """
    bars = 0
    for _, places in groupby(range(sessions), key=lambda day: DAYS[day].month):
        month = list(places)
        parts = list(_month(planted, month, rng))
        minutes, days = (pl.concat([part[side] for part in parts]) for side in (0, 1))
        dates = Interval(DAYS[month[0]], DAYS[month[-1]])
        for dataset, rows in ((MINUTES, minutes), (DAY_BARS, days)):
            _deliver(app, dataset, rows.sort("ticker", "window_start"), dates)
        bars += minutes.height
    return bars


def _deliver(app: App, dataset: Dataset, rows: pl.DataFrame, dates: Interval) -> None:
    app.tables.put_range(app.tables.stage([rows], dataset, "bench"), ALL_SYMBOLS, dates)
    partition = Partition(dataset.table, ALL_SYMBOLS, dates)
    now = datetime(2026, 1, 2, tzinfo=UTC)
    app.ledger.coverage.record(
        [Coverage(partition, LAKE, Source.REST, Verdict.COMPLETE, Evidence(rows=rows.height), now)]
    )


def _month(
    planted: Planted, days: Sequence[int], rng: np.random.Generator
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    for day in days:
        yield _session(planted, day, rng)


def _session(planted: Planted, day: int, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The minute and day bars of one session: as they were traded, and the minutes as they are left."""
    hours = session("XNYS", DAYS[day])
    length = regular_minutes(DAYS[day])
    symbols = np.arange(len(planted.symbols))
    density = (0.05 + 0.15 * (symbols % 7) / 6)[:, None]
    trades = rng.poisson(_BUSY, (len(symbols), length)) + 1
    trades *= rng.random((len(symbols), length)) < density
    trades[:, -1] = _BUSY
    trades[[last_session(one) < day for one in symbols]] = 0
    odd = rng.binomial(trades.sum(axis=1), np.where(symbols % 5 < 2, 0.1, 0.0))
    whole = trades.sum(axis=1) + odd
    for one in symbols:
        _spoil(trades[one], planted, (int(one), day))
    if DAYS[day] == _MISSING_FILE:
        trades[:] = 0
    row, minute = np.nonzero(trades)
    names = np.array(planted.symbols)
    held = _bars(names[row], DAYS[day], hours.regular_opens, minute, trades[row, minute])
    traded = np.nonzero(whole)[0]
    start = np.zeros(len(traded), dtype=np.int64)
    return held, _bars(names[traded], DAYS[day], day_start(DAY_BARS, DAYS[day]), start, whole[traded])


def _spoil(trades: np.ndarray, planted: Planted, place: tuple[int, int]) -> None:
    if place in planted.day:
        trades[:] = 0
    elif place in planted.close:
        trades[-_LAST_HOUR:] = 0
    elif place in planted.minute:
        trades[-1] = 0


def _bars(names: np.ndarray, day: date, start: datetime, minute: np.ndarray, trades: np.ndarray) -> pl.DataFrame:
    times = pl.lit(start).cast(pl.Datetime("us", "UTC")) + pl.duration(minutes=pl.col("minute"))
    rows = pl.DataFrame({"ticker": names, "minute": minute, "transactions": trades.astype(np.int64)})
    told = rows.with_columns(
        times.alias("window_start"),
        *(pl.lit(10.0).alias(name) for name in ("open", "high", "low", "close", "vwap")),
        (pl.col("transactions") * 100.0).alias("volume"),
        pl.lit(day).alias("session_date"),
        pl.lit(Source.REST.value).alias("source"),
    )
    return told.select(pl.col(name).cast(kind) for name, kind in BAR_ROWS.items())
