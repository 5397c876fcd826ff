"""What a reader knows of a table: it follows every commit, finds files without listing all, and can go back."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event

import polars as pl
import pytest
from deltalake import DeltaTable
from lakes import DAY, SECOND, Basin, bars

from forebay import Lake
from forebay.errors import LakeError, NewerVersion, UsageError
from forebay.lake.home.address import home_at
from forebay.lake.log.versions import Versions
from forebay.model.intervals import Interval
from forebay.model.partition import Source

TABLE = "stocks/bars_1m"
DAYS = [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]


@pytest.fixture
def lake(basin: Basin) -> Lake:
    """Three days of two tickers, a commit each, then the second day once more at another price."""
    for day in DAYS:
        basin.flatfile(bars(["A", "B"], [day], source=Source.FLATFILE), day)
    basin.flatfile(bars(["A", "B"], [DAYS[1]], source=Source.FLATFILE, price=50.0), DAYS[1], SECOND)
    return Lake(basin.root)


def opens(lake: Lake, as_of: int | datetime | None = None) -> set[float]:
    """The prices that are held."""
    return set(lake.bars("A", as_of=as_of).collect()["open"])


def entries(lake: Lake) -> list[Path]:
    """The log."""
    return sorted((Path(lake.home.uri) / TABLE / "_delta_log").glob("*.json"))


def test_a_commit_is_seen_at_the_next_question(basin: Basin, lake: Lake) -> None:
    """The same Lake sees what was added, replaced and taken away since."""
    before = lake.version(TABLE)
    basin.rest(bars("C"), "C", DAY, DAY)

    assert before + 1 == lake.version(TABLE)
    assert ["A", "B", "C"] == lake.tickers(TABLE)
    basin.rest(bars("C")[:0], "C", DAY, DAY)
    assert ["A", "B"] == lake.tickers(TABLE)


def test_following_is_the_same_as_listing_anew(basin: Basin, lake: Lake) -> None:
    """After other programs' commits too, the files are those that delta-rs lists."""
    home = home_at(basin.root).table(TABLE)
    versions = Versions(home, TABLE)
    versions.newest()
    basin.rest(bars("C"), "C", DAY, DAY)
    extra = bars("D/E").with_columns(pl.lit("2024-03").alias("month"))
    extra.write_delta(home.uri, mode="append")
    DeltaTable(home.uri).delete("ticker = 'B'")

    expected = {Path(path).name for path in DeltaTable(home.uri).file_uris()}
    assert expected == {Path(file.path).name for file in versions.newest().files()}
    assert ["A", "C", "D/E"] == lake.tickers(TABLE)


def test_a_table_that_was_made_anew_is_another_table(tmp_path: Path, basin: Basin, lake: Lake) -> None:
    """A reader does not go on with the files of one that was deleted in between."""
    assert {10.0, 50.0} == opens(lake)
    other = Basin(tmp_path / "other")
    for day in DAYS:
        other.flatfile(bars("A", [day], source=Source.FLATFILE, price=70.0), day)
    other.staging.close()
    basin.root.rename(tmp_path / "gone")
    other.root.rename(basin.root)

    assert {70.0} == opens(lake)


def test_only_what_may_hold_the_rows_is_chosen(basin: Basin) -> None:
    """Dates, the ticker in a name, and the log's bounds of tickers each leave files out."""
    basin.flatfile(bars(["A", "C"], [DAYS[0]], source=Source.FLATFILE), DAYS[0])
    basin.flatfile(bars(["M", "O"], [DAYS[1]], source=Source.FLATFILE), DAYS[1])
    basin.rest(bars("C", [DAYS[2]]), "C", DAYS[2], DAYS[2])
    held = Versions(home_at(basin.root).table(TABLE), TABLE).newest()

    def days(dates: Interval | None = None, tickers: list[str] | None = None) -> list[date]:
        return [file.name.dates.start for file in held.files(dates, tickers) if file.name]

    assert DAYS == days()
    assert DAYS[1:] == days(Interval(DAYS[1], date.max))
    assert [DAYS[0], DAYS[2]] == days(None, ["C"])
    assert [DAYS[0]] == days(None, ["B"])
    assert [DAYS[1]] == days(None, ["N", "B"][:1])
    assert [] == days(None, ["D", "P"])
    assert [] == days(Interval(DAYS[1], DAYS[1]), ["C"])


def test_a_version_repeats_exactly(lake: Lake) -> None:
    """A number, or a moment between two commits, brings what was held then."""
    assert ({10.0, 50.0}, {10.0}) == (opens(lake), opens(lake, lake.version(TABLE) - 1))
    for entry, seconds in zip(entries(lake), range(5), strict=True):
        _stamp(entry, datetime(2024, 4, 1, tzinfo=UTC) + timedelta(seconds=10 * seconds))
    fresh = Lake(lake.home)

    assert {10.0} == opens(fresh, datetime(2024, 4, 1, 0, 0, 39, tzinfo=UTC))
    assert {10.0, 50.0} == opens(fresh, datetime(2024, 4, 1, 0, 0, 40, tzinfo=UTC))
    assert 1 == fresh.coverage(TABLE, as_of=datetime(2024, 4, 1, 0, 0, 10, tzinfo=UTC)).height
    assert fresh.digest(TABLE, as_of=3) != fresh.digest(TABLE)
    assert 6 == fresh.sql("select count(*) from stocks.bars_1m where ticker = 'B'", as_of=3).item()


