"""What may enter the lake: every check splits off its row, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from lakes import DAY, DAYS, MINUTES, Basin, bars

from forebay.errors import CheckFailed
from forebay.lake.intake import intake
from forebay.lake.intake.intake import Refused
from forebay.lake.intake.quality import check_rows, split_twins
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.defects import DEFECTS
from forebay.model.partition import Source
from forebay.model.rows import BAD_ROWS

NOON = datetime(2024, 3, 7, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("ticker", "", "ticker"),
        ("ticker", "A\x07", "ticker"),
        ("ticker", "O:SPY251219C00650000", "ticker"),
        ("ticker", None, "missing_value"),
        ("close", None, "missing_value"),
        ("window_start", NOON - timedelta(days=1), "outside_session_date"),
        ("window_start", datetime(2024, 3, 8, 5, 0, tzinfo=UTC), "outside_session_date"),
        ("window_start", datetime(2024, 3, 7, 4, 59, tzinfo=UTC), "outside_session_date"),
        ("window_start", NOON + timedelta(seconds=1), "whole_minute"),
        ("low", 0.0, "price"),
        ("low", float("nan"), "price"),
        ("high", float("inf"), "price"),
        ("high", float("nan"), "price"),
        ("open", 99.0, "low_high"),
        ("open", float("nan"), "low_high"),
        ("close", 0.5, "low_high"),
        ("volume", -1.0, "volume"),
        ("volume", float("inf"), "volume"),
        ("volume", float("nan"), "volume"),
        ("vwap", float("nan"), "vwap"),
        ("transactions", -1, "transactions"),
    ],
)
def test_a_bad_row_is_split_off_with_its_reason(column: str, value: object, reason: str) -> None:
    """One wrong value makes one bad row, named by its check; the rows around it stay good."""
    rows = bars(["A", "B", "C"], per_day=1)
    wrong = rows.with_columns(
        pl.when(pl.col("ticker") == "B").then(pl.lit(value, rows.schema[column])).otherwise(column).alias(column)
    )

    checked = check_rows(wrong, MINUTES)

    assert ["A", "C"] == checked.good["ticker"].to_list()
    assert [reason] == checked.bad["reason"].to_list()
    assert BAD_ROWS.names() == checked.bad.columns


def test_good_rows_pass_untouched() -> None:
    """A table without faults comes back as it was, first and last minute of the date included."""
    edges = [datetime(2024, 3, 7, 5, 0, tzinfo=UTC), datetime(2024, 3, 8, 4, 59, tzinfo=UTC)]
    rows = bars("A").with_columns(pl.Series("window_start", edges, dtype=pl.Datetime("us", "UTC")))

    checked = check_rows(rows, MINUTES)

    assert rows.equals(checked.good)
    assert 0 == checked.bad.height


@pytest.mark.parametrize("day", [date(2024, 3, 10), date(2024, 11, 3)])
def test_the_days_on_which_clocks_change_are_whole_days(day: date) -> None:
    """On a 23 or 25 hour day the date's own bounds decide, not 24 hours."""
    hours = 23 if day.month == 3 else 25
    rows = bars("A", [day], per_day=1).with_columns(
        pl.col("window_start") + pl.duration(hours=hours - 10) - pl.duration(minutes=1)
    )

    assert 1 == check_rows(rows.with_columns(pl.lit(10.0).alias("vwap")), MINUTES).good.height
    assert 0 == check_rows(rows.with_columns(pl.col("window_start") + pl.duration(minutes=1)), MINUTES).good.height


def test_several_session_dates_are_checked_each_by_its_own() -> None:
    """REST rows of many days are held against their own session date."""
    days = [date(2024, 3, 7), date(2024, 3, 8), date(2024, 3, 11)]
    rows = bars("A", days, per_day=1)
    late = rows.with_columns(session_date=pl.lit(days[0]))

    assert 3 == check_rows(rows, MINUTES).good.height
    assert 1 == check_rows(late, MINUTES).good.height


def test_indices_may_stand_at_or_below_zero() -> None:
    """An index is no price: zero and negative values are good, infinities are not."""
    rows = bars("I:SPREAD", price=0.0, table="indices/bars_1d", per_day=1)

    assert 1 == check_rows(rows, BAR_DATASETS["indices/bars_1d"]).good.height
    endless = rows.with_columns(pl.lit(float("-inf")).alias("low"))
    assert ["price"] == check_rows(endless, BAR_DATASETS["indices/bars_1d"]).bad["reason"].to_list()


def test_copies_are_dropped_and_conflicts_are_all_bad() -> None:
    """Equal rows are one row; rows with one key and different content are none."""
    rows = bars(["A", "B", "C"], per_day=1)
    copy = rows.filter(pl.col("ticker") == "A")
    other = rows.filter(pl.col("ticker") == "B").with_columns(pl.lit(1.0).alias("volume"))

    kept, bad, copies = split_twins(pl.concat([rows, other, copy]), MINUTES)

    assert ["A", "C"] == kept["ticker"].to_list()
    assert ["B", "B"] == bad["ticker"].to_list()
    assert 1 == copies


