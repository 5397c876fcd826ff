"""The registry of what the vendor published wrong."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from forebay.lake.verification.scores import Check
from forebay.model.calendar import day_start
from forebay.model.catalogue import DATASETS
from forebay.model.defects import DEFECTS, Treatment, defects_of, known_defects
from forebay.model.rows import BAR_ROWS

FIXED = [each for each in DEFECTS.values() if each.fix]


def bars(name: str, day: date) -> pl.DataFrame:
    """One bar a ticker, as the day's file should have them."""
    start = day_start(DATASETS[name], day)
    rows = [(ticker, start, 1.0, 2.0, 1.0, 2.0, 10.0, None, 3, day, "flatfile") for ticker in ("A", "B")]
    return pl.DataFrame(rows, schema=BAR_ROWS, orient="row")


def test_the_registry_says_what_where_and_when() -> None:
    """Every entry names a dataset of the catalogue, days in order, an effect, a source, and checks that exist."""
    assert {"window_start_one_day_late", "window_start_before_1970"} == {each.name for each in FIXED}
    for name, defect in DEFECTS.items():
        assert name == defect.name
        assert defect.dataset in DATASETS
        assert defect.first <= defect.last
        assert defect.effect
        assert defect.source
        assert set(defect.shows_as) <= set(Check)
        assert (Treatment.FIXED if defect.fix else Treatment.NOTED) is defect.treatment


@pytest.mark.parametrize("defect", FIXED, ids=lambda defect: defect.name)
def test_a_fix_can_be_taken_back(defect) -> None:
    """Unpatched and patched again the rows are the same; sound rows and other days pass unchanged."""
    right = bars(defect.dataset, defect.first)
    published, changed = defect.unpatch(right)

    mended, count = defect.patch(published)

    assert (2, 2) == (changed, count)
    assert not published.equals(right)
    assert right.equals(mended)
    assert (0, True) == (defect.patch(right)[1], defect.patch(right)[0].equals(right))
    other = bars(defect.dataset, date(2024, 3, 7))
    assert (0, True) == (defect.patch(other)[1], defect.patch(other)[0].equals(other))


def test_what_is_only_noted_changes_nothing() -> None:
    """A noted defect has no patch, is not among those that are put right, and is known on its days alone."""
    minutes = DATASETS["us_stocks_sip/minute_aggs_v1"]
    defect = DEFECTS["closing_minute_missing"]
    rows = bars(defect.dataset, defect.first)

    assert (rows, 0) == defect.patch(rows)
    assert [] == defects_of(minutes)
    assert [defect] == known_defects(minutes, date(2025, 1, 15))
    assert [] == known_defects(minutes, date(2025, 3, 3))
