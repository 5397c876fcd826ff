"""Bringing a file up to date: merged, the same bytes for the same bars, whole or not at all, one writer at a time."""

from __future__ import annotations

import signal
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ticker_rows import bars, piece

from forebay.clock import SystemClock
from forebay.errors import CheckFailed, StoreUnavailable
from forebay.failpoints import POINTS
from forebay.files.lock import sole_writer
from forebay.files.names import Form, TickerFile, ticker_file
from forebay.files.reading import in_order
from forebay.files.update import update_file
from forebay.testing import FakeClock
from forked import ending, endings

FORMS = pytest.mark.parametrize("form", list(Form))


def held(file: TickerFile) -> pl.DataFrame:
    return pl.concat(list(in_order(file)))


def put(file: TickerFile, *pieces) -> bool:
    return update_file(file, pieces, SystemClock()).changed


@FORMS
def test_rows_of_the_dates_are_replaced_and_the_others_stay(tmp_path: Path, form: Form) -> None:
    """Days before, between and after stay; a day that has fewer rows now has fewer; all by time."""
    file = ticker_file(tmp_path, "AAp", "1m", form)
    put(file, piece([4, 5, 6, 7, 8]))
    changed = put(file, piece([5], count=1, price=50.0), piece([7, 11], price=70.0))

    expected = [bars([4]), bars([5], 1, 50.0), bars([6]), bars([7], 3, 70.0), bars([8]), bars([11], 3, 70.0)]
    assert changed
    assert pl.concat(expected).equals(held(file))


@FORMS
def test_columns_of_its_own_are_not_lost(tmp_path: Path, form: Form) -> None:
    """A file to which somebody added a column stays as it is; what names the ticker or numbers the rows may go."""
    file = ticker_file(tmp_path, "A", "1m", form)
    file.path.parent.mkdir()
    frame = bars([4]).with_columns(symbol=pl.lit("A")).to_pandas().reset_index()
    frame.assign(sma=1.0).to_parquet(file.path) if form is Form.PARQUET else frame.assign(sma=1.0).to_csv(file.path)
    before = file.path.read_bytes()
    with pytest.raises(CheckFailed, match="would lose: sma"):
        put(file, piece([5]))

    assert before == file.path.read_bytes()
    assert [file.path.name] == [path.name for path in file.path.parent.iterdir()]
    frame.to_parquet(file.path) if form is Form.PARQUET else frame.to_csv(file.path)
    assert put(file, piece([5]))
    assert bars([4, 5]).equals(held(file))


@FORMS
@settings(max_examples=20)
@given(order=st.permutations([4, 5, 6, 7, 8]), cuts=st.sets(st.integers(1, 4)))
def test_the_same_rows_make_the_same_bytes(tmp_path_factory: pytest.TempPathFactory, form: Form, order, cuts) -> None:
    """However the days came, in whatever order and company, the file is the one that a single update makes."""
    folder = tmp_path_factory.mktemp("files")
    whole, parts = (ticker_file(folder, name, "1m", form) for name in ("A", "B"))
    put(whole, piece([4, 5, 6, 7, 8]))
    marks = [0, *sorted(cuts), 5]
    for start, end in pairwise(marks):
        put(parts, piece(sorted(order[start:end])))

    assert whole.path.read_bytes() == parts.path.read_bytes()


@FORMS
def test_nothing_new_touches_nothing(tmp_path: Path, form: Form) -> None:
    """The same rows again leave the file as it is, its time of change included, and nothing beside it."""
    file = ticker_file(tmp_path, "A", "1m", form)
    put(file, piece([4, 5]))
    before = file.path.stat()
    changed = put(file, piece([5]))

    assert not changed
    assert (before.st_mtime_ns, before.st_ino) == (file.path.stat().st_mtime_ns, file.path.stat().st_ino)
    assert [file.path] == list(file.path.parent.iterdir())


def test_no_rows_make_no_file(tmp_path: Path) -> None:
    """A ticker without bars leaves no file, and nothing of an attempt."""
    file = ticker_file(tmp_path, "A", "1m", Form.CSV)
    changed = put(file, piece([4], count=0))

    assert not changed
    assert [] == list(file.path.parent.iterdir())


