"""Sums over the ledger for a monitor, on both databases."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
import sqlalchemy as sa
from ledger_nouns import BARS, covers, day, draft, revision, span

from forebay.db.conditions import NOT_SATISFIED
from forebay.db.tables import coverage
from forebay.ledger import Ledger
from forebay.ledger.at_work import throughput
from forebay.ledger.figures import (
    Brought,
    Leases,
    Unsatisfied,
    brought,
    ended_since,
    gaps_that_stay,
    leases,
    unsatisfied,
)
from forebay.ledger.filter import TaskFilter
from forebay.ledger.newest import newest_held, newest_listed
from forebay.model.coverage import Verdict
from forebay.model.partition import ALL_SYMBOLS, Partition, Source
from forebay.model.task import FAILED, Done, Retry, TaskState
from forebay.testing import FakeClock

LATER = timedelta(hours=2)


def test_the_newest_session_held_is_found_symbol_by_symbol(ledger: Ledger) -> None:
    """It is the end of the newest complete stretch, whoever's; what is doubtful, or held elsewhere, is none."""
    rng = Random(7)
    rows = [
        covers(first, first + rng.randrange(9), rng.choice(list(Verdict)), symbol, source)
        for symbol in (ALL_SYMBOLS, "AAP", "AAp", "NA", "Z")
        for source in (Source.REST, Source.FLATFILE)
        for first in range(rng.randrange(20), 300, 10)
    ]
    ledger.coverage.record(rows)
    expected = max(row.partition.dates.end for row in rows if row.verdict is Verdict.COMPLETE)

    assert {("lake", BARS): expected} == newest_held(ledger.database)


def test_nothing_held_has_no_newest_session(ledger: Ledger) -> None:
    """An empty ledger, and one that knows of missing files alone."""
    assert {} == newest_held(ledger.database)
    ledger.coverage.record([covers(0, 4, Verdict.MISSING_UPSTREAM)])

    assert {} == newest_held(ledger.database)


def test_the_newest_file_listed(ledger: Ledger) -> None:
    """Of each dataset its own."""
    ledger.listings.remember("one", {day(3): revision(), day(9): revision()})
    ledger.listings.remember("other", {day(5): revision()})

    assert {"one": day(9), "other": day(5)} == newest_listed(ledger.database)


def test_what_is_not_satisfied_is_counted(ledger: Ledger) -> None:
    """By verdict, without what is held; gaps within sessions are counted on their own."""
    ledger.coverage.record(covers(number, number, verdict) for number, verdict in enumerate(Verdict))
    ledger.coverage.record([covers(7, 7, Verdict.MISSING_UPSTREAM, "AAP", Source.LAKE)])

    waiting = (Verdict.PENDING_UPSTREAM, Verdict.MISSING_UPSTREAM, Verdict.SUSPECT)
    assert {Unsatisfied("lake", BARS, verdict): 1 for verdict in waiting} == unsatisfied(ledger.database)
    assert {BARS: 1} == gaps_that_stay(ledger.database)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_counting_reads_no_more_than_it_must(ledger: Ledger) -> None:
    """SQLite's own plans: an index of what is not satisfied, and seeks for what is newest."""
    counting = sa.select(sa.func.count()).where(NOT_SATISFIED)
    with ledger.database.read() as connection:
        text = str(counting.select_from(coverage).compile(connection))
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()

    assert ["ix_coverage_not_satisfied"] == [row[-1].rsplit(" ", 1)[-1] for row in plan]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_what_has_just_changed_is_found_without_a_look_at_all_tasks(ledger: Ledger, clock: FakeClock) -> None:
    """SQLite's own plans: lists, the last hour and its throughput walk along an index, and sort no table."""
    plans: list[list[str]] = []

    def explain(connection, _cursor, statement, parameters, *_) -> None:
        if statement.startswith("SELECT"):
            plan = connection.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append([step[3] for step in plan])

    sa.event.listen(ledger.database.engine, "before_cursor_execute", explain)
    ledger.tasks.find()
    ledger.tasks.find(TaskFilter(states=[TaskState.COMPLETED]))
    ledger.tasks.find(TaskFilter(states=FAILED))
    ended_since(ledger.database, clock.now())
    throughput(ledger.database, clock.now(), 60)

    walks = [plan[0] for plan in plans]
    assert 5 == len(walks)
    assert [2] == [number for number, walk in enumerate(walks) if "USING INDEX ix_tasks_failed" in walk]
    assert [0, 1, 3, 4] == [number for number, walk in enumerate(walks) if "USING INDEX ix_tasks_changed" in walk]
    assert [] == [step for plan in plans[:3] for step in plan if "TEMP B-TREE" in step]


def test_rows_and_bytes_are_summed_over_completed_tasks(ledger: Ledger, clock: FakeClock) -> None:
    """Those of whole files, and of the symbols that are asked for."""
    whose = (ALL_SYMBOLS, ALL_SYMBOLS, "AAP", "NA")
    parts = [Partition(BARS, symbol, span(number, number)) for number, symbol in enumerate(whose)]
    ledger.tasks.add(draft(number, partition=part) for number, part in enumerate(parts))
    while lease := ledger.tasks.claim("worker-1"):
        ledger.tasks.finish(lease, Done((covers(0, 0),)))
    ledger.tasks.add([draft(9, key="waiting")])

    expected = {(BARS, ALL_SYMBOLS): Brought(14, 198), (BARS, "AAP"): Brought(7, 99)}
    assert expected == brought(ledger.database, ["AAP", "AAp"])


def test_leases_are_counted_until_they_are_given_back(ledger: Ledger, clock: FakeClock) -> None:
    """Held, left behind and how old; two tasks of one worker are one worker."""
    assert Leases(0, 0, 0, None) == leases(ledger.database, clock.now())
    ledger.tasks.add(draft(number) for number in range(3))
    began = clock.now()
    for worker in ("one", "one", "other"):
        assert ledger.tasks.claim(worker)
    assert Leases(2, 3, 0, began) == leases(ledger.database, clock.now())

    assert Leases(2, 3, 3, began) == leases(ledger.database, clock.now() + LATER)
    ledger.tasks.rescue(dead=["one", "other"])
    assert Leases(0, 0, 0, None) == leases(ledger.database, clock.now())


def test_what_ended_lately_is_counted_by_how(ledger: Ledger, clock: FakeClock) -> None:
    """A failure counts while it waits for its next attempt; what ended before does not."""
    ledger.tasks.add(draft(number) for number in range(2))
    ledger.tasks.finish(ledger.tasks.claim("one"), Done(()))
    clock.advance(LATER.total_seconds())
    ledger.tasks.finish(ledger.tasks.claim("one"), Retry("odd", "it failed"))

    since = clock.now() - timedelta(hours=1)
    assert {("load", TaskState.FAILED_DOWNLOAD): 1} == ended_since(ledger.database, since)
    assert {("load", TaskState.FAILED_DOWNLOAD): 1, ("load", TaskState.COMPLETED): 1} == ended_since(
        ledger.database, since - LATER
    )
