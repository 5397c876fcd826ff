"""What the feeds ask for, spelled out by the calendar: the left side of the subtraction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from forebay.errors import UsageError
from forebay.model.calendar import day_start, last_complete_session, session_days
from forebay.model.catalogue import Dataset
from forebay.model.feed import ARCHIVE, FILES, LAKE, Feed, SourceChoice, from_lake
from forebay.model.instrument import AssetClass, asset_class_of, may_be_of
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.sink_place import SENT_SIZES, TIMESCALE, sink_place
from forebay.model.timeframe import TIMEFRAMES, base_of
from forebay.model.universe import Category


@dataclass(frozen=True, slots=True)
class Reach:
    """What the user's plan serves of a dataset, as far as is known."""

    first_day: date
    """The oldest session date."""
    files: bool = True
    """Whether its flat files may be read; if not, it comes by REST."""


_DAY = timedelta(days=1)
_DELAY = timedelta(minutes=30)
"""Plans with delayed data are 15 minutes behind; a day asked for earlier would lack its last minutes."""

FindReach = Callable[[Feed, Dataset], Reach | None]
"""What the plan serves of one of a feed's datasets; None when that is nothing."""
Members = Callable[[Category], tuple[str, ...]]
"""The tickers of a category, as far as it was discovered. Raises UsageError when it never was."""


def _nobody(category: Category) -> tuple[str, ...]:
    raise UsageError(f"nobody is known of {category}", remedy=f"run `forebay discover {category}`")


@dataclass(frozen=True, slots=True)
class Wish:
    """One feed's wish for one dataset in one destination: these symbols on each of these session dates (sorted)."""

    feed: Feed
    dataset: Dataset
    symbols: tuple[str, ...]
    days: tuple[date, ...]
    files: bool = True
    """Whether the plan includes the dataset's flat files."""
    destination: str = LAKE
    timeframe: str = ""
    """Of what is written from the lake: the size of its bars, made from the dataset's."""

    @property
    def table(self) -> str:
        """What its coverage is recorded under: the dataset's; `stocks/bars_5m` and the like of what the lake makes."""
        return f"{self.dataset.asset_class}/bars_{self.timeframe}" if self.timeframe else self.dataset.table

    @property
    def whole_market(self) -> bool:
        """Whether it asks for every symbol there is."""
        return self.symbols == (ALL_SYMBOLS,)

    @property
    def from_lake(self) -> bool:
        """Whether it is written from the lake."""
        return from_lake(self.destination)

    @property
    def span(self) -> Interval:
        """From its first day to its last."""
        return Interval(self.days[0], self.days[-1])


def lake_tables(wishes: Iterable[Wish]) -> set[str]:
    """The tables that are wanted in the lake."""
    return {wish.table for wish in wishes if wish.destination == LAKE}


def spell_out(feeds: Iterable[Feed], now: datetime, find_reach: FindReach, members: Members = _nobody) -> list[Wish]:
    """The wishes of `feeds` as of `now` (UTC). Sessions that have not ended are not wanted yet.

    Raises UsageError for dates that can never hold anything, for symbols of another asset class, and for a category
    that was never discovered.
    """
    wishes = [
        wish
        for feed in (replace(one, symbols=members(one.category)) if one.category else one for one in feeds)
        for destination in feed.stores
        if not from_lake(destination)
        for dataset in feed.datasets
        if (wish := _wish(_for(destination, feed), dataset, destination, now, find_reach))
    ]
    return [*wishes, *_from_lake(wishes)]


def _from_lake(wishes: Iterable[Wish]) -> Iterator[Wish]:
    """What is to be written from the lake: one wish for each timeframe that a dataset makes."""
    for wish in wishes:
        places = [place for place in wish.feed.stores if from_lake(place)] if wish.destination == LAKE else []
        if places and wish.whole_market:
            raise UsageError(
                f"feed {wish.feed.name!r} wants files of each ticker and names no tickers",
                remedy="name them, or a universe; `forebay export` writes a file of every ticker that the lake holds",
            )
        for place in places:
            for timeframe in _sizes(place, wish.feed):
                if base_of(timeframe) is wish.dataset.kind:
                    yield replace(wish, destination=place, timeframe=timeframe, files=False)


