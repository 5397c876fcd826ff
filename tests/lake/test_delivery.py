"""Deliveries into the lake: one owner per symbol and day, one commit each, the same again changes nothing."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lakes import DAY, FIRST, SECOND, Basin, bars

from forebay import Lake
from forebay.errors import CheckFailed, LakeError, NewerVersion
from forebay.lake.format.digest import digest
from forebay.lake.format.layout import FileName, parse_name, split_by_partition
from forebay.lake.log import delta
from forebay.lake.writing.table import LakeTables
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Revision, Source

DAYS = [date(2024, 3, 28), date(2024, 3, 29), date(2024, 4, 1), date(2024, 4, 2)]


def held(basin: Basin) -> list[tuple[str, date, str, float]]:
    """(ticker, day, source, open) of every row, each once."""
    rows = Lake(basin.root, warns=False).bars(None, asset_class="stocks").collect()
    return sorted(set(rows.select("ticker", "session_date", "source", "open").rows()))


def test_a_day_is_there_after_one_commit(basin: Basin) -> None:
    """A delivered file is read back row for row, in the folder of its month."""
    rows = bars(["AAP", "AAp", "NA"], source=Source.FLATFILE)

    assert basin.flatfile(rows)

    assert rows.equals(Lake(basin.root).bars(["NA", "AAp", "AAP"]).collect())
    assert ["month=2024-03"] == [path.parent.name for path in basin.files()]


def test_the_same_revision_twice_is_once(basin: Basin) -> None:
    """A crash between the lake's commit and the ledger's leads to a second delivery, which changes nothing."""
    rows = bars("A", source=Source.FLATFILE)

    assert [True, False] == [basin.flatfile(rows), basin.flatfile(rows)]


def test_a_new_revision_replaces_the_day_only(basin: Basin) -> None:
    """A re-published file takes the place of the earlier one; its neighbours stay."""
    other = DAY + timedelta(days=1)
    basin.flatfile(bars("A", [DAY], source=Source.FLATFILE))
    basin.flatfile(bars("A", [other], source=Source.FLATFILE), other)

    basin.flatfile(bars("B", [DAY], source=Source.FLATFILE, price=20.0), DAY, SECOND)

    assert [("A", other, "flatfile", 10.0), ("B", DAY, "flatfile", 20.0)] == held(basin)


def test_a_flat_file_takes_its_day_from_rest(basin: Basin) -> None:
    """REST rows over several days lose only the day that the file owns, across symbols."""
    for symbol in ("A", "B"):
        basin.rest(bars(symbol, DAYS), symbol, DAYS[0], DAYS[-1])

    basin.flatfile(bars("A", [DAYS[1]], source=Source.FLATFILE, price=50.0), DAYS[1])

    rest = [(symbol, day, "rest", 10.0) for symbol in ("A", "B") for day in DAYS if day != DAYS[1]]
    assert sorted([*rest, ("A", DAYS[1], "flatfile", 50.0)]) == held(basin)


def test_rest_leaves_the_days_of_flat_files_alone(basin: Basin) -> None:
    """A REST range over a day that a file owns brings the other days only, whatever the symbol."""
    basin.flatfile(bars("A", [DAYS[1]], source=Source.FLATFILE, price=50.0), DAYS[1])

    basin.rest(bars("B", DAYS), "B", DAYS[0], DAYS[-1])

    rest = [("B", day, "rest", 10.0) for day in DAYS if day != DAYS[1]]
    assert sorted([*rest, ("A", DAYS[1], "flatfile", 50.0)]) == held(basin)


def test_a_rest_range_replaces_its_symbol_there_and_nowhere_else(basin: Basin) -> None:
    """The rows outside the range and those of other symbols stay as they were."""
    for symbol in ("A", "B"):
        basin.rest(bars(symbol, DAYS), symbol, DAYS[0], DAYS[-1])

    basin.rest(bars("A", DAYS[1:3], price=30.0), "A", DAYS[1], DAYS[2])
    basin.rest(bars("B", []), "B", DAYS[0], DAYS[2])

    kept = [("A", DAYS[0], "rest", 10.0), ("A", DAYS[3], "rest", 10.0), ("B", DAYS[3], "rest", 10.0)]
    assert sorted([*kept, ("A", DAYS[1], "rest", 30.0), ("A", DAYS[2], "rest", 30.0)]) == held(basin)


def test_the_same_rest_range_twice_is_once(basin: Basin) -> None:
    """Delivered again, even an empty range or one in two months, nothing is committed."""
    assert [True, False] == [basin.rest(bars("A", DAYS), "A", DAYS[0], DAYS[-1]) for _ in range(2)]
    assert [True, False] == [basin.rest(bars("A", []), "A", DAYS[0], DAYS[1]) for _ in range(2)]


def test_a_market_wide_rest_day_replaces_every_symbol(basin: Basin) -> None:
    """Rows for all symbols take a day from the single ones; a single one then takes its own back."""
    basin.rest(bars("A", DAYS), "A", DAYS[0], DAYS[-1])

    basin.rest(bars(["A", "C"], [DAYS[0]], price=40.0), ALL_SYMBOLS, DAYS[0], DAYS[0])
    basin.rest(bars("C", [DAYS[0]], price=60.0), "C", DAYS[0], DAYS[0])

    single = [("A", day, "rest", 10.0) for day in DAYS[1:]]
    assert sorted([*single, ("A", DAYS[0], "rest", 40.0), ("C", DAYS[0], "rest", 60.0)]) == held(basin)


deliveries = st.lists(
    st.one_of(
        st.tuples(st.just("file"), st.integers(0, 3), st.integers(0, 3), st.sampled_from(["A", "B", ""])),
        st.tuples(st.just("rest"), st.integers(0, 3), st.integers(0, 3), st.sampled_from(["A", "B", "AAp", "*"])),
    ),
    max_size=7,
)


@given(deliveries)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_deliveries_leaves_one_owner(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int, str]]
) -> None:
    """Whatever arrives in whatever order, each (symbol, day) holds what a simple table of owners says.

    A file has good rows of its symbol and a bad one of AAp, or none at all.
    """
    basin = Basin(tmp_path_factory.mktemp("lake"))
    model: dict[tuple[str, date], tuple[str, float]] = {}
    filed: set[date] = set()
    for number, (kind, first, last, symbol) in enumerate(steps):
        price = 10.0 + number
        start, end = DAYS[min(first, last)], DAYS[max(first, last)]
        if kind == "file":
            good = bars(symbol or [], [start], source=Source.FLATFILE, price=price)
            bad = bars("AAp" if symbol else [], [start], per_day=1).with_columns(volume=pl.lit(-1.0))
            basin.flatfile(pl.concat([good, bad]), start, Revision(str(number), 1, FIRST.last_modified))
            spared = {"AAp"} if symbol else {"A", "B", "AAp"}
            model = {
                (ticker, day): owner
                for (ticker, day), owner in model.items()
                if day != start or (ticker in spared and owner[0] == "rest")
            }
            filed.discard(start)
            if symbol:
                model[symbol, start] = ("flatfile", price)
                filed.add(start)
            continue
        names = ["A", "B", "AAp"] if symbol == "*" else [symbol]
        days = [day for day in DAYS if start <= day <= end]
        basin.rest(bars(names, days, price=price), symbol, start, end)
        fresh = {(name, day): ("rest", price) for name in names for day in days if day not in filed}
        model |= fresh
    expected = sorted((symbol, day, *owner) for (symbol, day), owner in model.items())

    assert expected == (held(basin) if steps else [])
    assert not list((basin.root / "stocks" / "bars_1m").glob("_forebay/pending.json"))
    basin.staging.close()


def test_rows_of_another_day_or_symbol_are_refused(basin: Basin) -> None:
    """A delivery that is not what its name says does not reach the table."""
    with pytest.raises(CheckFailed, match="2024-03-08"):
        basin.flatfile(bars("A", [DAY + timedelta(days=1)], source=Source.FLATFILE), DAY)
    with pytest.raises(CheckFailed, match="not A in"):
        basin.rest(bars("B"), "A", DAY, DAY)
    with pytest.raises(CheckFailed, match="no good rows"):
        basin.flatfile(bars("A").with_columns(pl.lit(-1.0).alias("volume")), DAY)

    assert [] == basin.files()


def test_a_staged_file_that_was_tampered_with_is_refused(basin: Basin) -> None:
    """The file is proved before it is committed: cut short or with other rows, nothing is committed."""
    staged = basin.stage(bars("A", source=Source.FLATFILE, per_day=5))
    staged.path.write_bytes(staged.path.read_bytes()[:-20])

    with pytest.raises(LakeError):
        basin.tables.replace_day(staged, DAY, FIRST)

    assert [] == basin.files()


def test_a_lake_of_a_newer_format_is_left_alone(basin: Basin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that a later Forebay made is neither read nor written, and the error says to upgrade."""
    monkeypatch.setattr(delta, "FORMAT_VERSION", 2)
    basin.flatfile(bars("A", source=Source.FLATFILE))
    before = basin.files()
    monkeypatch.undo()
    basin.tables = LakeTables(basin.root, basin.staging)

    with pytest.raises(NewerVersion) as read:
        Lake(basin.root).bars("A")
    with pytest.raises(NewerVersion):
        basin.flatfile(bars("A", source=Source.FLATFILE), DAY, SECOND)

    assert "upgrade" in read.value.remedy
    assert before == basin.files()


