"""What REST handlers know: the market as far as it has happened and as far as the plan lets it be seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from forebay.clock import Clock
from forebay.model.calendar import NEW_YORK
from forebay.model.catalogue import Kind
from forebay.model.instrument import AssetClass
from forebay.sandbox.cells import Cell, hours, nanos
from forebay.sandbox.instruments import Instrument
from forebay.sandbox.market import Market, month_of
from forebay.sandbox.plans import Plan
from forebay.sandbox.prints import prints_frame
from forebay.sandbox.query import Refusal

_DELAY = timedelta(minutes=15)
_UPGRADE = "Please upgrade your plan at https://massive.com/pricing"
_NOT_ENTITLED = f"You are not entitled to this data. {_UPGRADE}"
_TIMEFRAME = f"Your plan doesn't include this data timeframe. {_UPGRADE}"
_TODAY = f"Attempted to request today's data before end of day. {_UPGRADE}"


def refused(message: str) -> Refusal:
    """403 as the vendor words it."""
    return Refusal(403, {"status": "NOT_AUTHORIZED", "message": message})


def not_entitled() -> Refusal:
    """403: the plan does not include the endpoint."""
    return refused(_NOT_ENTITLED)


def not_in_timeframe() -> Refusal:
    """403: the plan does not include the dates."""
    return refused(_TIMEFRAME)


@dataclass(frozen=True, slots=True)
class Switches:
    """Questions about the vendor that nobody could answer for sure; both answers can be simulated."""

    retry_after: bool = False
    """A 429 of the plan's own rate limit carries `Retry-After`."""
    refuse_history: bool = False
    """A window that begins before the plan's history is refused whole; otherwise it is clipped."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The market behind REST, for one plan."""

    market: Market
    clock: Clock
    plan: Plan
    switches: Switches = Switches()

    @property
    def status(self) -> str:
        """The status word of market data."""
        return "DELAYED" if self.plan.delayed else "OK"

    def today(self) -> date:
        """The date in New York."""
        return self.clock.now().astimezone(NEW_YORK).date()

    def visible_until(self, asset_class: AssetClass) -> datetime:
        """The moment up to which the plan shows trades: now, 15 minutes ago, or the end of the last whole session."""
        now = self.clock.now()
        if not self.plan.end_of_day:
            return now - _DELAY if self.plan.delayed else now
        day = self.last_session(asset_class, now)
        return hours(asset_class, day).closes if day else datetime.min.replace(tzinfo=now.tzinfo)

    def last_session(self, asset_class: AssetClass, until: datetime) -> date | None:
        """The newest session that had ended at `until`; None before the market's first."""
        last = min(until.date() + timedelta(days=1), self.market.end or date.max)
        days = self.market.sessions(asset_class, last - timedelta(days=15), last)
        ended = [day for day in days if hours(asset_class, day).closes <= until]
        return ended[-1] if ended else None

    def check_window(self, start: date, end: date) -> date:
        """The first date the plan serves of a window; refuses one it does not include."""
        today = self.today()
        if self.plan.end_of_day and start >= today:
            raise refused(_TODAY)
        oldest = self.plan.oldest(today)
        if end < oldest or (start < oldest and self.switches.refuse_history):
            raise not_in_timeframe()
        return max(start, oldest)

    def ticker_bars(
        self, ticker: str, asset_class: AssetClass, kind: Kind, start: date, end: date, *, newest_first: bool = False
    ) -> Iterator[pl.DataFrame]:
        """Raw bars of one ticker, a month at a time, sorted by time within each; `newest_first` turns the months."""
        until = self.visible_until(asset_class)
        end = min(end, until.date() + timedelta(days=1))
        months = list(_months(max(start, self.market.start), end))
        for first, last in reversed(months) if newest_first else months:
            yield self._month(ticker, asset_class, kind, first, last, until)

    def ticker_seconds(
        self, ticker: str, asset_class: AssetClass, start: date, end: date, *, newest_first: bool = False
    ) -> Iterator[pl.DataFrame]:
        """Raw second bars of one ticker, a day at a time, sorted by time within each."""
        until = nanos(self.visible_until(asset_class))
        for cell in sorted(
            self.market.ticker_cells(ticker, asset_class, start, end), key=lambda one: one.day, reverse=newest_first
        ):
            yield self.market.seconds([cell], 0, until)

    def _month(
        self, ticker: str, asset_class: AssetClass, kind: Kind, first: date, last: date, until: datetime
    ) -> pl.DataFrame:
        begins = month_of(first)[0]
        sessions = self.market.sessions(asset_class, begins, last)
        ended = [day for day in sessions if hours(asset_class, day).closes <= until]
        going_on = [day for day in sessions if hours(asset_class, day).opens < until < hours(asset_class, day).closes]
        frames = [self.market.partial_frames([], 0)[kind]]
        if ended:
            frames.append(self.market.ticker_frames(ticker, asset_class, begins, ended[-1])[kind])
        for day in going_on:
            cells = self.market.ticker_cells(ticker, asset_class, day, day)
            frames.append(self.market.partial_frames(cells, nanos(until))[kind])
        return pl.concat(frames).filter(pl.col("session_date").is_between(first, last))

    def day_bars(self, asset_class: AssetClass, day: date, kind: Kind = Kind.BARS_1D) -> pl.DataFrame:
        """Raw bars of every ticker on one date, as far as they are visible; empty without a session."""
        until = self.visible_until(asset_class)
        if not self.market.sessions(asset_class, day, day) or hours(asset_class, day).opens >= until:
            return self.market.partial_frames([], 0)[kind]
        if hours(asset_class, day).closes <= until:
            return self.market.day_frames(asset_class, day)[kind]
        return self.market.partial_frames(self.market.day_cells(asset_class, day), nanos(until))[kind]

    def prints(self, cells: Sequence[Cell]) -> pl.DataFrame:
        """The visible trades of cells, all of one asset class, sorted by cell and time."""
        if not cells:
            return pl.DataFrame(schema={"ticker": pl.String(), "sip_timestamp": pl.Int64()})
        until = nanos(self.visible_until(cells[0].instrument.asset_class))
        return pl.concat([prints_frame(tape.until(until)) for tape in self.market.tapes(cells, until)])

    def adjusted(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Prices and volumes in today's shares: every split up to today applied to the days before it."""
        today, pieces = self.today(), []
        for ticker in frame["ticker"].unique():
            for holder in self.market.holders(ticker):
                pieces += [
                    (name.ticker, name.first, name.last or date.max, split)
                    for name in holder.names
                    for split in holder.splits
                    if name.ticker == ticker and split.day <= today
                ]
        ratio = pl.lit(1.0)
        for ticker, first, last, split in pieces:
            before = (pl.col("session_date") < split.day) & pl.col("session_date").is_between(first, last)
            ratio = ratio * pl.when((pl.col("ticker") == ticker) & before).then(split.ratio).otherwise(1.0)
        prices = [(pl.col(name) / ratio).round(6) for name in ("open", "high", "low", "close", "vwap")]
        return frame.with_columns(*prices, (pl.col("volume") * ratio).round(6)) if pieces else frame

    def holder_today(self, ticker: str) -> Instrument | None:
        """Whoever bears a ticker today."""
        return self.market.holder(ticker, self.today())


def _months(start: date, end: date) -> Iterator[tuple[date, date]]:
    while start <= end:
        last = min(month_of(start)[1], end)
        yield start, last
        start = last + timedelta(days=1)
