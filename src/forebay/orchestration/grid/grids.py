"""The whole grid, as of now: a table for each that feeds want or the ledger knows, kept for a moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from threading import Lock

from forebay.clock import Clock
from forebay.errors import LakeError, StoreError, UsageError
from forebay.ledger.grid import GridBook, pieces
from forebay.model.catalogue import LAKE_DATASETS, Dataset
from forebay.model.feed import ARCHIVE, LAKE
from forebay.model.instrument import AssetClass
from forebay.model.universe import Lifetime
from forebay.orchestration.grid.sessions import Sessions, Span, joined, sessions_between
from forebay.orchestration.grid.stored import Stored, StoredPlaces, places_of
from forebay.orchestration.grid.table import Known, TableGrid
from forebay.orchestration.lifetimes import ALWAYS, FindLifetimes, lifetimes
from forebay.orchestration.wanted import Wish

FRESH, KEPT = timedelta(seconds=1), timedelta(seconds=10)
"""How long a grid is shown again: whatever others write, and as long as they write nothing."""
_LIVES = timedelta(minutes=1)
"""How long it is remembered when symbols were listed."""
_WHERE = (LAKE, ARCHIVE)


@dataclass(frozen=True)
class Overview:
    """Every table of the grid, in the order of the catalogue."""

    made_at: datetime
    tables: Sequence[TableGrid]
    notes: Sequence[str] = ()
    """What could not be looked at, in sentences."""

    def find(self, table: str, destination: str = LAKE) -> TableGrid | None:
        """One table of it."""
        return next((each for each in self.tables if (each.table, each.destination) == (table, destination)), None)


@dataclass
class Grids:
    """Makes the grid. Asks the ledger and the lake's log; no vendor. Safe in threads."""

    book: GridBook
    find_wishes: Callable[[], tuple[Sequence[Wish], Sequence[str]]]
    """What is wanted, and notes on feeds that say nothing that could be."""
    find_lifetimes: FindLifetimes
    find_stored: Callable[[str, str], Stored | None]
    """What a destination has of a table; None where that is not known (yet)."""
    clock: Clock
    _lock: Lock = field(default_factory=Lock, repr=False)
    _kept: tuple[int, Hashable, Overview] | None = None
    _lives: dict[tuple[AssetClass, tuple[str, ...]], tuple[datetime, Mapping[str, Lifetime]]] = field(
        default_factory=dict, repr=False
    )

    def overview(self, change: int = 0, written: Hashable = None) -> Overview:
        """The grid. One that is kept is shown again while it is fresh and `change` is the same number.

        It is fresh for longer while `written`, a mark of the ledger that differs once anybody wrote to it, is the same:
        None is no mark. Raises LedgerError.
        """
        with self._lock:
            now = self.clock.now()
            if self._kept and self._kept[0] == change:
                _, mark, made = self._kept
                if now - made.made_at < (KEPT if written is not None and mark == written else FRESH):
                    return made
            made = self._make(now)
            self._kept = change, written, made
            return made

    def _make(self, now: datetime) -> Overview:
        wishes, notes = self.find_wishes()
        wanted: defaultdict[tuple[str, str], list[Wish]] = defaultdict(list)
        for wish in wishes:
            wanted[wish.destination, wish.table].append(wish)
        said = dict.fromkeys(notes)
        tables: list[TableGrid] = []
        for destination in _WHERE:
            recorded = self.book.recorded(destination, LAKE_DATASETS)
            for table in LAKE_DATASETS:
                if table in recorded or wanted[destination, table]:
                    made = self._table(destination, LAKE_DATASETS[table], wanted[destination, table], said)
                    tables += [made] if made else []
        return Overview(now, tables, list(said))

    def _table(
        self, destination: str, dataset: Dataset, wishes: Sequence[Wish], said: dict[str, None]
    ) -> TableGrid | None:
        texts = self.book.texts(destination, dataset.table)
        bounds = _bounds(wishes, texts.values())
        if bounds is None:
            return None
        sessions = sessions_between(dataset.calendar, *bounds)
        lives = {symbol: life for wish in wishes for symbol, life in self._lifetimes(wish).items()}
        wanted = _wanted(wishes, lives, sessions) if wishes else _held(texts, sessions)
        replaced = self.book.replaced(destination, dataset.table, dataset.name)
        places = (sessions.place.get(day.isoformat()) for day in replaced)
        known = Known(
            texts,
            self.book.failed(destination, dataset.table),
            frozenset(place for place in places if place is not None),
            self._stored(destination, dataset.table, sessions, said),
        )
        otc = frozenset(symbol for symbol, life in lives.items() if life.otc)
        made = TableGrid(dataset, destination, sessions, wanted, known, otc, by_feeds=bool(wishes))
        before = self._kept[2].find(dataset.table, destination) if self._kept else None
        return before if before == made else made  # it has counted already

    def _stored(self, destination: str, table: str, sessions: Sessions, said: dict[str, None]) -> StoredPlaces | None:
        try:
            stored = self.find_stored(destination, table)
        except (LakeError, StoreError, UsageError) as error:
            said[f"the {destination} was not looked at, so that drift is not shown: {error}"] = None
            return None
        return None if stored is None else places_of(stored, sessions)

    def _lifetimes(self, wish: Wish) -> Mapping[str, Lifetime]:
        now, name = self.clock.now(), (wish.dataset.asset_class, wish.symbols)
        known = self._lives.get(name)
        if known is None or now - known[0] > _LIVES:
            self._lives = {each: found for each, found in self._lives.items() if now - found[0] <= _LIVES}
            known = self._lives[name] = now, lifetimes(wish, self.find_lifetimes)
        return known[1]


def _bounds(wishes: Sequence[Wish], texts: Iterable[str]) -> tuple[date, date] | None:
    """The first and the last date that is wanted; where nothing is, those that are recorded."""
    if wishes:
        return min(wish.days[0] for wish in wishes), max(wish.days[-1] for wish in wishes)
    told = [each for text in set(texts) for each in pieces(text)]
    if not told:
        return None
    return date.fromisoformat(min(each[0] for each in told)), date.fromisoformat(max(each[1] for each in told))


def _wanted(
    wishes: Iterable[Wish], lives: Mapping[str, Lifetime], sessions: Sessions
) -> Mapping[str, tuple[Span, ...]]:
    """Symbol to what any wish wants of it while it was listed."""
    found: dict[str, tuple[Span, ...]] = {}
    for wish in wishes:
        whole = sessions.span(wish.days[0].isoformat(), wish.days[-1].isoformat())
        same: dict[tuple[date | None, date | None], tuple[Span, ...]] = {}
        for symbol in wish.symbols:
            life = lives.get(symbol, ALWAYS)
            name = life.listed, life.delisted
            if name not in same:
                same[name] = _while_listed(life, whole, sessions)
            found[symbol] = joined((*found[symbol], *same[name])) if symbol in found else same[name]
    return found


def _while_listed(life: Lifetime, whole: Span, sessions: Sessions) -> tuple[Span, ...]:
    first = sessions.span(life.listed.isoformat(), "9999-12-31")[0] if life.listed else 0
    last = sessions.span("0001-01-01", (life.delisted - _DAY).isoformat())[1] if life.delisted else whole[1]
    return joined([(max(first, whole[0]), min(last, whole[1]))])


_DAY = timedelta(days=1)


def _held(texts: Mapping[str, str], sessions: Sessions) -> Mapping[str, tuple[Span, ...]]:
    """Of what nobody wants: all that is recorded."""
    return {
        symbol: joined([sessions.span(start, end) for start, end, _ in pieces(text)]) for symbol, text in texts.items()
    }
