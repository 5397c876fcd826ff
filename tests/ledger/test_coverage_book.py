"""What is covered, and what replaces what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ledger_nouns import BARS, CHECKED, covers, day, revision, span

from forebay.ledger import Ledger
from forebay.model.coverage import Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Source
from forebay.testing import FakeClock

REST, FILE, STREAM = Source.REST, Source.FLATFILE, Source.STREAM


def test_evidence_comes_back_as_it_was(ledger: Ledger) -> None:
    """Every field of a row survives, microseconds, nulls and details included."""
    full = covers(0, 3, Verdict.SUSPECT, "AAp", expires_at=CHECKED + timedelta(days=3))
    bare = covers(0, 0, symbol="NA", source=REST, rows=None)

    ledger.coverage.record([full, bare])

    assert [full, bare] == ledger.coverage.find("lake")


def test_covered_is_by_symbol(ledger: Ledger) -> None:
    """Each symbol has its own sorted intervals, in its exact spelling; what covers all comes along under `*`."""
    ledger.coverage.record(
        [covers(8, 9, symbol="AAP"), covers(0, 4, symbol="AAP"), covers(1, 1, symbol="AAp"), covers(5, 5)]
    )
    everything = {"AAP": [span(0, 4), span(8, 9)], "AAp": [span(1, 1)], ALL_SYMBOLS: [span(5, 5)]}

    assert everything == ledger.coverage.covered("lake", BARS)
    assert everything.keys() - {"AAp"} == ledger.coverage.covered("lake", BARS, ["AAP", "MSFT"]).keys()
    assert {} == ledger.coverage.covered("archive", BARS)
    assert {} == ledger.coverage.covered("lake", "stocks/bars_1d")


def test_many_symbols_are_asked_for_at_once(ledger: Ledger) -> None:
    """More symbols than one query takes are all answered."""
    symbols = [f"S{number}" for number in range(1203)]
    ledger.coverage.record(covers(0, 0, symbol=symbol) for symbol in symbols[::100])

    assert set(symbols[::100]) == ledger.coverage.covered("lake", BARS, symbols).keys()


def test_covered_within_dates(ledger: Ledger) -> None:
    """What touches the dates is returned whole; what does not, is not."""
    ledger.coverage.record([covers(0, 4), covers(5, 6), covers(7, 9)])

    assert {ALL_SYMBOLS: [span(0, 4), span(5, 6)]} == ledger.coverage.covered("lake", BARS, dates=span(4, 6))


def test_only_what_satisfies_covers(ledger: Ledger) -> None:
    """Complete and known-empty partitions are covered; pending, missing and suspect ones are gaps unless asked for."""
    for number, verdict in enumerate(Verdict):
        ledger.coverage.record([covers(2 * number, 2 * number, verdict)])

    assert {ALL_SYMBOLS: [span(0, 0), span(2, 2)]} == ledger.coverage.covered("lake", BARS)
    suspects = ledger.coverage.covered("lake", BARS, verdicts=[Verdict.SUSPECT])
    assert {ALL_SYMBOLS: [span(8, 8)]} == suspects
    assert [Verdict.PENDING_UPSTREAM, Verdict.MISSING_UPSTREAM, Verdict.SUSPECT] == [
        row.verdict for row in ledger.coverage.unsatisfied("lake", BARS, span(0, 99))
    ]


def test_the_stream_alone_is_a_gap(ledger: Ledger) -> None:
    """A day that only the stream brought is not covered; one from REST or a flat file is."""
    ledger.coverage.record(
        [covers(0, 0, symbol="A", source=STREAM), covers(1, 1, symbol="A", source=REST), covers(2, 2, symbol="A")]
    )

    assert {"A": [span(1, 1), span(2, 2)]} == ledger.coverage.covered("lake", BARS, ["A"])


def test_a_negative_result_expires(ledger: Ledger, clock: FakeClock) -> None:
    """Known-empty covers until it expires, and is a gap from that moment on."""
    ledger.coverage.record([covers(0, 0, Verdict.KNOWN_EMPTY, expires_at=clock.now() + timedelta(days=3))])

    clock.advance(3 * 86400 - 1)
    assert {ALL_SYMBOLS: [span(0, 0)]} == ledger.coverage.covered("lake", BARS)
    clock.advance(1)
    assert {} == ledger.coverage.covered("lake", BARS)


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        pytest.param(covers(1, 1), covers(1, 1, rows=8), False, id="the same, checked anew"),
        pytest.param(covers(1, 1, Verdict.PENDING_UPSTREAM), covers(1, 1), False, id="what was pending"),
        pytest.param(covers(1, 1, source=REST), covers(1, 1), False, id="a lesser source"),
        pytest.param(covers(1, 2), covers(0, 3), False, id="a part of it"),
        pytest.param(covers(1, 1), covers(1, 1, source=REST), True, id="a better source"),
        pytest.param(covers(1, 4), covers(0, 3), True, id="what reaches beyond"),
        pytest.param(covers(1, 1, symbol="A"), covers(1, 1), True, id="one symbol of all"),
        pytest.param(covers(1, 1, source=REST), covers(1, 1, Verdict.SUSPECT), True, id="good beside suspect"),
        pytest.param(covers(1, 2), covers(0, 3, Verdict.SUSPECT), True, id="good within suspect"),
        pytest.param(covers(1, 1), covers(1, 1, Verdict.SUSPECT), False, id="its own earlier verdict"),
    ],
)
def test_what_supersedes_what(ledger: Ledger, old, new, kept: bool) -> None:
    """A row that satisfies replaces what it contains from no better source; any other only its own earlier self."""
    ledger.coverage.record([old])
    ledger.coverage.record([new])

    found = ledger.coverage.find("lake")
    assert kept == (old in found)
    assert new in found
    assert 1 + kept == len(found)


def test_stale_files_show(ledger: Ledger) -> None:
    """The revision each whole-market day was taken at is known, by day; REST ranges have none."""
    ledger.coverage.record([covers(0, 0), covers(1, 1, symbol="A", source=REST), covers(9, 9)])

    assert {day(0): revision()} == ledger.coverage.revisions("lake", BARS, span(0, 5))
    assert {day(0): revision(), day(9): revision()} == ledger.coverage.revisions("lake", BARS)


def test_find_narrows_and_limits(ledger: Ledger) -> None:
    """Rows are found by table, symbol, dates and verdict, in order, as many as asked for."""
    rows = [covers(number, number, symbol=symbol) for symbol in "AB" for number in range(3)]
    ledger.coverage.record(reversed(rows))

    assert rows == ledger.coverage.find("lake", BARS)
    assert rows[3:5] == ledger.coverage.find("lake", BARS, ["B"], Interval(day(0), day(1)))
    assert rows[:2] == ledger.coverage.find("lake", limit=2)
    assert [] == ledger.coverage.find("lake", verdicts=[Verdict.SUSPECT])
