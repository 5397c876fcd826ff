"""Candles as coordinates: a pure function of bars. What is held lies side by side; what is missing is a band."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from forebay.service.dashboard.scales import Tick, price_text, price_ticks, time_ticks, volume_text

_AXIS, _FOOT, _HEAD = 64.0, 22.0, 10.0
"""Room for prices at the right, for times below, and above."""
_VOLUMES = 0.2
"""Part of the height that volumes take, where there are any."""
_PAD = 0.04
"""Of the prices' span, above and below it."""
_BODY = 0.7
"""Of a slot's width, that the candle's body takes."""
_WIDEST, _THINNEST = 24.0, 0.8
_HOLLOW = 3.0
"""The least width of a hollow body."""
_LABEL = 72.0
"""Room that a label below needs."""


@dataclass(frozen=True, slots=True)
class Candle:
    """One bar. `start` is in the exchange's own time."""

    start: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float | None
    label: str
    """Its date or time, as a person reads it."""

    @property
    def text(self) -> str:
        """All of it in one line."""
        prices = (("O", self.open), ("H", self.high), ("L", self.low), ("C", self.close))
        volume = "" if self.volume is None else f" · V {volume_text(self.volume)}"
        return f"{self.label} · {' '.join(f'{name} {price_text(price)}' for name, price in prices)}{volume}"


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of which something is missing, from `start` to before `end`."""

    start: datetime
    end: datetime
    bars: int
    """How many there would be if all were held: those that lack are given room."""
    title: str
    kind: str = "gap"
    """`gap`, `pending` (not published yet) or `suspect`: how it is drawn."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened before the first bar from `at` on: a split."""

    at: datetime
    label: str
    title: str


@dataclass(frozen=True, slots=True)
class Series:
    """What is to be drawn, each in order of time."""

    candles: Sequence[Candle]
    bands: Sequence[Band] = ()
    marks: Sequence[Mark] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """The size of a picture, in its own units."""

    width: float
    height: float


WIDE, NARROW = Frame(960, 420), Frame(360, 300)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A candle's place: its body from `left` over `width`, prices as heights from above."""

    candle: Candle
    slot: float
    """Where its slot begins, for whoever points at it."""
    left: float
    width: float
    middle: float
    top: float
    bottom: float
    high: float
    low: float
    volume: float
    """Top of its volume, which stands on the bottom."""

    @property
    def rises(self) -> bool:
        """Whether it closed no lower than it opened."""
        return self.candle.close >= self.candle.open

    @property
    def path(self) -> str:
        """Wicks and body, as SVG draws them."""
        body = f"M{self.left} {self.top}h{self.width}v{round(max(self.bottom - self.top, _THINNEST), 2)}h-{self.width}z"
        return f"M{self.middle} {self.high}V{self.top}M{self.middle} {self.bottom}V{self.low}{body}"


