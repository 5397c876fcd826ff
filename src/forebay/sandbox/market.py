"""The market: what traded on any day, as trades, minute bars and day bars. A pure function of the seed.

Nothing is computed before it is asked for, and nothing depends on what was asked before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from threading import Lock

import numpy as np
import polars as pl

from forebay.model.calendar import session_days
from forebay.model.catalogue import Kind
from forebay.model.instrument import AssetClass
from forebay.model.rows import BAR_ROWS
from forebay.sandbox import chains, roster
from forebay.sandbox.bars import FRAME, SECOND, bars_frame, day_bars, minute_bars, window_bars
from forebay.sandbox.cache import BoundedCache
from forebay.sandbox.cells import CALENDARS, Cell, bar_start, cells_of, hours, nanos
from forebay.sandbox.futures import FUTURES
from forebay.sandbox.instruments import Instrument
from forebay.sandbox.kept import KeptDay
from forebay.sandbox.trades import Tape, tape_of

_TRADES_AT_ONCE = 1_000_000
"""Trades computed together, so that memory stays near 300 MB however large the market is."""
_CELL_COSTS = 16.0
"""A cell without a trade weighs as much as so many trades."""
_KEPT_ROWS = 3_000_000
"""Rows of bars kept for the next question."""

BarFrames = dict[Kind, pl.DataFrame]


class Market:
    """`tickers` stocks, option chains on two of them, and a few crypto, forex, index and futures tickers.

    `start` and `end` bound the session dates that have data (`end` None: no bound but the clock of who asks).
    """

    def __init__(self, seed: int, tickers: int, start: date, end: date | None = None) -> None:
        self.seed = seed
        self.start = start
        self.end = end
        self._fixed = {
            AssetClass.STOCKS: roster.stocks(seed, tickers),
            AssetClass.CRYPTO: roster.CRYPTO,
            AssetClass.FOREX: roster.FOREX,
            AssetClass.INDICES: roster.INDICES,
            AssetClass.FUTURES: FUTURES,
        }
        self._by_id = {one.id: one for one in self._fixed[AssetClass.STOCKS]}
        self._by_ticker: dict[str, list[Instrument]] = {}
        for one in (each for group in (*self._fixed.values(), roster.OTC) for each in group):
            for name in one.names if one.asset_class is not AssetClass.FUTURES else ():  # some look like stocks
                self._by_ticker.setdefault(name.ticker, []).append(one)
        self._revisions: dict[tuple[AssetClass, date], int] = {}
        self._lock = Lock()
        self._frames: BoundedCache[BarFrames] = BoundedCache(_KEPT_ROWS, _rows)
        self._kept: dict[tuple[AssetClass, date], KeptDay] = {}

    # -- who is there

    def instruments(self, asset_class: AssetClass, day: date) -> list[Instrument]:
        """Every instrument of the class that is listed on `day`."""
        if asset_class is AssetClass.OPTIONS:
            return [one for root in self.option_roots() for one in chains.contracts_on(self.seed, root, day)]
        return [one for one in self._fixed[asset_class] if one.ticker_on(day)]

    def option_roots(self) -> list[Instrument]:
        """The stocks that have option chains."""
        named = (self._by_id.get(f"{AssetClass.STOCKS}/{root}") for root in roster.OPTION_ROOTS)
        return [root for root in named if root]

    @property
    def over_the_counter(self) -> tuple[Instrument, ...]:
        """The stocks traded over the counter; `instruments` and `everyone` have only listed ones."""
        return roster.OTC

    def everyone(self, asset_class: AssetClass) -> tuple[Instrument, ...]:
        """Every instrument that the class ever had; options excepted, whose chains are endless."""
        return self._fixed[asset_class]

    def holder(self, ticker: str, day: date) -> Instrument | None:
        """Whoever bears `ticker` (REST spelling) on `day`."""
        if ticker.startswith("O:"):
            found = (one for one in self.instruments(AssetClass.OPTIONS, day) if one.ticker_on(day) == ticker)
            return next(found, None)
        return next((one for one in self._by_ticker.get(ticker, ()) if one.ticker_on(day) == ticker), None)

    def holders(self, ticker: str) -> list[Instrument]:
        """Everyone who ever bore `ticker`, options excepted, the oldest first."""
        return self._by_ticker.get(ticker, [])

    def sessions(self, asset_class: AssetClass, start: date, end: date) -> list[date]:
        """The session dates with data from `start` to `end`, both included."""
        last = min(end, self.end) if self.end else end
        return session_days(CALENDARS[asset_class], max(start, self.start), last)

    # -- what happened

    def revision(self, asset_class: AssetClass, day: date) -> int:
        """How often the vendor has published this day anew."""
        return self._revisions.get((asset_class, day), 0)

    def republish(self, asset_class: AssetClass, day: date) -> None:
        """Let late reports in: a few more trades on `day`, in the files and on REST alike."""
        with self._lock:
            self._revisions[asset_class, day] = self.revision(asset_class, day) + 1

    def tapes(self, cells: Sequence[Cell], until: int | None = None) -> Iterable[Tape]:
        """The trades of `cells` (of one asset class), in pieces of whole cells; of use up to `until` (ns), if given."""
        if not cells:
            return
        asset_class = cells[0].instrument.asset_class
        kept = self._kept.get((asset_class, cells[0].day))
        if kept is not None and kept.serves(cells, until):
            yield from kept.pieces if len(cells) > 1 else [kept.of(cells[0], cells_of(self.seed, cells, self._by_id))]
            return
        weights = np.cumsum([cell.instrument.trades + _CELL_COSTS for cell in cells])
        pieces = (weights / _TRADES_AT_ONCE).astype(np.int64)
        for piece in np.unique(pieces):
            chosen = [cells[int(place)] for place in np.flatnonzero(pieces == piece)]
            yield tape_of(asset_class, cells_of(self.seed, chosen, self._by_id), until)

    def keep(self, asset_class: AssetClass | str, day: date, until: datetime) -> None:
        """Make the session's trades up to then, and keep them: for who asks for thousands of its tickers in turn."""
        asset_class, moment = AssetClass(asset_class), nanos(until)
        pieces = [tape.until(moment) for tape in self.tapes(self.day_cells(asset_class, day), moment)]
        self._kept[asset_class, day] = KeptDay(pieces, moment)

    def day_cells(self, asset_class: AssetClass, day: date) -> list[Cell]:
        """The cells of one session date, sorted by ticker bytes; empty when the day has no session."""
        if not self.sessions(asset_class, day, day):
            return []
        revision = self.revision(asset_class, day)
        named = ((one.ticker_on(day), one) for one in self.instruments(asset_class, day))
        cells = [Cell(one, ticker, day, revision) for ticker, one in named if ticker]
        return sorted(cells, key=lambda cell: cell.ticker.encode())

    def ticker_cells(self, ticker: str, asset_class: AssetClass, start: date, end: date) -> list[Cell]:
        """The cells of one ticker, one for each session date on which somebody bore it."""
        held = ((day, self.holder(ticker, day)) for day in self.sessions(asset_class, start, end))
        return [Cell(one, ticker, day, self.revision(asset_class, day)) for day, one in held if one]

    def day_frames(self, asset_class: AssetClass, day: date) -> BarFrames:
        """The day's minute and day bars of every ticker, as `bars.FRAME`."""
        key = (asset_class, day, self.revision(asset_class, day))
        return self._frames.get(key, lambda: self._build(asset_class, self.day_cells(asset_class, day)))

    def ticker_frames(self, ticker: str, asset_class: AssetClass, start: date, end: date) -> BarFrames:
        """The minute and day bars of one ticker from `start` to `end`."""
        cells = self.ticker_cells(ticker, asset_class, start, end)
        key = (ticker, start, end, tuple(cell.revision for cell in cells))
        return self._frames.get(key, lambda: self._build(asset_class, cells))

    def partial_frames(self, cells: Sequence[Cell], moment: int) -> BarFrames:
        """The bars of `cells` from the trades before `moment` (ns): a session that is still going on."""
        return self._build(cells[0].instrument.asset_class, cells, moment) if cells else _nothing()

    def bars(self, asset_class: AssetClass | str, kind: Kind | str, start: date, end: date) -> pl.DataFrame:
        """The truth: every bar of the class from `start` to `end`, as the stored columns (`BAR_ROWS`) without `source`.

        Whole sessions, published yet or not. Unadjusted; tickers in REST spelling; sorted by ticker, then time. Volume,
        vwap and transactions are null for indices. `kind` is `bars_1d` or `bars_1m`.
        """
        asset_class, kind = AssetClass(asset_class), Kind(kind)
        days = self.sessions(asset_class, start, end)
        frames = [self.day_frames(asset_class, day)[kind] for day in days]
        return _stored(asset_class, pl.concat([_nothing()[kind], *frames]))

    def second_bars(self, asset_class: AssetClass | str, start: datetime, end: datetime) -> pl.DataFrame:
        """The truth in seconds: the bars that start from `start` to before `end`, in the same columns.

        From the same trades by the rules of minute bars. What counts for volume alone in a second without a bar is in
        the volume of the minute, as it is in that of the day when the whole minute has none.
        """
        asset_class, (low, high) = AssetClass(asset_class), (nanos(start), nanos(end))
        cells = self.cells_between(asset_class, low, high)
        return _stored(asset_class, self.seconds(cells, low, high))

    def cells_between(self, asset_class: AssetClass, low: int, high: int) -> list[Cell]:
        """The cells whose session has a moment in `[low, high)` (ns)."""
        first, last = (datetime.fromtimestamp(one / SECOND, UTC).date() for one in (low, high))
        cells = []
        for day in self.sessions(asset_class, first - timedelta(days=1), last + timedelta(days=1)):
            session = hours(asset_class, day)
            if nanos(session.opens) < high and low < nanos(session.closes):
                cells += self.day_cells(asset_class, day)
        return cells

    def seconds(self, cells: Sequence[Cell], low: int, high: int) -> pl.DataFrame:
        """The second bars of `cells` from their trades in `[low, high)` (ns), as `bars.FRAME`."""
        frames = [FRAME.to_frame()]
        for whole in self.tapes(cells, high):
            tape = whole.only((whole.time >= low) & (whole.time < high))
            tickers = [cell.ticker for cell in tape.cells.cells]
            frames.append(bars_frame(window_bars(tape, SECOND), tickers, tape.cells.day))
        return pl.concat(frames)

    def _build(self, asset_class: AssetClass, cells: Sequence[Cell], moment: int | None = None) -> BarFrames:
        minutes, days = [FRAME.to_frame()], [FRAME.to_frame()]
        for whole in self.tapes(cells, moment):
            tape = whole if moment is None else whole.until(moment)
            tickers = [cell.ticker for cell in tape.cells.cells]
            starts = np.array([bar_start(asset_class, cell.day) for cell in tape.cells.cells], np.int64)
            minutes.append(bars_frame(minute_bars(tape), tickers, tape.cells.day))
            days.append(bars_frame(day_bars(tape), tickers, tape.cells.day, starts))
        return {Kind.BARS_1M: pl.concat(minutes), Kind.BARS_1D: pl.concat(days)}


def _stored(asset_class: AssetClass, bars: pl.DataFrame) -> pl.DataFrame:
    truth = bars.sort("ticker", "window_start")
    wanted = pl.Schema({name: dtype for name, dtype in BAR_ROWS.items() if name != "source"})
    stamped = truth.with_columns(pl.from_epoch("window_start", time_unit="ns").dt.replace_time_zone("UTC"))
    if asset_class is AssetClass.INDICES:
        stamped = stamped.with_columns(pl.lit(None).alias(name) for name in ("volume", "vwap", "transactions"))
    return stamped.select(pl.col(name).cast(dtype) for name, dtype in wanted.items())


def _nothing() -> BarFrames:
    return {Kind.BARS_1M: FRAME.to_frame(), Kind.BARS_1D: FRAME.to_frame()}


def _rows(frames: BarFrames) -> int:
    return sum(frame.height for frame in frames.values()) + 1


def month_of(day: date) -> tuple[date, date]:
    """The first and the last day of a day's month: the piece in which one ticker's bars are kept."""
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return first, following - timedelta(days=1)