def _sizes(place: str, feed: Feed) -> Iterable[str]:
    """The sizes of bars that go to a place: those that the feed names, or the place's own."""
    there = sink_place(place)
    if there and there.sink == TIMESCALE:
        return _of_database(feed)
    if place == FILES:
        return feed.timeframes or TIMEFRAMES
    return feed.timeframes or (SENT_SIZES if there else ("1m",))


def _of_database(feed: Feed) -> Iterable[str]:
    sizes = [size for size in feed.timeframes or SENT_SIZES if size in SENT_SIZES]
    if not sizes:
        raise UsageError(
            f"feed {feed.name!r} wants bars of {', '.join(feed.timeframes)} in the database, which has 1m and 1d",
            remedy="let its timeframes name 1m: the database has larger bars as views of it",
        )
    return sizes


def _for(destination: str, feed: Feed) -> Feed:
    """The feed as a destination has it: the archive keeps the vendor's files, and each holds every symbol."""
    if destination != ARCHIVE:
        return feed
    if feed.source is SourceChoice.REST:
        raise UsageError(
            f"feed {feed.name!r}: the archive keeps flat files, and the feed's source is rest",
            remedy='leave "archive" out of its destinations, or leave its source open',
        )
    return replace(feed, symbols=None, source=SourceChoice.FLATFILES)


def _wish(feed: Feed, dataset: Dataset, destination: str, now: datetime, find_reach: FindReach) -> Wish | None:
    symbols = symbols_of(feed, dataset)
    if not symbols:
        return None
    newest = newest_session(dataset, now)
    if feed.start and feed.start > now.date():
        raise UsageError(
            f"feed {feed.name!r} starts on {feed.start}, which is in the future",
            remedy="give a start date up to today",
        )
    if feed.source is SourceChoice.REST and not dataset.by_rest:
        raise UsageError(
            f"feed {feed.name!r} wants {dataset.name} by REST, which brings day and minute bars, not of futures",
            remedy="leave its source open: the dataset comes as flat files",
        )
    reach = find_reach(feed, dataset)
    if reach is None:
        return None
    start = max(feed.start or reach.first_day, reach.first_day, dataset.first_date)
    days = tuple(session_days(dataset.calendar, start, min(feed.end or newest, newest)))
    return Wish(feed, dataset, symbols, days, reach.files, destination) if days else None


def newest_session(dataset: Dataset, now: datetime) -> date:
    """The newest session date that is over in its exchange's time and in its own zone, delayed data included."""
    then = now - _DELAY
    newest = last_complete_session(dataset.calendar, then)
    if dataset.asset_class is AssetClass.INDICES and then < day_start(dataset, newest + _DAY):
        return last_complete_session(dataset.calendar, then - _DAY)
    return newest


def symbols_of(feed: Feed, dataset: Dataset) -> tuple[str, ...]:
    """The feed's symbols that this dataset can hold: a mixed list is split by the tickers' prefixes."""
    if feed.symbols is None:
        return (ALL_SYMBOLS,)
    known = {other.asset_class for other in feed.datasets}
    for symbol in feed.symbols:
        if not any(may_be_of(symbol, each) for each in known):
            raise UsageError(
                f"feed {feed.name!r}: {symbol} is of asset class {asset_class_of(symbol)}, "
                f"but the feed's datasets hold {', '.join(sorted(known))}",
                remedy=f"add {asset_class_of(symbol)}/{dataset.kind} to the feed's datasets, or remove the symbol",
            )
    return tuple(symbol for symbol in feed.symbols if may_be_of(symbol, dataset.asset_class))


def of_ticker(wishes: Iterable[Wish], ticker: str) -> list[Wish]:
    """The wishes narrowed to one ticker; those that ask for the whole market hold it too. Raises UsageError."""
    asset_class = asset_class_of(ticker)
    narrowed = [
        replace(wish, symbols=(ticker,))
        for wish in wishes
        if ticker in wish.symbols or (wish.whole_market and wish.dataset.asset_class is asset_class)
    ]
    if not narrowed:
        raise UsageError(
            f"no feed asks for {ticker}",
            remedy="tickers are case-sensitive; `forebay status` without a ticker shows the feeds",
        )
    return narrowed
