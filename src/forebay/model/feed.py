"""A feed: what a user wishes to hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from forebay.model.catalogue import Dataset
from forebay.model.csv_lzo import CSV_LZO, bar_archive
from forebay.model.sink_place import KAFKA, TIMESCALE, sink_place
from forebay.model.universe import Category

ARCHIVE, LAKE, FILES = "archive", "lake", "files"
DESTINATIONS = (ARCHIVE, LAKE, FILES, CSV_LZO, KAFKA, TIMESCALE)
"""Where a feed's data can go, in the order in which they go there."""


def from_lake(destination: str) -> bool:
    """Whether a destination is written from the lake, ticker by ticker, rather than from what the vendor sends."""
    return _name(destination) in (FILES, CSV_LZO, KAFKA, TIMESCALE)


def is_destination(name: str) -> bool:
    """Whether data can go there: one of DESTINATIONS, or one that also says where in full."""
    return name in DESTINATIONS or bar_archive(name) is not None or sink_place(name) is not None


def _name(destination: str) -> str:
    return destination.partition(":")[0]


class SourceChoice(StrEnum):
    """Where a feed's bars may come from."""

    AUTO = "auto"
    """Flat files beyond the hybrid boundary, REST inside it, unless the plan shows the other to be cheaper."""
    FLATFILES = "flatfiles"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Feed:
    """Keep these datasets, for these symbols, from `start` to `end` (both included), in these destinations."""

    name: str
    datasets: tuple[Dataset, ...]
    symbols: tuple[str, ...] | None = None
    """Case-sensitive tickers as REST spells them; None means all, or those of `category`."""
    start: date | None = None
    """None: the first day the vendor has."""
    end: date | None = None
    """None: the last complete session, moving with time."""
    source: SourceChoice = SourceChoice.AUTO
    destinations: tuple[str, ...] = (LAKE,)
    timeframes: tuple[str, ...] = ()
    """The sizes of bars that are written from the lake; none named means every size that its datasets make in files,
    minute bars in a csv.lzo archive, and day and minute bars in Kafka and the database, which has no others."""
    category: Category | None = None
    """Whose tickers it follows, instead of symbols of its own: those that joined are wanted from the next plan on."""

    @property
    def stores(self) -> tuple[str, ...]:
        """Where its data go, in that order. What is written from the lake needs the lake, which is kept with it."""
        named = {*self.destinations, *((LAKE,) if any(map(from_lake, self.destinations)) else ())}
        return tuple(sorted(named, key=lambda place: (DESTINATIONS.index(_name(place)), place)))