def _stamp(entry: Path, moment: datetime) -> None:
    """Give a commit another time."""
    text = entry.read_text("utf-8")
    start = text.index('"timestamp":') + len('"timestamp":')
    end = start + len(text[start:]) - len(text[start:].lstrip("0123456789"))
    entry.write_text(f"{text[:start]}{int(moment.timestamp() * 1000)}{text[end:]}", "utf-8")


def test_what_never_was_is_refused(lake: Lake) -> None:
    """A version of the future, a moment before the table, and one without a time zone."""
    with pytest.raises(UsageError, match="no version 99") as refused:
        lake.bars("A", as_of=99)
    assert "from 0 to 4" in refused.value.remedy
    with pytest.raises(UsageError, match="no version that is still known"):
        lake.bars("A", as_of=datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(UsageError, match="no time zone"):
        lake.bars("A", as_of=datetime(2024, 1, 1))


def test_a_vacuumed_version_names_the_oldest_that_is_left(lake: Lake) -> None:
    """Its file is gone: the version after it is the oldest one that can still be read."""
    gone = sorted(path for path in Path(lake.home.uri).rglob(f"{DAYS[1]}__*.parquet"))
    current = {file.path for file in Versions(lake.home.table(TABLE), TABLE).newest().files()}
    removed = [path for path in gone if path.relative_to(Path(lake.home.uri) / TABLE).as_posix() not in current]
    assert 1 == len(removed)
    removed[0].unlink()

    with pytest.raises(LakeError, match="version 3 of stocks/bars_1m is gone") as refused:
        lake.bars("A", as_of=3)
    assert "still be read is 4" in refused.value.remedy
    assert {10.0, 50.0} == opens(lake, 4)


def test_a_log_that_was_cleaned_up_begins_at_its_checkpoint(lake: Lake) -> None:
    """Entries before the checkpoint may go: versions from it on are still there."""
    DeltaTable(str(Path(lake.home.uri) / TABLE)).create_checkpoint()
    for entry in entries(lake)[:-1]:
        entry.unlink()

    with pytest.raises(LakeError, match="gone") as refused:
        Lake(lake.home).bars("A", as_of=2)
    assert "still be read is 4" in refused.value.remedy


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda path: path.unlink(), "is gone"),
        (lambda path: os.truncate(path, 100), "has 100 bytes instead of"),
        (lambda path: path.write_bytes(b"x" * path.stat().st_size), "is no Parquet any more"),
    ],
)
def test_a_damaged_file_of_the_table_is_named(lake: Lake, harm: object, says: str) -> None:
    """Before anything is read, with what to do about it."""
    path = next(Path(lake.home.uri).rglob(f"{DAYS[0]}__*.parquet"))
    harm(path)

    with pytest.raises(LakeError, match=says) as refused:
        lake.bars("A")
    assert path.name in str(refused.value)
    assert "forebay lake verify --mend" in refused.value.remedy
    assert 4 == lake.bars("A", start=DAYS[1]).collect().height


def test_files_that_belong_to_no_commit_are_not_read(lake: Lake) -> None:
    """A foreign Parquet file, or a damaged one, that only lies in the folder."""
    folder = next(Path(lake.home.uri).rglob("month=2024-02"))
    bars("Z").write_parquet(folder / "mine.parquet")
    (folder / "broken.parquet").write_bytes(b"PAR1")

    assert ["A", "B"] == lake.tickers(TABLE)
    assert 12 == lake.sql("select count(*) from stocks.bars_1m").item()


def test_a_table_of_a_later_forebay_is_refused(lake: Lake) -> None:
    """Its rules may be others: upgrading is the remedy."""
    first = entries(lake)[0]
    first.write_text(first.read_text("utf-8").replace("Forebay lake format 1", "Forebay lake format 2"), "utf-8")

    with pytest.raises(NewerVersion, match="lake format 2"):
        Lake(lake.home).bars("A")


def test_threads_share_a_lake_while_it_changes(basin: Basin, lake: Lake) -> None:
    """Readers in threads see whole commits only: a day has both of its tickers or is not there."""
    done = Event()

    def read() -> set[int]:
        heights = set()
        while not done.is_set():
            heights.add(lake.bars(["A", "B"]).collect().height)
        return heights

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for number in range(4):
            day = date(2024, 5, 6 + number)
            basin.flatfile(bars(["A", "B"], [day], source=Source.FLATFILE), day)
        done.set()
        seen = set.union(*(reader.result() for reader in readers))

    assert seen <= {12 + 4 * number for number in range(5)}
    assert 28 == lake.bars(["A", "B"]).collect().height
