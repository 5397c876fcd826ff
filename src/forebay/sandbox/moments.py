"""The market at one moment, as snapshots need it: today so far, the last minute and trade, the day before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl

from forebay.model.calendar import NEW_YORK
from forebay.model.catalogue import Kind
from forebay.model.instrument import AssetClass
from forebay.sandbox.cells import Cell, hours, nanos
from forebay.sandbox.desk import Desk

Bar = dict[str, Any]

_CLEARED_AT = time(3, 30)
_BACK = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class Moment:
    """One ticker now. Prices in today's shares."""

    ticker: str
    cell: Cell
    day: Bar
    minute: Bar | None
    previous: Bar | None
    accumulated: float
    """Volume of the day so far."""
    trade: dict[str, Any] | None
    regular_close: float | None
    """The last regular price, once the regular session is over."""

    @property
    def price(self) -> float:
        """The last trade's price; without trades in the plan, the last bar's."""
        return float(self.trade["price"] if self.trade else self.last_bar["close"])

    @property
    def last_bar(self) -> Bar:
        """The newest minute, or the day where there is no minute."""
        return self.minute or self.day

    @property
    def change(self) -> float:
        """Against the close of the session before."""
        return self.price - self.previous["close"] if self.previous else 0.0

    @property
    def change_percent(self) -> float:
        """The same in percent."""
        return 100.0 * self.change / self.previous["close"] if self.previous else 0.0

    @property
    def updated(self) -> int:
        """When it last changed, ns."""
        return int(self.trade["sip_timestamp"] if self.trade else self.last_bar["window_start"])


def snapshot_day(asset_class: AssetClass, until: datetime) -> date:
    """The date a snapshot shows: yesterday's until 03:30 Eastern, when it is cleared; the UTC date for pairs."""
    if asset_class in (AssetClass.CRYPTO, AssetClass.FOREX):
        return until.astimezone(UTC).date()
    local = until.astimezone(NEW_YORK)
    return local.date() if local.time() >= _CLEARED_AT else local.date() - timedelta(days=1)


def moments(desk: Desk, asset_class: AssetClass, tickers: set[str] | None = None) -> list[Moment]:
    """Every ticker that traded today so far (or those asked for), sorted by ticker bytes."""
    until = desk.visible_until(asset_class)
    day = snapshot_day(asset_class, until)
    if not desk.market.sessions(asset_class, day, day) or hours(asset_class, day).opens > until:
        return []
    cells = [cell for cell in desk.market.day_cells(asset_class, day) if tickers is None or cell.ticker in tickers]
    frames = desk.market.partial_frames(cells, nanos(until))
    minutes = _last_by_ticker(frames[Kind.BARS_1M])
    days = _last_by_ticker(frames[Kind.BARS_1D])
    trades = _last_by_ticker(desk.prints(cells)) if asset_class is not AssetClass.INDICES else {}
    before = _previous(desk, asset_class, cells, day)
    return [
        Moment(
            cell.ticker,
            cell,
            days[cell.ticker],
            minutes.get(cell.ticker),
            before.get(cell.ticker),
            days[cell.ticker]["volume"],
            trades.get(cell.ticker),
            days[cell.ticker]["close"] if hours(asset_class, day).regular_closes <= until else None,
        )
        for cell in cells
        if cell.ticker in days
    ]


def _last_by_ticker(frame: pl.DataFrame) -> dict[str, Bar]:
    if frame.is_empty():
        return {}
    last = frame.group_by("ticker", maintain_order=True).last()
    return {row["ticker"]: row for row in last.iter_rows(named=True)}


def _previous(desk: Desk, asset_class: AssetClass, cells: list[Cell], day: date) -> dict[str, Bar]:
    """The last session's bars, adjusted; of all tickers at once, or of one."""
    days = desk.market.sessions(asset_class, day - _BACK, day - timedelta(days=1))
    if not days or not cells:
        return {}
    if len(cells) > 1:
        frame = desk.day_bars(asset_class, days[-1])
    else:
        ticker = cells[0].ticker
        frame = pl.concat(desk.ticker_bars(ticker, asset_class, Kind.BARS_1D, days[-1], days[-1]))
    return _last_by_ticker(desk.adjusted(frame))
