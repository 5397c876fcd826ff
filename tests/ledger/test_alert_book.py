"""Who is told of what, how often, and by whom of several daemons."""

from __future__ import annotations

from datetime import timedelta

import pytest

from forebay.ledger import Ledger
from forebay.ledger.alerts import CALM, AlertBook
from forebay.model.alert import Alert, Condition
from forebay.testing import FakeClock

STALE = Alert(Condition.STALE, "stocks/bars_1d in lake", "it lacks a session", "forebay status")
DISK = Alert(Condition.DISK, "home", "it is nearly full", "free some space")
DAY = timedelta(days=1)


@pytest.fixture
def book(ledger: Ledger, clock: FakeClock) -> AlertBook:
    return AlertBook(ledger.database, clock)


def _keys(book: AlertBook, repeat: timedelta = DAY) -> list[tuple[str, bool, bool]]:
    return [(notice.raised.alert.subject, notice.again, notice.over) for notice in book.take(repeat)]


def _wait(clock: FakeClock, span: timedelta) -> None:
    clock.advance(span.total_seconds())


def test_an_alert_is_told_once_and_again_after_a_while(book: AlertBook, clock: FakeClock) -> None:
    """Not at each look, whatever its words are by then; a second daemon finds nothing to tell."""
    book.note([STALE, DISK])
    assert [("home", False, False), (STALE.subject, False, False)] == sorted(_keys(book))
    assert [] == _keys(book)
    _wait(clock, DAY / 2)
    worse = Alert(STALE.condition, STALE.subject, "it lacks two sessions", STALE.remedy)
    book.note([worse, DISK])
    assert [] == _keys(book)
    _wait(clock, DAY / 2)
    book.note([worse, DISK])
    assert [("home", True, False), (STALE.subject, True, False)] == sorted(_keys(book))
    assert "it lacks two sessions" == next(each for each in book.list() if each.alert.key == STALE.key).alert.message


def test_what_is_over_is_told_once_it_is_calm(book: AlertBook, clock: FakeClock) -> None:
    """Something that comes and goes is one alert; in the end it is told that it is over, and forgotten."""
    book.note([STALE])
    began = clock.now()
    assert 1 == len(_keys(book))
    for there in (False, True, False):
        _wait(clock, CALM / 2)
        book.note([STALE] if there else [])
        assert [] == _keys(book)
    _wait(clock, CALM)
    book.note([])
    [notice] = book.take(DAY)
    assert (True, began) == (notice.over, notice.raised.raised_at)
    assert ([], []) == (_keys(book), book.list())


def test_what_nobody_was_told_of_is_forgotten_in_silence(book: AlertBook, clock: FakeClock) -> None:
    """Without addresses nothing is ever due to be told as over."""
    book.note([STALE])
    _wait(clock, CALM)
    book.note([])
    assert ([], []) == (_keys(book), book.list())


def test_what_cannot_be_judged_stays_as_it_was(book: AlertBook, clock: FakeClock) -> None:
    """A lake that is away does not make its data fresh."""
    book.note([STALE, DISK])
    book.take(DAY)
    _wait(clock, CALM)
    book.note([], unknown=[Condition.STALE])
    assert [("home", True, True)] == _keys(book)
    assert [STALE] == [each.alert for each in book.list()]


def test_what_no_address_took_is_due_again(book: AlertBook, clock: FakeClock) -> None:
    """What is new, what lasts and what is over: each as if it had never been taken."""
    book.note([STALE, DISK])
    first = book.take(DAY)
    book.give_back(first)
    assert first == book.take(DAY)
    _wait(clock, DAY)
    book.note([DISK])
    later = book.take(DAY)
    assert {(STALE.subject, True), ("home", False)} == {(each.raised.alert.subject, each.over) for each in later}
    book.give_back(later)
    assert later == book.take(DAY)
    assert [] == book.take(DAY)
