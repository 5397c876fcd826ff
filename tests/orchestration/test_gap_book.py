"""What is remembered of gaps that stay: nobody asks for them again until the vendor has something else to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from forebay.model.catalogue import BAR_DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import LAKE
from forebay.model.gap import Gap, GapKind, Outcome, Proof
from forebay.model.intervals import Interval
from forebay.model.partition import Partition, Revision, Source
from forebay.orchestration.gap_book import GapBook

MINUTES = BAR_DATASETS["stocks/bars_1m"]
OLD, YOUNG = date(2026, 2, 10), date(2026, 3, 18)
FIRST = Revision("first", 10, datetime(2026, 2, 11, tzinfo=UTC))
SECOND = Revision("second", 11, datetime(2026, 3, 1, tzinfo=UTC))


def gap(day: date, symbol: str = "ABC") -> Gap:
    at = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
    return Gap(symbol, day, GapKind.MINUTES, Proof.DAY_BAR, 3, at, at, "12 trades lack")


@pytest.fixture
def book(ledger, clock):
    return GapBook(ledger, clock)


def stays(book: GapBook, *gaps: Gap, revisions: dict[date, Revision] | None = None) -> None:
    """Record that the vendor has no more of these."""
    told = [replace(each, outcome=Outcome.MISSING_UPSTREAM, reason="it has no more") for each in gaps]
    book.record(MINUTES, told, revisions or {})


def test_a_gap_that_was_explained_keeps_its_reason(book):
    """The same symbol and session: another symbol's gap on that day, and other days, are still open."""
    stays(book, gap(OLD))

    found = list(book.known(MINUTES, [gap(OLD), gap(OLD, "AbC"), gap(OLD - timedelta(days=1))]))

    assert [Outcome.MISSING_UPSTREAM, Outcome.OPEN, Outcome.OPEN] == [each.outcome for each in found]
    assert ["it has no more", "", ""] == [each.reason for each in found]


def test_it_is_open_again_once_the_file_is_another(book, ledger):
    """A reason that is about one revision of a file holds until the vendor lists another one."""
    span = Interval(OLD, OLD)
    ledger.listings.remember(MINUTES.name, {OLD: FIRST}, span)
    stays(book, gap(OLD), revisions={OLD: FIRST})
    (before,) = book.known(MINUTES, [gap(OLD)])

    ledger.listings.remember(MINUTES.name, {OLD: SECOND}, span)

    (after,) = book.known(MINUTES, [gap(OLD)])
    assert (Outcome.MISSING_UPSTREAM, Outcome.OPEN) == (before.outcome, after.outcome)


def test_a_young_day_is_open_again_a_day_later(book, clock):
    """The vendor corrects recent days; an old one's reason stays."""
    stays(book, gap(OLD), gap(YOUNG))
    clock.advance(86_401)

    assert [Outcome.MISSING_UPSTREAM, Outcome.OPEN] == [
        each.outcome for each in book.known(MINUTES, [gap(OLD), gap(YOUNG)])
    ]


def test_what_is_explained_covers_nothing(book, ledger):
    """The plan goes by what is held: a reason beside it neither satisfies a feed nor takes anything away from one."""
    whole = Interval(OLD - timedelta(days=5), OLD + timedelta(days=5))
    held = Coverage(
        Partition(MINUTES.table, "ABC", whole),
        LAKE,
        Source.REST,
        Verdict.COMPLETE,
        Evidence(rows=9),
        FIRST.last_modified,
    )
    ledger.coverage.record([held])

    stays(book, gap(OLD), gap(OLD, "XYZ"))

    assert {"ABC": [whole]} == ledger.coverage.covered(LAKE, MINUTES.table, ["ABC", "XYZ"])


def test_an_empty_answer_is_a_reason(book, ledger):
    """A session that the vendor said to be empty, though the day bar says it traded."""
    empty = Coverage(
        Partition(MINUTES.table, "ABC", Interval(OLD, OLD)),
        LAKE,
        Source.REST,
        Verdict.KNOWN_EMPTY,
        Evidence(rows=0),
        FIRST.last_modified,
    )
    ledger.coverage.record([empty])

    (found,) = book.known(MINUTES, [gap(OLD)])

    assert (Outcome.KNOWN_EMPTY, "the vendor answered that it has no minute bars there") == (
        found.outcome,
        found.reason,
    )