def test_a_file_out_of_order_is_sorted_by_ticker_bytes(basin: Basin) -> None:
    """Capitals come before small letters, times rise, and copies far apart are found."""
    rows = bars(["AAp", "AAP", "a", "Z"], per_day=3)
    arrived = [rows.reverse(), rows.head(2)]

    staged = basin.tables.stage(arrived, MINUTES, "test")

    found = pl.read_parquet(staged.path)
    assert ["AAP", "AAp", "Z", "a"] == found["ticker"].unique(maintain_order=True).to_list()
    assert found.equals(found.sort("ticker", "window_start"))
    assert {"rows_seen": 14, "rows": 12, "repeated": 2} == staged.counts


def test_one_bad_row_in_a_hundred_is_set_aside(basin: Basin) -> None:
    """Up to one percent, the good rows are staged and the bad ones handed over."""
    rows = bars("A", per_day=300)
    bad = rows.with_row_index().with_columns(
        pl.when(pl.col("index") < 3).then(-1.0).otherwise("volume").alias("volume")
    )

    staged = basin.tables.stage([bad.drop("index")], MINUTES, "test")

    assert {"rows_seen": 300, "rows": 297, "repeated": 0, "bad_volume": 3} == staged.counts
    assert 3 == staged.bad.height


def test_a_rotten_file_is_refused_with_its_rows(basin: Basin) -> None:
    """Above one percent the whole file is refused; the error names it and carries the bad rows."""
    rows = bars("A", per_day=100).with_columns(pl.lit(-1.0).alias("volume"))

    with pytest.raises(Refused, match=r"the name: 100 of 100 rows are bad: volume \(100\)") as refused:
        basin.tables.stage([rows], MINUTES, "the name")

    assert 100 == refused.value.rows.height
    assert isinstance(refused.value, CheckFailed)


def test_bad_rows_never_fill_the_memory(basin: Basin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a percent of a huge file may be more than fits: it is refused with what was kept by then."""
    monkeypatch.setattr(intake, "MOST_BAD_BYTES", 100)
    seen: list[int] = []

    def tables() -> Iterator[pl.DataFrame]:
        for minute in range(3):
            seen.append(minute)
            negative = pl.when(pl.int_range(pl.len()) < 2).then(-1.0).otherwise("volume").alias("volume")
            yield bars("ABC"[minute], per_day=500).with_columns(negative)

    with pytest.raises(Refused, match="the name: 2 of the first 500 rows are bad, too many to keep") as refused:
        basin.tables.stage(tables(), MINUTES, "the name")

    assert 2 == refused.value.rows.height
    assert [0] == seen


@pytest.mark.parametrize("defect", [each for each in DEFECTS.values() if each.fix], ids=lambda defect: defect.name)
def test_a_known_defect_is_put_right_and_told(basin: Basin, defect: object) -> None:
    """Both listed files load with the right times, the repair is counted, and it can be undone."""
    dataset = {"us_stocks_sip/day_aggs_v1": "stocks", "us_options_opra/day_aggs_v1": "options"}[defect.dataset]
    ticker = {"stocks": "A", "options": "O:SPY251219C00650000"}[dataset]
    table = f"{dataset}/bars_1d"
    right = bars(ticker, [defect.first], per_day=1, source=Source.FLATFILE, table=table)
    published, undone = defect.unpatch(right)

    staged = basin.stage(published, table)

    assert 1 == undone
    assert {defect.name: 1} == staged.repaired
    assert right["window_start"].to_list() == pl.read_parquet(staged.path)["window_start"].to_list()
    assert published["window_start"].to_list() != right["window_start"].to_list()


def test_the_same_defect_on_another_day_is_refused(basin: Basin) -> None:
    """A file that is not on the list is not guessed at."""
    rows = bars(["A", "B", "C"], [date(2019, 8, 13)], per_day=1, table="stocks/bars_1d")
    late = rows.with_columns(pl.col("window_start") + pl.duration(days=1))

    with pytest.raises(Refused, match="outside_session_date"):
        basin.tables.stage([late], DAYS, "test")


def test_options_get_their_columns(basin: Basin) -> None:
    """Underlying, expiration, type and strike stand beside an option's bar; null where the name is odd."""
    rows = bars(["O:SPY251219C00650000", "O:ODD"], per_day=1, table="options/bars_1d")

    found = pl.read_parquet(basin.stage(rows, "options/bars_1d").path).sort("ticker")

    assert [None, "SPY"] == found["underlying"].to_list()
    assert [None, date(2025, 12, 19)] == found["expiration"].to_list()
    assert [None, "call"] == found["option_type"].to_list()
    assert [None, 650.0] == found["strike"].to_list()
    assert DAY == found["session_date"][0]
