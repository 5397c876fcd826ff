"""The book of runs, on both databases."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from forebay.ledger.runs import KEPT, LEASE, MOST_WAITING, RunBook
from forebay.model.run import Order, Progress, RunKind, RunState

ALL = Order(RunKind.INGEST)
REPAIR = Order(RunKind.REPAIR, ("AAPL", "NA"), date(2026, 3, 2), date(2026, 3, 6), 10, again=True)


@pytest.fixture
def book(ledger, clock):
    return RunBook(ledger.database, clock)


def test_an_order_is_carried_out_once(book, clock):
    """Whoever claims first has the order as it was given, nobody else has it, and its end is written down."""
    ordered = book.order(REPAIR)
    assert (REPAIR, RunState.WAITING, clock.now()) == (ordered.order, ordered.state, ordered.ordered_at)
    claimed = book.claim("one")
    assert (ordered.id, REPAIR, RunState.RUNNING) == (claimed.id, claimed.order, claimed.state)
    assert book.claim("two") is None
    came = Progress(2, 1, 40, {"NA 2026-03-02": "the vendor has none"})
    book.finish(claimed, "one", RunState.DONE, came)
    over = book.get(ordered.id)
    assert (RunState.DONE, came, clock.now()) == (over.state, over.progress, over.finished_at)


def test_what_waits_is_not_doubled(book, clock):
    """The same order is the one that waits, another is another; once it runs the same is ordered anew."""
    first = book.order(ALL)
    clock.advance(1)
    assert [first.id, True] == [book.order(ALL).id, book.order(REPAIR).id != first.id]
    book.claim("one")
    clock.advance(1)
    assert book.order(ALL).id != first.id


def test_too_many_do_not_wait(book):
    """There is an end to what waits; an order that waits already is still found."""
    orders = [Order(RunKind.INGEST, (f"T{number}",)) for number in range(MOST_WAITING + 1)]
    ids = [run and run.id for run in map(book.order, orders)]
    assert ids[-1] is None
    assert ids[0] == book.order(orders[0]).id


def test_a_dead_service_has_stopped_its_run(book, clock):
    """A run that nobody renews is said to have been stopped when it was last heard of; one that is renewed runs on."""
    book.order(ALL)
    run = book.claim("one")
    clock.advance(50)
    book.note(run, "one", Progress(completed=3))
    heard = clock.now()
    clock.advance(50)
    assert (RunState.RUNNING, 3) == (book.get(run.id).state, book.get(run.id).progress.completed)
    clock.advance(LEASE.total_seconds())
    dead = book.get(run.id)
    assert (RunState.STOPPED, heard, 3) == (dead.state, dead.finished_at, dead.progress.completed)
    assert "order it again" in dead.error


def test_only_who_has_it_writes_it(book):
    """Another service cannot write into a run."""
    book.order(ALL)
    run = book.claim("one")
    book.note(run, "two", Progress(completed=3))
    book.finish(run, "two", RunState.FAILED, Progress())
    assert (RunState.RUNNING, 0) == (book.get(run.id).state, book.get(run.id).progress.completed)


def test_runs_are_listed_and_forgotten(book, clock):
    """The last ordered comes first, page by page; what has long been over is forgotten with the next order."""
    ids = []
    for number in range(5):
        ids.append(book.order(Order(RunKind.INGEST, (f"T{number}",))).id)
        clock.advance(number % 2)
    first = book.find(limit=3)
    second = book.find(before=first[-1], limit=3)
    assert sorted(ids) == sorted(run.id for run in first + second)
    assert ["T4"] == list(first[0].order.symbols)
    done = book.claim("one")
    book.finish(done, "one", RunState.DONE, Progress())
    clock.advance((KEPT + timedelta(seconds=1)).total_seconds())
    book.order(ALL)
    assert 5 == len(book.find())
    assert book.get(done.id) is None
