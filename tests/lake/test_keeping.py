"""Quarantine, reconciliation and a full disk: what is wrong is kept and told."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import polars as pl
import pytest
from lakes import DAY, FIRST, Basin, bars

from forebay.errors import StoreError
from forebay.lake.home.staging import Staging, storage_errors
from forebay.lake.intake.quality import check_rows
from forebay.lake.intake.quarantine import Quarantine
from forebay.lake.verification.reconcile import lacking_close
from forebay.model.catalogue import DATASETS
from forebay.model.intervals import Interval
from forebay.model.partition import Partition, Source

NOW = datetime(2024, 3, 8, 12, tzinfo=UTC)
PARTITION = Partition("stocks/bars_1m", "*", Interval(DAY, DAY))


def test_bad_rows_are_kept_with_their_reasons(tmp_path: Path) -> None:
    """Rows in quarantine are read back with a reason each, and listed once however often they are kept."""
    dataset = DATASETS["us_stocks_sip/minute_aggs_v1"]
    bad = check_rows(bars("A").with_columns(pl.lit(-1.0).alias("volume")), dataset).bad
    quarantine = Quarantine(tmp_path)

    for _ in range(2):
        quarantine.keep(PARTITION, key="the/key", reason="2 rows", now=NOW, rows=bad, revision=FIRST)

    (kept,) = quarantine.list()
    assert ("stocks/bars_1m", DAY, "*", "the/key", "2 rows", 2) == (
        kept.table,
        kept.day,
        kept.symbol,
        kept.key,
        kept.reason,
        kept.rows,
    )
    assert kept.rows_path is not None
    assert ["volume", "volume"] == pl.read_parquet(kept.rows_path)["reason"].to_list()


def test_a_refused_file_is_a_note(tmp_path: Path) -> None:
    """Where there are no rows, the reason is kept all the same."""
    quarantine = Quarantine(tmp_path)
    quarantine.keep(PARTITION, key="k", reason="unknown column", now=NOW)

    assert [("unknown column", None)] == [(kept.reason, kept.rows_path) for kept in quarantine.list()]
    assert [] == Quarantine(tmp_path / "none").list()


def test_a_missing_closing_minute_is_found() -> None:
    """A stock that ends early without reaching its day close is named, with the prices.

    A quiet one that reached it is not, nor one whose closing minute is there at another price.
    """
    at = pl.lit(datetime(2024, 3, 7, 20, 59, tzinfo=UTC)).cast(pl.Datetime("us", "UTC"))
    full = bars(["CORRECTED", "FULL"], per_day=1).with_columns(at.alias("window_start"))
    lacks = bars("LACKS", per_day=1).with_columns((at - pl.duration(minutes=1)).alias("window_start"))
    quiet = bars("QUIET", per_day=1).with_columns((at - pl.duration(hours=4)).alias("window_start"))
    minutes = pl.concat([full, lacks, quiet])
    day_closes = {"CORRECTED": 12.0, "FULL": 10.5, "LACKS": 12.0, "QUIET": 10.0, "NONE": 1.0}
    closes = pl.DataFrame({"ticker": day_closes.keys(), "close": day_closes.values()})

    found = lacking_close(minutes, closes, DAY)

    assert ["LACKS", "NONE"] == found["ticker"].to_list()
    assert [(12.0, 9.0, 11.0), (1.0, None, None)] == found.select("day_close", "minute_low", "minute_high").rows()


def test_a_full_disk_says_how_much_is_free(tmp_path: Path) -> None:
    """Out of space is an error of ours with the free space and the next step, the cause kept."""
    with (
        pytest.raises(StoreError, match=r"no space left .* MB free") as full,
        storage_errors(tmp_path / "new" / "file"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")

    assert "free some space" in full.value.remedy
    assert isinstance(full.value.__cause__, OSError)


def test_a_disk_that_fills_up_loses_nothing(basin: Basin) -> None:
    """Writing into a full device ends in StoreError, and the lake is not touched."""
    numbers = count()

    def full() -> Path:
        path = basin.staging.folder / f"full-{next(numbers)}.parquet"
        path.symlink_to("/dev/full")
        return path

    basin.staging.new_file = full  # type: ignore[method-assign]

    with pytest.raises(StoreError, match="no space left"):
        basin.stage(bars([f"T{number}" for number in range(100)], per_day=800))
    with pytest.raises(StoreError, match="no space left"):
        basin.flatfile(bars("A", per_day=800, source=Source.FLATFILE))
    with pytest.raises(StoreError, match="no space left"):
        basin.rest(bars("A", per_day=800), "A", DAY, DAY)

    assert [] == basin.files()


def test_a_folder_that_cannot_be_made_says_which(tmp_path: Path) -> None:
    """A staging folder below a file is refused by name."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="file"):
        Staging(tmp_path / "file", "worker")
