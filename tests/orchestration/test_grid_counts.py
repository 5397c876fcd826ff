"""How the sessions of months stand: counted as fast as it goes, and the same as one by one."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from forebay.ledger.grid import GridBook
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import LAKE, Feed
from forebay.model.grid import Standing
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision, Source
from forebay.model.task import Discard, TaskDraft, TaskKind
from forebay.model.universe import Lifetime
from forebay.orchestration.grid.grids import Grids
from forebay.orchestration.grid.stored import Stored
from forebay.orchestration.plan import Rates
from forebay.orchestration.planner import Planner
from forebay.orchestration.report import report
from forebay.orchestration.sources import Means
from forebay.orchestration.wanted import Reach, spell_out

DAYS = BAR_DATASETS["stocks/bars_1d"]
START, END = date(2025, 11, 3), date(2026, 3, 19)
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


def covers(first, last=None, verdict=Verdict.COMPLETE, symbol=ALL_SYMBOLS, source=None, rows=0, **more):
    dates = Interval(first, last or first)
    source = source or (Source.FLATFILE if symbol == ALL_SYMBOLS else Source.REST)
    evidence = Evidence(rows=rows, revision=more.pop("revision", None))
    return Coverage(
        Partition(DAYS.table, symbol, dates), LAKE, source, verdict, evidence, more.pop("at", NOW), more.get("until")
    )


@pytest.fixture
def grid(ledger, clock):
    """The grid of one feed, with what its lake lists; without a list everything is where it should be."""

    def made(symbols=None, lives=None, stored=None, start=START):
        feed = Feed("one", (DAYS,), symbols, start, END)
        wishes = spell_out([feed], clock.now(), lambda _, dataset: Reach(dataset.first_date))
        there = Stored(frozenset(), told=False) if stored is None else Stored(frozenset(stored))
        grids = Grids(
            GridBook(ledger.database, clock), lambda: (wishes, ()), lambda _: lives or {}, lambda *_: there, clock
        )
        (table,) = grids.overview().tables
        return table, wishes

    return made


def test_each_verdict_is_counted_by_month(ledger, grid):
    """Held, empty, not published, missing, failing a check, and what nobody has asked for: each where it belongs."""
    ledger.coverage.record(
        [
            covers(date(2026, 3, 2), rows=5),
            covers(date(2026, 3, 3), verdict=Verdict.KNOWN_EMPTY),
            covers(date(2026, 3, 4), verdict=Verdict.PENDING_UPSTREAM),
            covers(date(2026, 3, 5), verdict=Verdict.MISSING_UPSTREAM),
            covers(date(2026, 3, 6), verdict=Verdict.SUSPECT, rows=5),
            covers(date(2026, 3, 9), source=Source.STREAM, rows=5),
        ]
    )

    cell = grid()[0].months["2026-03"]

    assert {
        Standing.COMPLETE: 1,
        Standing.KNOWN_EMPTY: 1,
        Standing.PENDING_UPSTREAM: 1,
        Standing.MISSING_UPSTREAM: 1,
        Standing.SUSPECT: 1,
        Standing.MISSING: 9,
    } == cell.counts
    assert (14, 2, Standing.SUSPECT) == (cell.wanted, cell.held, cell.standing)


def test_thanksgiving_is_not_wanted(grid):
    """November 2025 from the 3rd on has 19 sessions, and December 22."""
    months = grid()[0].months

    assert [("2025-11", 19), ("2025-12", 22)] == [(month, cell.wanted) for month, cell in months.items()][:2]


def test_symbols_are_counted_while_they_were_listed(ledger, grid):
    """What lies before a listing or after a delisting is not wanted, whatever is recorded of it."""
    ledger.coverage.record([covers(START, END, symbol=symbol, rows=9) for symbol in ("AAP", "AAp")])
    lives = {"AAp": Lifetime(listed=date(2026, 3, 16)), "NA": Lifetime(delisted=date(2026, 3, 4))}

    table, _ = grid(("AAP", "AAp", "NA"), lives)

    assert {Standing.COMPLETE: 14 + 4, Standing.MISSING: 2} == table.months["2026-03"].counts


def test_the_whole_markets_file_holds_every_symbol_but_those_over_the_counter(ledger, grid):
    """A day of `*` is held for each symbol, whatever is said of the symbol itself; an OTC ticker is in no file."""
    ledger.coverage.record(
        [
            covers(date(2026, 3, 2), rows=5),
            covers(date(2026, 3, 2), symbol="A", verdict=Verdict.SUSPECT),
            covers(date(2026, 3, 3), verdict=Verdict.MISSING_UPSTREAM),
        ]
    )

    table, _ = grid(("A", "B", "OTCX"), {"OTCX": Lifetime(otc=True)}, start=date(2026, 3, 2))

    assert {Standing.COMPLETE: 2, Standing.MISSING_UPSTREAM: 2, Standing.MISSING: 2 + 12 * 3} == table.months[
        "2026-03"
    ].counts


def test_a_failed_task_and_a_file_published_anew_are_told(ledger, grid, clock):
    """What a task could not bring has failed; what the vendor has replaced since is not up to date."""
    old, new = (Revision(mark, 10, clock.now() - timedelta(days=9)) for mark in ("old", "new"))
    ledger.coverage.record([covers(date(2026, 3, 2), rows=5, revision=old)])
    ledger.listings.remember(DAYS.name, {date(2026, 3, 2): new})
    day = Interval(date(2026, 3, 3), date(2026, 3, 3))
    draft = TaskDraft(TaskKind.LOAD, "a key", DAYS.name, Partition(DAYS.table, ALL_SYMBOLS, day), LAKE, Source.FLATFILE)
    ledger.tasks.add([draft])
    ledger.tasks.finish(ledger.tasks.claim("worker"), Discard("not_found", "gone"))

    counts = grid()[0].months["2026-03"].counts

    assert {Standing.REPLACED: 1, Standing.FAILED: 1, Standing.MISSING: 12} == counts


def test_storage_and_ledger_are_held_against_each_other(ledger, grid):
    """Recorded and not stored, or stored and not recorded, is drift; an answer without rows needs no file."""
    ledger.coverage.record(
        [
            covers(date(2026, 3, 2), rows=5),
            covers(date(2026, 3, 3), rows=5),
            covers(date(2026, 3, 4), verdict=Verdict.KNOWN_EMPTY),
            covers(date(2026, 2, 2), date(2026, 2, 27), symbol="A", rows=5),
        ]
    )

    table, _ = grid(stored=[date(2026, 3, 2), date(2026, 3, 5), date(2026, 2, 10)])
    counts = table.counts()
    stands = {
        day.day: counts.cell((place, place)).standing
        for place, day in enumerate(table.sessions.days)
        if day >= date(2026, 3, 1)
    }

    assert {2: Standing.COMPLETE, 3: Standing.DRIFT, 4: Standing.KNOWN_EMPTY, 5: Standing.DRIFT} == {
        day: stands[day] for day in (2, 3, 4, 5)
    }
    assert {Standing.DRIFT: 2, Standing.COMPLETE: 1, Standing.KNOWN_EMPTY: 1, Standing.MISSING: 10} == table.months[
        "2026-03"
    ].counts
    assert {Standing.MISSING: 19} == table.months["2026-02"].counts


def test_a_symbols_range_drifts_when_no_file_meets_it(ledger, grid):
    """A quiet symbol has no rows on most days; that a range of it has none anywhere is drift, all of it."""
    ledger.coverage.record(
        [
            covers(date(2026, 2, 2), date(2026, 2, 27), symbol="A", rows=5),
            covers(date(2026, 3, 2), date(2026, 3, 6), symbol="A", rows=5),
        ]
    )

    table, _ = grid(("A",), stored=[date(2026, 2, 10)], start=date(2026, 2, 2))

    assert [{Standing.COMPLETE: 19}, {Standing.DRIFT: 5, Standing.MISSING: 9}] == [
        cell.counts for cell in table.months.values()
    ]


def test_the_worst_symbols_come_first(ledger, grid):
    """Symbols are listed by how much is to be done for them in a window, then by their bytes."""
    ledger.coverage.record([covers(START, END, symbol="B", rows=9), covers(START, date(2026, 3, 6), symbol="A")])

    table, _ = grid(("A", "B", "C", "a"))
    window = dict(table.sessions.months)["2026-03"]

    assert [("C", 0), ("a", 0), ("A", 5), ("B", 14)] == [(name, cell.held) for name, cell in table.by_symbol(window)]
    assert ["A"] == [name for name, _ in table.by_symbol(window, "A")]


def test_what_nobody_wants_is_shown_as_far_as_it_is_held(ledger, clock):
    """A table that no feed asks for has as many wanted sessions as are recorded."""
    ledger.coverage.record([covers(date(2026, 3, 2), date(2026, 3, 6), symbol="A", rows=9)])
    grids = Grids(
        GridBook(ledger.database, clock), lambda: ((), ()), dict, lambda *_: Stored(frozenset(), told=False), clock
    )

    (table,) = grids.overview().tables

    assert (False, {"2026-03": {Standing.COMPLETE: 5}}) == (
        table.by_feeds,
        {month: cell.counts for month, cell in table.months.items()},
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_grid_agrees_with_the_status(ledger, clock, grid, seed):
    """Whatever is recorded, in pieces that overlap: each month has as much wanted and held as `status` says."""
    rng, span = Random(seed), (END - START).days
    symbols = tuple(f"S{number}" for number in range(7))

    def some(symbol, source):
        first = START + timedelta(days=rng.randrange(-20, span))
        last = first + timedelta(days=0 if symbol == ALL_SYMBOLS else rng.randrange(40))
        until = clock.now() + timedelta(days=1 if rng.random() < 0.8 else -1)
        return covers(first, last, rng.choice(list(Verdict)), symbol, source, rows=1, until=until)

    sources = (Source.STREAM, Source.REST, Source.FLATFILE)
    ledger.coverage.record([some(rng.choice((*symbols, ALL_SYMBOLS)), rng.choice(sources)) for _ in range(80)])
    lives = {"S1": Lifetime(listed=date(2026, 1, 5)), "S2": Lifetime(delisted=date(2026, 2, 3), otc=True)}

    table, wishes = grid(symbols, lives)
    planner = Planner(ledger, _means(clock), clock.now(), lambda _: lives)
    (row,) = report(planner, ledger, wishes)
    lacking = Counter(f"{day:%Y-%m}" for days in planner.gaps(wishes[0]).values() for day in days)

    assert {month: count for month, count in lacking.items() if count} == {
        month: cell.wanted - cell.held for month, cell in table.months.items() if cell.wanted != cell.held
    }
    assert row.wanted - row.held == sum(cell.wanted - cell.held for cell in table.months.values())


def _means(clock):
    return Means(
        flatfiles=True, rest=True, today=clock.now().date(), hybrid_boundary=timedelta(days=30), rates=Rates(5)
    )
