"""Compaction: the same rows in few files, cut between tickers; and deliveries into what is compacted."""

from __future__ import annotations

import itertools
import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from lakes import DAY, FIRST, SECOND, Basin, bars
from ticks import good_rows

from forebay.errors import LakeError
from forebay.lake.compaction import proving
from forebay.lake.compaction.compaction import Compacted, Compaction
from forebay.lake.compaction.plan import plan
from forebay.lake.compaction.spans import Span, choose_span, chosen_span, spans_of
from forebay.lake.format.deliveries import Delivery
from forebay.lake.format.layout import FileName, parse_name
from forebay.lake.home.home import scan
from forebay.lake.log.snapshot import LakeFile
from forebay.lake.log.versions import Versions
from forebay.lake.reading.reader import Lake
from forebay.lake.sorting.remaining import deliveries_of
from forebay.lake.sorting.sums import Sums, sums_of
from forebay.lake.verification.proof import proofs
from forebay.model.calendar import day_start
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.intervals import Interval
from forebay.model.partition import Source

TABLE = "stocks/bars_1m"
DAYS = [DAY, DAY + timedelta(days=1), DAY + timedelta(days=4), DAY + timedelta(days=5)]
SUNDAY = DAY + timedelta(days=3)
NAMES = ["A", "AA", "AAPL", "AAp", "B", "NA", "ZZZ"]


def held(basin: Basin) -> list[str]:
    """The table's files, relative to it."""
    return [file.path for file in Versions(basin.tables.home.table(TABLE), TABLE).newest().files()]


def rows(basin: Basin) -> pl.DataFrame:
    """All rows of the table, as its files have them, file after file."""
    return scan(basin.tables.home.table(TABLE), held(basin)).collect()


def total(basin: Basin) -> Sums:
    return sums_of(rows(basin))


def compact(basin: Basin, file_rows: int = 1 << 20) -> list[Compacted | None]:
    """Do all there is to do."""
    work = Compaction(basin.tables, file_rows)
    return [work.run(each) for each in work.plan(TABLE)]


def fill(basin: Basin, days: list[date] = DAYS, names: list[str] = NAMES) -> None:
    """A flat file a day, each with other prices."""
    for number, day in enumerate(days):
        basin.flatfile(bars(names, [day], source=Source.FLATFILE, price=20.0 + number), day)


def version(basin: Basin) -> int:
    return Versions(basin.tables.home.table(TABLE), TABLE).newest().version


def test_the_same_rows_are_in_one_file(basin: Basin) -> None:
    """Files of a month become one, with every row once, day by day in a tile, in a commit that changes no data."""
    fill(basin)
    before = total(basin)

    (done,) = compact(basin)

    assert before == total(basin)
    found = rows(basin)
    assert found.equals(found.sort("session_date", "ticker", "window_start"))
    assert 1 == len(held(basin))
    name = parse_name(held(basin)[0])
    assert name is not None
    assert (Interval(DAYS[0], DAYS[-1]), DAYS, Source.FLATFILE) == (name.dates, name.held(), name.source)
    assert done is not None
    assert (before.rows, str(before), 1) == (done.rows, done.sums, done.files)
    entry = basin.root / TABLE / "_delta_log" / f"{done.version:020}.json"
    actions = [json.loads(line) for line in entry.read_text().splitlines()]
    assert {False} == {action[kind]["dataChange"] for action in actions for kind in ("add", "remove") if kind in action}
    assert 4 == sum("remove" in action for action in actions)


def test_nothing_new_is_nothing_done(basin: Basin) -> None:
    """A second run commits nothing, and a file alone in its span is left as it is."""
    fill(basin, DAYS[:1])
    assert [] == compact(basin)
    fill(basin)
    compact(basin, 10)
    before = (held(basin), version(basin))

    assert [] == compact(basin, 10)
    assert before == (held(basin), version(basin))