@dataclass(frozen=True, slots=True)
class Stripe:
    """A band's place."""

    band: Band
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Line:
    """A mark's place."""

    mark: Mark
    x: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything in its place, in units of `frame`."""

    frame: Frame
    right: float
    """Where prices end and their labels begin."""
    bottom: float
    floor: float
    """Below it are volumes; the bottom where there are none."""
    step: float
    """Width of a slot."""
    candles: tuple[Drawn, ...]
    bands: tuple[Stripe, ...]
    marks: tuple[Line, ...]
    prices: tuple[Tick, ...]
    times: tuple[Tick, ...]
    most: str
    """The largest volume in words; empty where there is none."""

    @property
    def is_dense(self) -> bool:
        """Whether candles are too narrow to be hollow."""
        return self.step * _BODY < _HOLLOW

    def volumes(self, *, rising: bool) -> str:
        """The volumes of candles that rise, or of the others, as SVG draws them."""
        told = (each for each in self.candles if each.rises is rising and each.volume < self.bottom)
        return "".join(f"M{each.left} {self.bottom}V{each.volume}h{each.width}V{self.bottom}z" for each in told)


def draw(series: Series, frame: Frame = WIDE) -> Drawing:
    """Place everything. Slots are alike and follow each other: nights, weekends and holidays take no room."""
    places, slots = _slots(series)
    right, bottom = frame.width - _AXIS, frame.height - _FOOT
    step = right / max(slots, 1)
    top_volume = max((candle.volume or 0.0 for candle in series.candles), default=0.0)
    floor = bottom - (bottom - _HEAD) * _VOLUMES if top_volume else bottom
    low, high = _span(series.candles)

    def height(price: float) -> float:
        return round(floor - (price - low) / (high - low) * (floor - _HEAD), 2)

    drawn = tuple(
        _drawn(candle, places.candles[at] * step, step, height, bottom, (bottom - floor) / (top_volume or 1.0))
        for at, candle in enumerate(series.candles)
    )
    stripes = [
        Stripe(band, round(first * step, 2), round(max((after - first) * step, 1.0), 2))
        for band, (first, after) in zip(series.bands, places.bands, strict=True)
    ]
    return Drawing(
        frame,
        right,
        bottom,
        floor,
        step,
        drawn,
        tuple(stripes),
        tuple(_marked(series, places.candles, step)),
        tuple(Tick(height(price), text) for price, text in price_ticks(low, high)) if series.candles else (),
        tuple(
            time_ticks([(at * step, moment) for at, moment in _moments(series, places)], int(right / _LABEL), _LABEL)
        ),
        volume_text(top_volume) if top_volume else "",
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """The slot of each candle, and the first and the one behind the last of each band."""

    candles: list[int]
    bands: list[tuple[int, int]]


def _slots(series: Series) -> tuple[_Places, int]:
    """Who is where, and how many slots there are. A band has room for what lacks in it, in front of what is held."""
    places, at, waiting = _Places([], []), 0, list(series.bands)
    for candle in series.candles:
        while waiting and waiting[0].start <= candle.start:
            at = _open(places, waiting.pop(0), series.candles, at)
        places.candles.append(at)
        at += 1
    for band in waiting:
        at = _open(places, band, series.candles, at)
    return places, at


def _open(places: _Places, band: Band, candles: Sequence[Candle], at: int) -> int:
    held = sum(band.start <= candle.start < band.end for candle in candles)
    lacking = max(band.bars - held, 0 if held else 1)
    places.bands.append((at, at + lacking + held))
    return at + lacking


def _span(candles: Sequence[Candle]) -> tuple[float, float]:
    """The lowest and the highest price that there is room for."""
    low = min((candle.low for candle in candles), default=0.0)
    high = max((candle.high for candle in candles), default=1.0)
    pad = (high - low) * _PAD or abs(high) * _PAD or 1.0
    return (max(low - pad, 0.0) if low >= 0 else low - pad), high + pad


def _drawn(
    candle: Candle, left: float, step: float, height: Callable[[float], float], bottom: float, unit: float
) -> Drawn:
    width = min(step * _BODY, _WIDEST)
    middle = left + step / 2
    ends = height(candle.open), height(candle.close)
    return Drawn(
        candle,
        round(left, 2),
        round(middle - width / 2, 2),
        round(width, 2),
        round(middle, 2),
        min(ends),
        max(ends),
        height(candle.high),
        height(candle.low),
        round(bottom - (candle.volume or 0.0) * unit, 2),
    )


def _marked(series: Series, places: Sequence[int], step: float) -> Iterator[Line]:
    """Marks stand before the first bar that they change; one outside of what is shown is left out."""
    for mark in series.marks:
        later = [place for candle, place in zip(series.candles, places, strict=True) if candle.start >= mark.at]
        if later and len(later) < len(places):
            yield Line(mark, round(later[0] * step, 2))


def _moments(series: Series, places: _Places) -> list[tuple[int, datetime]]:
    held = [(place, candle.start) for candle, place in zip(series.candles, places.candles, strict=True)]
    absent = [(first, band.start) for band, (first, _) in zip(series.bands, places.bands, strict=True)]
    return sorted([*held, *absent])