@given(st.dates(date(2003, 9, 10), date(2026, 12, 31)), st.integers(0, 800))
def test_partitions_share_a_range_without_gap_or_overlap(start: date, length: int) -> None:
    """The shares of a range cover every day once, each inside its own month or year."""
    dates = Interval(start, start + timedelta(days=length))
    for table, written in (("stocks/bars_1m", "%Y-%m"), ("stocks/bars_1d", "%Y")):
        shares = list(split_by_partition(table, dates))

        assert dates.days == sum(share.days for _, share in shares)
        assert all({value} == {share.start.strftime(written), share.end.strftime(written)} for value, share in shares)


@given(st.text(min_size=1, max_size=8).filter(lambda text: text != ALL_SYMBOLS), st.sampled_from(list(Source)))
def test_file_names_are_read_back(symbol: str, source: Source) -> None:
    """What a file holds can be told from its name, for any ticker, and a foreign name is no name of ours."""
    name = FileName(Interval(DAY, DAY), source, symbol, "0123abcd")

    assert name == parse_name(f"month=2024-03/{name}")
    assert parse_name("part-00000-abc.snappy.parquet") is None


def test_a_file_of_another_program_keeps_its_rows(basin: Basin) -> None:
    """A table that another engine rewrote is still owned row by row: the day goes, the rest stays."""
    basin.rest(bars("A", DAYS[:2]), "A", DAYS[0], DAYS[1])
    table = delta.open_table(basin.tables.home.table("stocks/bars_1m"))
    from deltalake import DeltaTable

    DeltaTable(table.table_uri).optimize.z_order(["ticker"])

    basin.flatfile(bars("A", [DAYS[0]], source=Source.FLATFILE, price=50.0), DAYS[0])

    assert [("A", DAYS[0], "flatfile", 50.0), ("A", DAYS[1], "rest", 10.0)] == held(basin)


def test_digests_tell_content_not_form(tmp_path: Path) -> None:
    """Two lakes with the same bars from different sources, in other files, have one digest; any value changes it."""
    one, two = Basin(tmp_path / "one"), Basin(tmp_path / "two")
    one.rest(bars("A", DAYS), "A", DAYS[0], DAYS[-1])
    one.rest(bars("B", DAYS), "B", DAYS[0], DAYS[-1])
    for day in DAYS:
        two.flatfile(bars(["A", "B"], [day], source=Source.FLATFILE), day)
    expected = Lake(one.root).digest("stocks/bars_1m")

    assert expected == Lake(two.root).digest("stocks/bars_1m")
    assert expected == digest([bars(["A", "B"], DAYS)])
    assert expected != Lake(two.root).digest("stocks/bars_1m", DAYS[0], DAYS[1])
    for column, value in (("close", 10.6), ("vwap", 1.0), ("volume", None), ("ticker", "C")):
        rows = bars(["A", "B"], DAYS)
        changed = rows.with_columns(
            pl.when(pl.int_range(pl.len()) == 0)
            .then(pl.lit(value, rows.schema[column]))
            .otherwise(column)
            .alias(column)
        )
        assert expected != digest([changed]), column
