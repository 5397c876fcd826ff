"""Files of other programs, read into the columns of ours: whatever they call them, however they write times."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest
from ticker_rows import bars

from forebay.errors import CheckFailed
from forebay.files.columns import FILE_ROWS
from forebay.files.names import TickerFile, named
from forebay.files.reading import in_order, read

ROWS = bars([7])
EASTERN = timezone(timedelta(hours=-5))


def file(folder: Path, name: str = "A.1m.parquet") -> TickerFile:
    found = named(folder / name)
    assert found is not None
    return found


def text(folder: Path, *lines: str, name: str = "A.1m.csv") -> TickerFile:
    (folder / name).write_text("\n".join([*lines, ""]))
    return file(folder, name)


def rows_of(found: TickerFile) -> pl.DataFrame:
    return pl.concat(list(read(found)))


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", None])
def test_times_of_every_kind(tmp_path: Path, unit: str, zone: str | None) -> None:
    """Any unit; any zone; without a zone they are UTC."""
    times = pl.col("timestamp").dt.cast_time_unit(unit)
    shown = times.dt.replace_time_zone(None) if zone is None else times.dt.convert_time_zone(zone)
    ROWS.with_columns(shown).write_parquet(tmp_path / "A.1m.parquet")

    assert ROWS.equals(rows_of(file(tmp_path)))


@pytest.mark.parametrize(("factor", "divisor"), [(1, 1_000_000), (1, 1_000), (1, 1), (1_000, 1)])
def test_numbers_since_1970(tmp_path: Path, factor: int, divisor: int) -> None:
    """Seconds, milliseconds, microseconds and nanoseconds are told apart by their size, in Parquet and in CSV."""
    numbers = ROWS.with_columns(pl.col("timestamp").dt.timestamp("us") * factor // divisor)
    numbers.write_parquet(tmp_path / "A.1m.parquet")
    numbers.write_csv(tmp_path / "A.1m.csv")

    assert ROWS.equals(rows_of(file(tmp_path)))
    assert ROWS.equals(rows_of(file(tmp_path, "A.1m.csv")))


def test_pandas_frames_with_an_index(tmp_path: Path) -> None:
    """A nameless index of times, columns in another order and case, no vwap, counts with a decimal point."""
    frame = (
        ROWS.drop("vwap").to_pandas().set_index("timestamp")[["volume", "close", "open", "low", "high", "transactions"]]
    )
    frame["transactions"] = frame["transactions"].astype(float)
    frame.columns = [name.capitalize() for name in frame.columns]
    frame.index.name = None
    frame.to_parquet(tmp_path / "A.1m.parquet")
    frame.to_csv(tmp_path / "A.1m.csv")

    assert ROWS.equals(rows_of(file(tmp_path)))
    assert ROWS.equals(rows_of(file(tmp_path, "A.1m.csv")))


@pytest.mark.parametrize("name", ["A.1m.csv", "A.1m.csv.gz"])
def test_packed_text_is_read(tmp_path: Path, name: str) -> None:
    """CSV is packed by pandas when a name ends in .gz, or when told to; a cut one is refused."""
    ROWS.to_pandas().to_csv(tmp_path / name, index=False, compression="gzip")
    packed = (tmp_path / name).read_bytes()

    assert ROWS.equals(rows_of(file(tmp_path, name)))
    (tmp_path / name).write_bytes(packed[: len(packed) // 2])
    with pytest.raises(CheckFailed, match="cannot be read"):
        rows_of(file(tmp_path, name))


def test_a_long_csv_file_is_not_held_in_memory(tmp_path: Path) -> None:
    """Its times are read in a process whose memory grows by less than the file is large."""
    line = b"2024-03-07T14:30:00Z,10.125,11.125,9.125,10.625,123456.0,10.123456,789\n"
    path = tmp_path / "A.1m.csv"
    path.write_bytes(b"timestamp,open,high,low,close,volume,vwap,transactions\n" + line * 2_000_000)
    script = (
        "import re, sys; from pathlib import Path; from forebay.files.names import named\n"
        "from forebay.files.tables import tables\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024\n"
        "before, rows = peak(), 0\n"
        "for table in tables(named(Path(sys.argv[1])), ['timestamp']): rows += table.height\n"
        "print(rows, peak() - before)"
    )
    rows, grown = subprocess.check_output([sys.executable, "-c", script, str(path)], text=True).split()

    assert 2_000_000 == int(rows)
    assert int(grown) < path.stat().st_size / 2**20


@pytest.mark.parametrize(
    "time",
    ["2024-03-07T14:30:00Z", "2024-03-07 14:30:00", "2024-03-07 09:30:00-05:00", "2024-03-07T14:30:00.000000+0000"],
)
def test_times_as_text(tmp_path: Path, time: str) -> None:
    """ISO 8601 in its spellings, the offset respected; quoted or not."""
    found = rows_of(text(tmp_path, "timestamp,open,high,low,close,volume", f'"{time}",1,2,0.5,1.5,100'))

    assert [datetime(2024, 3, 7, 14, 30, tzinfo=UTC)] == found["timestamp"].to_list()
    assert FILE_ROWS == found.schema


def test_dates_of_day_bars_begin_at_the_exchange_midnight(tmp_path: Path) -> None:
    """A day bar of 7 March is that of the session, not of the evening before in New York."""
    found = rows_of(text(tmp_path, "date,open,high,low,close,volume", "2024-03-07,1,2,0.5,1.5,100", name="A.1d.csv"))

    assert [datetime(2024, 3, 7, tzinfo=EASTERN)] == found["timestamp"].to_list()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("a,b", "1,2"), "has no column timestamp or open"),
        ((), "its columns: none"),
        (("timestamp,open,high,low,close,volume", "soon,1,2,1,1,1"), "row 1: 'soon' is no time for timestamp"),
        (("timestamp,open,high,low,close,volume", "2024-03-07,1,2,1,x,1"), "row 1: 'x' is no number for close"),
        (("timestamp,open,high,low,close,volume", ",1,2,1,1,1"), "is no time for timestamp"),
    ],
)
def test_what_is_no_file_of_bars_is_refused(tmp_path: Path, lines: tuple[str, ...], says: str) -> None:
    """The error names the file, the row and the value."""
    with pytest.raises(CheckFailed, match=says) as error:
        rows_of(text(tmp_path, *lines))

    assert "A.1m.csv" in str(error.value)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    """Half a Parquet file has a reason, and a next step."""
    path = tmp_path / "A.1m.parquet"
    ROWS.write_parquet(path)
    path.write_bytes(path.read_bytes()[:300])

    with pytest.raises(CheckFailed, match="cannot be read") as error:
        rows_of(file(tmp_path))

    assert "move it away" in error.value.remedy


def test_rows_come_in_order_and_once(tmp_path: Path) -> None:
    """A file that was appended to out of order, with repeats: sorted, and the last row of a time stands."""
    later = bars([7], price=20.0)[:1]
    pl.concat([ROWS.reverse(), later]).write_parquet(tmp_path / "A.1m.parquet")

    assert pl.concat([later, ROWS[1:]]).equals(pl.concat(list(in_order(file(tmp_path)))))