def test_csv_is_as_others_read_it(tmp_path: Path) -> None:
    """A header, LF, ISO 8601 in UTC, nothing for what is not known."""
    file = ticker_file(tmp_path, "A", "1m", Form.CSV)
    put(file, piece([4], count=1))

    expected = (
        b"timestamp,open,high,low,close,volume,vwap,transactions\n2024-03-04T14:30:00Z,10.0,11.0,9.0,10.5,100.0,,7\n"
    )
    assert expected == file.path.read_bytes()


def test_parquet_is_as_others_read_it(tmp_path: Path) -> None:
    """Others see times in UTC, prices as floats and the columns in their order."""
    import pandas as pd

    file = ticker_file(tmp_path, "A", "1m", Form.PARQUET)
    put(file, piece([4], count=1))
    found = pd.read_parquet(file.path)

    assert ["timestamp", "open", "high", "low", "close", "volume", "vwap", "transactions"] == list(found.columns)
    assert "datetime64[us, UTC]" == str(found["timestamp"].dtype)
    assert "2024-03-04 14:30:00+00:00" == str(found["timestamp"][0])


@FORMS
def test_adjusted_prices_are_not_mixed_with_raw_ones(tmp_path: Path, form: Form) -> None:
    """A file with a quarter of the prices is refused as it is; so is what is no file of bars. Nothing changes."""
    file = ticker_file(tmp_path, "A", "1m", form)
    quarter = piece([4])
    prices = pl.col("open", "high", "low", "close") / 4
    put(file, type(quarter)(quarter.spans, quarter.rows.with_columns(prices)))
    before = file.path.read_bytes()

    with pytest.raises(CheckFailed, match=r"adjusted prices, 0\.25 times"):
        put(file, piece([4, 5]))

    assert before == file.path.read_bytes()
    assert [file.path] == list(file.path.parent.iterdir())


def test_a_corrected_price_is_no_adjustment(tmp_path: Path) -> None:
    """The vendor's correction of one bar replaces it."""
    file = ticker_file(tmp_path, "A", "1m", Form.PARQUET)
    put(file, piece([4, 5]))
    changed = piece([5])
    higher = pl.when(pl.col("timestamp").dt.minute() == 31).then(20.0).otherwise(pl.col("high")).alias("high")
    put(file, type(changed)(changed.spans, changed.rows.with_columns(higher)))

    assert 20.0 == held(file)["high"].max()


def update(folder: Path, form: Form, *days: int) -> None:
    file = ticker_file(folder, "A", "1m", form)
    for day in days:
        put(file, piece([day]))


@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("files.")])
def test_killed_anywhere_it_is_the_old_file_or_the_new_one(tmp_path: Path, point: str) -> None:
    """SIGKILL at each step: a whole file, old or new; the next update ends in the bytes of a clean run, no litter."""
    form = list(Form)[POINTS.index(point) % 2]
    hurt, clean = (ticker_file(tmp_path / name, "A", "1m", form) for name in ("hurt", "clean"))
    for file in (hurt, clean):
        put(file, piece([4]))
    old = hurt.path.read_bytes()
    put(clean, piece([5]))

    assert -signal.SIGKILL == ending(update, tmp_path / "hurt", form, 5, FOREBAY_FAILPOINT=point)
    assert hurt.path.read_bytes() in (old, clean.path.read_bytes())
    put(hurt, piece([5]))
    assert clean.path.read_bytes() == hurt.path.read_bytes()
    assert [hurt.path] == list(hurt.path.parent.iterdir())


def test_two_processes_on_one_file_lose_nothing(tmp_path: Path) -> None:
    """Both update it day by day at once; in the end it has every day of both."""
    file = (tmp_path, Form.PARQUET)
    assert [0, 0] == endings(update, [(*file, 4, 6, 8, 12, 14), (*file, 5, 7, 11, 13, 15)])

    file = ticker_file(tmp_path, "A", "1m", Form.PARQUET)
    assert bars([4, 5, 6, 7, 8, 11, 12, 13, 14, 15]).equals(held(file))
    assert [file.path] == list(file.path.parent.iterdir())


def test_a_writer_that_hangs_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    """After five minutes an error says which file is held, and it can be tried again."""
    part = tmp_path / ".A.1m.csv.part"
    with (
        sole_writer(part, FakeClock()),
        pytest.raises(StoreUnavailable, match="over 300 seconds"),
        sole_writer(part, FakeClock()),
    ):
        pytest.fail("two writers at once")