def test_files_are_cut_between_tickers(basin: Basin) -> None:
    """However small a file is to be, a ticker is in one of them, and files do not overlap."""
    fill(basin)
    before = total(basin)

    compact(basin, 9)

    files = Versions(basin.tables.home.table(TABLE), TABLE).newest().files()
    bounds = sorted((file.lowest or "", file.highest or "") for file in files)
    assert len(bounds) > 3
    assert all(one[1] < other[0] for one, other in itertools.pairwise(bounds))
    assert before == total(basin)


def test_a_large_ticker_is_merged_in_parts(basin: Basin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticker that fills a tile alone goes on in the next: memory does not grow with it, and order stays."""
    monkeypatch.setattr("forebay.lake.sorting.merging.RANGE_ROWS", 50)
    monkeypatch.setattr("forebay.lake.format.tiles.TILE_ROWS", 50)
    monkeypatch.setattr("forebay.lake.sorting.runs._READ_ROWS", 16)
    monkeypatch.setattr("forebay.lake.format.parquet.ROW_GROUP_ROWS", 16)
    for number, day in enumerate(DAYS):
        basin.flatfile(bars(["A", "SPY"], [day], source=Source.FLATFILE, per_day=90, price=20.0 + number), day)
    before = rows(basin).sort("ticker", "window_start")

    compact(basin)

    assert 1 == len(held(basin))
    lake = Lake(basin.root)
    assert before.equals(lake.rows(TABLE).collect().select(before.columns))
    for ticker in ("A", "SPY"):
        assert before.filter(ticker=ticker).equals(lake.rows(TABLE, ticker).collect().select(before.columns))
    one_day = lake.rows(TABLE, None, DAYS[1], DAYS[1]).collect().select(before.columns)
    assert before.filter(session_date=DAYS[1]).equals(one_day)
    tickers = [_bounds(group)[:2] for group in _groups(basin.root / TABLE / held(basin)[0])]
    assert tickers.count(("A", "A")) > len(DAYS)


def test_weeks_and_months_are_a_choice_of_the_table(basin: Basin) -> None:
    """The span is kept with the table; another choice lays files out anew, with the same rows."""
    home = basin.tables.home.table(TABLE)
    fill(basin)
    before = total(basin)
    assert Span.MONTH is chosen_span(home, TABLE)

    choose_span(home, Span.WEEK)
    compact(basin)
    weeks = [name.held() for path in held(basin) if (name := parse_name(path))]
    choose_span(home, Span.MONTH)
    compact(basin)

    assert [DAYS[:2], DAYS[2:]] == weeks
    assert Span.MONTH is chosen_span(home, TABLE)
    assert 1 == len(held(basin))
    assert before == total(basin)
    choose_span(home, Span.WEEK)
    compact(basin)
    assert 2 == len(held(basin))
    assert before == total(basin)


def test_a_span_is_as_long_as_a_partition_at_most() -> None:
    """Day bars can go back to years after months; nothing else has years, for none of its files cross a month."""
    assert [Span.DAY, Span.WEEK, Span.MONTH, Span.YEAR] == spans_of("stocks/bars_1d")
    assert [Span.DAY, Span.WEEK, Span.MONTH] == spans_of(TABLE) == spans_of("stocks/trades")


def test_spans_of_unequal_size_are_a_file_each(basin: Basin) -> None:
    """A file of three days in one week and one in the next becomes two, not cut at the half of its rows."""
    days = [DAY - timedelta(days=2), DAY - timedelta(days=1), DAY, DAYS[2]]
    fill(basin, days)
    compact(basin)
    choose_span(basin.tables.home.table(TABLE), Span.WEEK)

    compact(basin)

    assert [days[:3], days[3:]] == [name.held() for path in held(basin) if (name := parse_name(path))]


def test_rest_files_of_symbols_become_files_of_all(basin: Basin) -> None:
    """Each source for itself: REST's files by symbol become one, and say which deliveries they hold."""
    fill(basin, DAYS[:2], ["A"])
    for name in NAMES:
        basin.rest(bars(name, DAYS[2:]), name, DAYS[2], DAYS[3])
    before = total(basin)

    compact(basin)

    sources = {name.source: path for path in held(basin) if (name := parse_name(path))}
    assert 2 == len(held(basin))
    assert before == total(basin)
    expected = {Delivery(name, Interval(DAYS[2], DAYS[3]), Source.REST, None, 4, 4, DAYS[3]) for name in NAMES}
    assert expected == set(deliveries_of(basin.tables.home.table(TABLE), [sources[Source.REST]]))
    flat = {(each.dates.start, each.revision, each.rows, each.held) for each in _deliveries(basin, Source.FLATFILE)}
    assert {(DAYS[0], FIRST, 2, 2), (DAYS[1], FIRST, 2, 2)} == flat


def _deliveries(basin: Basin, source: Source) -> list[Delivery]:
    found = deliveries_of(basin.tables.home.table(TABLE), held(basin))
    return [each for each in found if each.source is source]


def test_a_day_that_comes_again_the_same_commits_nothing(basin: Basin) -> None:
    """The same rows of a compacted day, be they of another revision, leave every file and the version as they are."""
    fill(basin)
    compact(basin, 9)
    before = (held(basin), version(basin))

    new = basin.flatfile(bars(NAMES, [DAYS[1]], source=Source.FLATFILE, price=21.0), DAYS[1], SECOND)

    assert not new
    assert before == (held(basin), version(basin))


def test_a_day_that_comes_again_rewrites_only_files_that_differ(basin: Basin, monkeypatch: pytest.MonkeyPatch) -> None:
    """One ticker's prices differ, one is new, one is gone: other files stay, and rows are the new day's.

    What is written anew has the small row groups of a compacted file.
    """
    monkeypatch.setattr("forebay.lake.format.tiles.TILE_ROWS", 4)
    fill(basin)
    compact(basin, 9)
    before = set(held(basin))
    others = rows(basin).filter(pl.col("session_date") != DAYS[1])
    again = bars([*NAMES[:-1], "ZZZZ"], [DAYS[1]], source=Source.FLATFILE, price=21.0)
    again = again.with_columns(volume=pl.when(ticker="B").then(7.0).otherwise("volume"))

    assert basin.flatfile(again, DAYS[1], SECOND)

    assert sums_of(pl.concat([others, again])) == total(basin)
    assert 0 < len(before & set(held(basin))) < len(before)
    assert len(before) == len(held(basin))
    assert [] == compact(basin, 9)
    assert not list(basin.staging.folder.glob("*.parquet"))
    written = set(held(basin)) - before
    groups = [pq.read_metadata(basin.root / TABLE / path).num_row_groups for path in written]
    assert all(count > 1 for count in groups)
    newest = [each for each in _deliveries(basin, Source.FLATFILE) if each.dates.start == DAYS[1]]
    assert {FIRST, SECOND} == {each.revision for each in newest}
    assert again.height == sum(each.held for each in newest)


def test_a_new_day_stands_beside_a_compacted_span_until_the_next_compaction(basin: Basin) -> None:
    """A late day is a file of its own, and is merged with what is compacted."""
    fill(basin, [DAYS[0], DAYS[2]])
    compact(basin, 9)
    count = len(held(basin))

    fill(basin, [DAYS[1]])
    assert count + 1 == len(held(basin))
    before = total(basin)
    compact(basin, 1 << 20)

    assert 1 == len(held(basin))
    assert before == total(basin)


def test_a_flat_file_takes_its_day_from_compacted_rest_rows(basin: Basin) -> None:
    """REST's rows of other days stay, in a compacted file still; spared tickers keep theirs."""
    for name in ("A", "B"):
        basin.rest(bars(name, DAYS), name, DAYS[0], DAYS[3])
    compact(basin)

    basin.flatfile(bars(["A", "C"], [DAYS[1]], source=Source.FLATFILE, price=9.0), DAYS[1])

    found = rows(basin)
    flat = found.filter(pl.col("session_date") == DAYS[1])
    assert [("A", "flatfile"), ("C", "flatfile")] == sorted(flat.select("ticker", "source").unique().rows())
    rest = [name for path in held(basin) if (name := parse_name(path)) and name.source is Source.REST]
    assert [[DAYS[0], DAYS[2], DAYS[3]]] == [name.held() for name in rest]
    assert [] == _deliveries(basin, Source.REST)  # of both symbols some rows are gone: neither is proved any more
    assert 12 + 4 == found.height


def test_a_range_by_rest_replaces_its_rows_in_compacted_files(basin: Basin) -> None:
    """One symbol's rows change, the others stay, days of a flat file too; the same answer again is no commit."""
    fill(basin, [DAYS[0]], ["A", "B"])
    for name in ("A", "B"):
        basin.rest(bars(name, DAYS[1:]), name, DAYS[1], DAYS[3])
    compact(basin)
    assert not basin.rest(bars("A", DAYS[1:]), "A", DAYS[1], DAYS[3])

    assert basin.rest(bars("A", DAYS[1:], price=77.0), "A", DAYS[1], DAYS[3])

    found = rows(basin).group_by("ticker", "source").agg(pl.col("open").max(), pl.len()).sort("ticker", "source")
    assert [
        ("A", "flatfile", 20.0, 2),
        ("A", "rest", 77.0, 6),
        ("B", "flatfile", 20.0, 2),
        ("B", "rest", 10.0, 6),
    ] == found.rows()
    assert {"A", "B"} == {each.symbol for each in _deliveries(basin, Source.REST)}


def test_bars_from_trades_take_the_place_of_rows_in_compacted_files(basin: Basin) -> None:
    """A repair takes single bars out of a compacted file; the day stays the flat file's, and is proved no more."""
    fill(basin)
    compact(basin, 9)
    gone = bars("B", [DAYS[1]], source=Source.FLATFILE, price=21.0)
    put = bars("B", [DAYS[1]], source=Source.TRADES, price=55.0)

    basin.tables.patch_day(basin.stage(put), DAYS[1], ["B"], gone, gone)

    found = rows(basin).filter((pl.col("ticker") == "B") & (pl.col("session_date") == DAYS[1]))
    assert [("trades", 55.0)] == found.select("source", "open").unique().rows()
    assert NAMES[0] in rows(basin)["ticker"]
    whole = [each for each in _deliveries(basin, Source.FLATFILE) if each.dates.start == DAYS[1]]
    assert sum(each.held for each in whole) < whole[0].rows
    assert [] == compact(basin, 9)


def test_planning_goes_through_dates_once_not_file_by_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A market's tickers by REST are 10,000 files a year: their days are not counted 10,000 times after each sync."""
    asked = []
    held_by = FileName.held
    monkeypatch.setattr(FileName, "held", lambda name: asked.append(name) or held_by(name))
    paths = [f"year=2023/2023-01-01__2023-12-31__rest__T{number}__0123456789ab.parquet" for number in range(100)]

    (work,) = plan("stocks/bars_1d", Span.YEAR, [LakeFile.of(path, 10, 250, None, None) for path in paths])

    assert 100 == len(work.files)
    assert (Interval(date(2023, 1, 1), date(2023, 12, 31)),) == work.spans
    assert 1 == len(asked)


def test_what_another_writer_replaced_meanwhile_wins(basin: Basin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day that comes anew while its old file is being merged stays; the compaction is given up and planned again."""
    fill(basin)
    real = proving.sync

    def late(path: Path) -> None:
        basin.flatfile(bars(NAMES, [DAYS[1]], source=Source.FLATFILE, price=99.0), DAYS[1], SECOND)
        real(path)

    monkeypatch.setattr(proving, "sync", late)
    assert [None] == compact(basin)
    monkeypatch.setattr(proving, "sync", real)
    before = total(basin)
    compact(basin)

    assert before == total(basin)
    assert 99.0 == rows(basin).filter(pl.col("session_date") == DAYS[1])["open"].max()
    assert 1 == len(held(basin))


def test_a_damaged_file_is_named_and_nothing_changes(basin: Basin) -> None:
    """A file whose bytes were changed on disk stops the compaction; what is held stays."""
    fill(basin)
    before = held(basin)
    path = basin.root / TABLE / before[1]
    found = bytearray(path.read_bytes())
    found[4:200] = b"\0" * 196
    path.write_bytes(found)

    with pytest.raises(LakeError, match=path.name):
        compact(basin)

    assert before == held(basin)
    assert not list(basin.staging.folder.glob("*.parquet"))


def test_a_compacted_lake_proves_what_it_holds(basin: Basin) -> None:
    """By the footers alone: each day's revision, the newest one of a day that came again, and REST's ranges."""
    fill(basin)
    basin.rest(bars("REST", [SUNDAY]), "REST", SUNDAY, SUNDAY)
    compact(basin, 9)
    again = bars(NAMES[:1], [DAYS[1]], source=Source.FLATFILE, price=21.0)
    basin.flatfile(again, DAYS[1], SECOND)

    proven = list(proofs(basin.tables.home, TABLE))

    flat = {proof.dates.start: (proof.revision([]), proof.rows) for proof in proven if proof.source is Source.FLATFILE}
    every = 2 * len(NAMES)
    assert {DAYS[0]: (FIRST, every), DAYS[1]: (SECOND, 2), DAYS[2]: (FIRST, every), DAYS[3]: (FIRST, every)} == flat
    (rest,) = [proof for proof in proven if proof.source is Source.REST]
    assert ("REST", 2, True) == (rest.symbol, rest.rows, rest.is_delivery())


def test_days_that_came_again_stay_of_their_newest_revision_when_merged_again(basin: Basin) -> None:
    """Files that the newer revision left as they were name the one before; merged with the others they are of one."""
    fill(basin)
    compact(basin, 9)
    for number, day in enumerate(DAYS):
        again = bars(NAMES, [day], source=Source.FLATFILE, price=20.0 + number)
        volume = pl.when(ticker="B").then(7.0).otherwise("volume")
        basin.flatfile(again.with_columns(volume=volume), day, SECOND)
    fill(basin, [DAYS[3] + timedelta(days=1)])

    compact(basin)

    found = {proof.dates.start: proof.revision([]) for proof in proofs(basin.tables.home, TABLE)}
    assert {**dict.fromkeys(DAYS, SECOND), DAYS[3] + timedelta(days=1): FIRST} == found


def test_a_day_without_some_of_its_rows_is_of_no_revision(basin: Basin) -> None:
    """Rows that a repair took away are not passed off as the vendor's file."""
    fill(basin)
    compact(basin, 9)
    gone = bars("B", [DAYS[1]], source=Source.FLATFILE, price=21.0)
    basin.tables.patch_day(basin.stage(bars("B", [DAYS[1]], source=Source.TRADES)), DAYS[1], ["B"], gone, gone)

    found = {
        proof.dates.start: proof.revision([FIRST]) for proof in proofs(basin.tables.home, TABLE) if "*" == proof.symbol
    }

    assert {DAYS[0]: FIRST, DAYS[1]: None, DAYS[2]: FIRST, DAYS[3]: FIRST} == found


def test_ticks_of_one_instant_keep_the_vendors_order(basin: Basin) -> None:
    """Trades of the same nanosecond are never sorted apart nor dropped: their sequence is the file's."""
    dataset = LAKE_DATASETS["stocks/trades"]
    days = [DAYS[0], DAYS[1]]
    expected = []
    for day in days:
        start = int(day_start(dataset, day).timestamp()) * 10**9 + 36_000 * 10**9
        rows = good_rows(dataset, 60).with_columns(
            ticker=pl.Series(["A"] * 20 + ["SPY"] * 40),
            sip_timestamp=pl.Series([start] * 20 + [start, start + 1] * 20, dtype=pl.Int64).sort(),
            sequence_number=pl.Series(range(60, 0, -1), dtype=pl.Int64),
            session_date=pl.lit(day),
        )
        revision = (day, FIRST)
        basin.tables.replace_day(basin.tables.stage([rows], dataset, "ticks", revision), *revision)
        expected.append(rows)
    before = pl.concat(expected).sort("ticker", "sip_timestamp", maintain_order=True)

    work = Compaction(basin.tables)
    (planned,) = work.plan("stocks/trades")
    assert work.run(planned)

    home = basin.tables.home.table("stocks/trades")
    paths = [file.path for file in Versions(home, "stocks/trades").newest().files()]
    assert 1 == len(paths)
    assert before.equals(Lake(basin.root).rows("stocks/trades").collect().select(before.columns))


def test_a_tile_has_a_row_group_for_each_day(basin: Basin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file's tiles follow each other by ticker, and of each a reader of one day decodes one row group."""
    monkeypatch.setattr("forebay.lake.format.tiles.TILE_ROWS", 20)
    fill(basin)
    before = rows(basin).sort("ticker", "window_start")

    compact(basin)

    (path,) = held(basin)
    found = [_bounds(group) for group in _groups(basin.root / TABLE / path)]
    assert all(first == last for _, _, first, last in found)
    tiles = [list(tile) for _, tile in itertools.groupby(found, key=lambda group: group[:2])]
    assert all([day for _, _, day, _ in tile] == DAYS for tile in tiles)
    assert len(tiles) > 1
    assert all(one[0][1] < other[0][0] for one, other in itertools.pairwise(tiles))
    lake = Lake(basin.root)
    assert before.equals(lake.rows(TABLE).collect().select(before.columns))
    one_day = lake.rows(TABLE, None, DAYS[1], DAYS[1]).collect().select(before.columns)
    assert before.filter(pl.col("session_date") == DAYS[1]).equals(one_day)
    two = lake.rows(TABLE, ["AAp", "A"]).collect().select(before.columns)
    assert before.filter(pl.col("ticker").is_in(["AAp", "A"])).equals(two)


def test_tiles_are_merged_again(basin: Basin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compacted month and a day that came late become one month, as if the day had been there before."""
    monkeypatch.setattr("forebay.lake.format.tiles.TILE_ROWS", 20)
    fill(basin, DAYS[:3])
    compact(basin)
    basin.flatfile(bars(NAMES, [DAYS[3]], source=Source.FLATFILE, price=23.0), DAYS[3])
    before = rows(basin).sort("ticker", "window_start")

    compact(basin)

    (path,) = held(basin)
    assert before.equals(Lake(basin.root).rows(TABLE).collect().select(before.columns))
    assert all(first == last for _, _, first, last in map(_bounds, _groups(basin.root / TABLE / path)))


def _groups(path: Path) -> list[pq.RowGroupMetaData]:
    footer = pq.read_metadata(path)
    return [footer.row_group(each) for each in range(footer.num_row_groups)]


def _bounds(group: pq.RowGroupMetaData) -> tuple[str, str, date, date]:
    """First and last ticker, first and last session date."""
    names = {group.column(each).path_in_schema: each for each in range(group.num_columns)}
    ticker, day = (group.column(names[each]).statistics for each in ("ticker", "session_date"))
    return ticker.min, ticker.max, day.min, day.max


def test_files_that_are_not_sorted_are_refused(basin: Basin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of our name whose rows somebody put into another order is named, and nothing changes."""
    monkeypatch.setattr("forebay.lake.sorting.merging.RANGE_ROWS", 3)
    monkeypatch.setattr("forebay.lake.format.tiles.TILE_ROWS", 3)
    fill(basin, DAYS[:2])
    before = held(basin)
    path = basin.root / TABLE / before[0]
    pl.read_parquet(path, hive_partitioning=False).sample(fraction=1, shuffle=True, seed=3).write_parquet(
        path, row_group_size=3
    )

    with pytest.raises(LakeError, match="sorted"):
        compact(basin)

    assert before == held(basin)
