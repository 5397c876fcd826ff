"""What the ledger tells the coverage grid of whole tables."""

from __future__ import annotations

from datetime import timedelta

from ledger_nouns import BARS, MINUTES, covers, day, draft, revision

from forebay.ledger import Ledger
from forebay.ledger.grid import GridBook, pieces
from forebay.model.coverage import Verdict
from forebay.model.partition import ALL_SYMBOLS, Source
from forebay.model.task import Discard
from forebay.testing import FakeClock


def test_a_symbols_rows_are_one_text(ledger: Ledger, clock: FakeClock) -> None:
    """Each row is a piece with its dates and what it says; what has expired, or only the stream brought, is apart."""
    gone = clock.now() - timedelta(days=1)
    ledger.coverage.record(
        [
            covers(0, 3, symbol="AAP"),
            covers(4, 4, Verdict.KNOWN_EMPTY, "AAP", rows=None),
            covers(5, 5, Verdict.SUSPECT, "AAP"),
            covers(6, 6, Verdict.MISSING_UPSTREAM, "AAP"),
            covers(7, 7, Verdict.PENDING_UPSTREAM, "AAP"),
            covers(8, 8, Verdict.KNOWN_EMPTY, "AAP", rows=None, expires_at=gone),
            covers(0, 0, symbol="AAp", source=Source.STREAM),
            covers(1, 1),
            covers(2, 2, rows=None),
        ]
    )

    texts = GridBook(ledger.database, clock).texts("lake", BARS)

    spans = ((0, 3, "r"), (4, 4, "e"), (5, 5, "s"), (6, 6, "m"), (7, 7, "p"), (8, 8, "x"))
    assert [(day(first).isoformat(), day(last).isoformat(), mark) for first, last, mark in spans] == sorted(
        pieces(texts["AAP"])
    )
    assert {"AAp": ["x"], ALL_SYMBOLS: ["c", "r"]} == {
        symbol: sorted(mark for *_, mark in pieces(texts[symbol])) for symbol in ("AAp", ALL_SYMBOLS)
    }


def test_symbols_that_are_covered_alike_have_equal_texts(ledger: Ledger, clock: FakeClock) -> None:
    """So that what they mean is worked out once."""
    ledger.coverage.record(covers(0, 9, symbol=symbol) for symbol in ("A", "B", "a"))

    assert 1 == len(set(GridBook(ledger.database, clock).texts("lake", BARS).values()))


def test_tables_that_are_recorded(ledger: Ledger, clock: FakeClock) -> None:
    """Only those of the place that is asked about, in the order in which they are named."""
    ledger.coverage.record([covers(0, 0)])
    book = GridBook(ledger.database, clock)

    assert [BARS] == book.recorded("lake", ["stocks/bars_1d", BARS])
    assert [] == book.recorded("archive", [BARS])


def test_files_published_anew(ledger: Ledger, clock: FakeClock) -> None:
    """Days whose listed revision is another than the one that is held, whichever of its marks differs."""
    ledger.coverage.record([covers(0, 0), covers(1, 1), covers(2, 2)])
    ledger.listings.remember(MINUTES, {day(0): revision(), day(1): revision("e2"), day(3): revision("e2")})

    assert [day(1)] == GridBook(ledger.database, clock).replaced("lake", BARS, MINUTES)


def test_what_tasks_could_not_bring(ledger: Ledger, clock: FakeClock) -> None:
    """A task that failed tells its dates; one that waits does not."""
    ledger.tasks.add([draft(3), draft(4)])
    lease = ledger.tasks.claim("worker")
    assert lease is not None
    ledger.tasks.finish(lease, Discard("not_found", "gone"))

    failed = GridBook(ledger.database, clock).failed("lake", BARS)

    assert {ALL_SYMBOLS: [(day(3).isoformat(), day(3).isoformat(), "f")]} == {
        symbol: pieces(text) for symbol, text in failed.items()
    }
