"""A symbol's bars as what its page shows: candles in the exchange's own time, bands for what lacks, a few figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import ceil, isfinite
from typing import Any
from zoneinfo import ZoneInfo

from forebay.app.symbol_chart import ChartShown
from forebay.model.catalogue import Dataset
from forebay.orchestration.chart_holes import Hole, HoleKind, bounds
from forebay.orchestration.chart_range import DAY_SIZES, SIZES
from forebay.service.dashboard.chart import Band, Candle, Mark, Series
from forebay.service.dashboard.scales import price_text

_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
_LENGTHS = {"1w": 7, "1M": 31, "1q": 92}
"""Days at most from one bar to the next."""
_FORMS = {"1M": "%b %Y", "1q": "from %b %Y"}
_UNKNOWN = 10
"""Bars of a session, where none is held to tell."""
_SAID = {HoleKind.GAP: "not held", HoleKind.PENDING: "not published yet", HoleKind.SUSPECT: "held, and doubtful"}


def series_of(shown: ChartShown, *, regular: bool) -> Series:
    """What is drawn of what is shown."""
    if shown.dataset is None:
        return Series(())
    zone = ZoneInfo(shown.dataset.timezone)
    candles = [_candle(row, shown.size, zone) for row in shown.rows.iter_rows(named=True) if _is_whole(row)]
    bands = [_band(hole, shown, candles, zone, regular=regular) for hole in shown.holes or ()]
    marks = [Mark(_midnight(day, zone), _ratio(shares), f"{_split(shares)} on {day}") for day, shares in shown.splits]
    return Series(candles, sorted(bands, key=lambda band: band.start), marks)


def _is_whole(row: dict[str, Any]) -> bool:
    return all(row[name] is not None and isfinite(row[name]) for name in ("open", "high", "low", "close"))


def _candle(row: dict[str, Any], size: str, zone: ZoneInfo) -> Candle:
    start = _midnight(row["session_date"], zone) if size == "1d" else row["window_start"].astimezone(zone)
    return Candle(start, row["open"], row["high"], row["low"], row["close"], row.get("volume"), _label(start, size))


def _label(start: datetime, size: str) -> str:
    if size in SIZES:
        return f"{start:%a %Y-%m-%d %H:%M}"
    if size == "1w":
        return f"week of {start:%Y-%m-%d}"
    return format(start, _FORMS.get(size, "%a %Y-%m-%d"))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _band(hole: Hole, shown: ChartShown, candles: Sequence[Candle], zone: ZoneInfo, *, regular: bool) -> Band:
    if shown.size in DAY_SIZES:
        start, end = _midnight(hole.dates.start, zone), _midnight(hole.dates.end + _DAY, zone)
        start, bars = _of_window(start, shown.size, candles), _windows(hole.days, shown.size)
    else:
        assert shown.dataset is not None
        start, end = (each.astimezone(zone) for each in bounds(hole, shown.dataset, regular=regular))
        inside = [candle for candle in candles if start <= candle.start < end]
        if hole.lacks is None:
            bars = len(hole.days) * _usual(candles)
        else:
            bars = len(inside) + ceil(min(hole.lacks, (end - start) / _MINUTE) / SIZES[shown.size])
    return Band(start, end, bars, _said(hole), hole.kind.value)


def _of_window(start: datetime, size: str, candles: Sequence[Candle]) -> datetime:
    """A week that lacks days begins with the week: its bar is there."""
    length = timedelta(days=_LENGTHS.get(size, 0))
    return next((candle.start for candle in candles if candle.start <= start < candle.start + length), start)


def _windows(days: Sequence[date], size: str) -> int:
    """How many bars these sessions make."""
    match size:
        case "1w":
            return len({(day + _DAY).isocalendar()[:2] for day in days})
        case "1M":
            return len({(day.year, day.month) for day in days})
        case "1q":
            return len({(day.year, (day.month - 1) // 3) for day in days})
    return len(days)


def _usual(candles: Sequence[Candle]) -> int:
    """Bars of a session, by those that are held: a quiet ticker has few."""
    sessions = len({candle.start.date() for candle in candles})
    return max(round(len(candles) / sessions), 1) if sessions else _UNKNOWN


def _said(hole: Hole) -> str:
    when = str(hole.dates.start) if hole.dates.start == hole.dates.end else f"{hole.dates.start} to {hole.dates.end}"
    what = f"{len(hole.days)} sessions" if len(hole.days) > 1 else "1 session"
    if hole.lacks is not None:
        what = f"about {hole.lacks:,} minutes" if hole.lacks > 1 else "a minute"
    return f"{when}: {what} {_SAID[hole.kind]}: {hole.why}"


def _ratio(shares: float) -> str:
    return f"{shares:.4g}:1" if shares >= 1 else f"1:{1 / shares:.4g}"


def _split(shares: float) -> str:
    return f"{shares:.4g}-for-1 split" if shares >= 1 else f"1-for-{1 / shares:.4g} reverse split"


@dataclass(frozen=True, slots=True)
class Figures:
    """What the bars of a chart come to."""

    last: str
    when: str
    change: float
    """Of the last close over the first open, in percent."""
    high: str
    low: str
    volume: float | None


def figures_of(candles: Sequence[Candle]) -> Figures | None:
    """A few numbers above the chart; None without bars."""
    if not candles:
        return None
    first, last = candles[0], candles[-1]
    volumes = [candle.volume for candle in candles if candle.volume is not None]
    return Figures(
        price_text(last.close),
        last.label,
        (last.close / first.open - 1) * 100 if first.open else 0.0,
        price_text(max(candle.high for candle in candles)),
        price_text(min(candle.low for candle in candles)),
        sum(volumes) if volumes else None,
    )


def told(shown: ChartShown, candles: Sequence[Candle]) -> str:
    """The chart in a sentence, for whoever does not see it."""
    figures = figures_of(candles)
    if figures is None:
        return "No bar is held of these dates."
    spans = (
        f"{len(candles)} bars of {shown.size}, from {candles[0].label} to {candles[-1].label}.",
        f"Last close {figures.last}, {figures.change:+.2f} percent; high {figures.high}, low {figures.low}.",
        "" if shown.holes is None else f"{len(shown.holes)} gaps." if shown.holes else "Nothing is missing.",
    )
    return " ".join(spans).rstrip()


@dataclass(frozen=True, slots=True)
class GapLine:
    """A gap of the chart as a line of the page's table."""

    hole: Hole
    said: str
    verdict: str


def gap_lines(shown: ChartShown) -> Iterator[GapLine]:
    """What lacks, the latest first."""
    verdicts = {HoleKind.GAP: "missing", HoleKind.PENDING: "pending_upstream", HoleKind.SUSPECT: "suspect"}
    for hole in sorted(shown.holes or (), key=lambda each: each.dates, reverse=True):
        yield GapLine(hole, _SAID[hole.kind], verdicts[hole.kind])


def zone_of(dataset: Dataset | None) -> str:
    """The exchange's own time, in words."""
    return dataset.timezone.replace("_", " ") if dataset else "UTC"
