"""What the ledger says of a session, against the totals of what is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest

from forebay.lake.verification.scores import Check
from forebay.model.calendar import session_days
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Source
from forebay.orchestration.verify_records import Records

MINUTES = LAKE_DATASETS["stocks/bars_1m"]
NOW = datetime(2025, 12, 10, tzinfo=UTC)
DAYS = session_days("XNYS", date(2025, 11, 3), date(2025, 12, 5))
HALF_DAY, LAST = date(2025, 11, 28), DAYS[-1]


def row(day: date, rows: int, verdict: Verdict = Verdict.COMPLETE, **evidence) -> Coverage:
    where = Partition(MINUTES.table, ALL_SYMBOLS, Interval(day, day))
    return Coverage(where, "lake", Source.FLATFILE, verdict, Evidence(rows=rows, **evidence), NOW)


def records(last: int, **more) -> Records:
    """A thousand rows on every day but the last, which brought `last`."""
    held = {day: row(day, 1000) for day in DAYS[:-1]} | {LAST: row(LAST, last)}
    return replace(Records(MINUTES, held, {}, [], {}), **more)


def totals(rows: int, patched: int = 0) -> pl.DataFrame:
    return pl.DataFrame({"session_date": [LAST], "ticker": "A", "rows": rows, "from_file": rows, "patched": patched})


def checks(found: Records, day: date, rows: pl.DataFrame, *, partial: bool = False) -> list[Check]:
    return [reason.check for reason in found.reasons(day, rows, partial=partial)]


@pytest.mark.parametrize(("rows", "told"), [(499, [Check.BAND]), (500, []), (2000, []), (2001, [Check.BAND])])
def test_a_row_count_out_of_its_band_is_told(rows: int, told: list[Check]) -> None:
    """Less than half, or more than twice, the median of the sessions before it."""
    assert told == checks(records(rows), LAST, totals(rows))


def test_a_half_day_is_held_against_half_days() -> None:
    """Of which there are too few here: nothing is said, whatever it has."""
    found = records(1000)
    short = {**found.of_files, HALF_DAY: row(HALF_DAY, 10)}

    assert [] == checks(replace(found, of_files=short), HALF_DAY, totals(10))


def test_other_rows_than_were_stored_are_told() -> None:
    """One row fewer, or none at all; not where bars from trades took places, nor for some tickers alone."""
    assert [Check.LOST_ROWS] == checks(records(1000), LAST, totals(999))
    assert [Check.LOST_ROWS] == checks(records(1000), LAST, pl.DataFrame())
    assert [] == checks(records(1000), LAST, totals(999, patched=1))
    assert [] == checks(records(1000), LAST, totals(3), partial=True)


def test_a_session_of_which_nothing_is_held_is_missing() -> None:
    """With the reason that is known; tolerated while the vendor is not due, and not where REST has nothing either."""
    day = date(2025, 12, 8)
    waits = row(day, 0, Verdict.PENDING_UPSTREAM, reason="it is due by noon")
    empty = replace(row(day, 0, Verdict.KNOWN_EMPTY), source=Source.REST)

    (plain,) = records(1000).reasons(day, pl.DataFrame(), partial=False)
    (due,) = records(1000, others={day: [waits]}).reasons(day, pl.DataFrame(), partial=False)

    assert (Check.MISSING, "nothing of it is held", False) == (plain.check, plain.text, plain.tolerated)
    assert f"forebay sync --datasets stocks/bars_1m --start {day} --end {day}" == plain.remedy
    assert (Check.MISSING, "it is due by noon", True) == (due.check, due.text, due.tolerated)
    assert [] == checks(records(1000, spans=[empty]), day, pl.DataFrame())


def test_a_file_without_rows_between_full_sessions_is_told() -> None:
    """A header alone is the vendor's answer, and no error; but not what such a session looks like."""
    empty = row(LAST, 0, Verdict.KNOWN_EMPTY)
    before = {day: row(day, 1000) for day in DAYS[:-1]}

    (told,) = records(0, of_files=before, spans=[empty]).reasons(LAST, pl.DataFrame(), partial=False)

    assert (Check.BAND, "0 rows; the 20 sessions before it have 1,000 (median)") == (told.check, told.text)
    assert [] == checks(records(0, of_files={}, spans=[empty]), LAST, pl.DataFrame())


def test_a_suspect_session_is_told_once() -> None:
    """By its reason, unless another check says the same."""
    doubt = row(LAST, 1000, Verdict.SUSPECT, reason="why")
    closes = row(LAST, 1000, Verdict.SUSPECT, reason="why", details={"lacking_close": ["A"]})
    plain = records(1000)

    assert [Check.SUSPECT] == checks(replace(plain, of_files={LAST: doubt}), LAST, totals(1000))
    assert [] == checks(replace(plain, of_files={LAST: closes}), LAST, totals(1000))
