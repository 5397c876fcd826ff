"""What the verification of a lake finds in its files, and how it compares minutes with days."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from lakes import DAY, DAYS, FIRST, MINUTES, Basin, bars

from forebay.errors import LakeError
from forebay.lake.compaction.compaction import Compaction
from forebay.lake.format.layout import FileName
from forebay.lake.format.parquet import RowWriter
from forebay.lake.home.address import home_at
from forebay.lake.verification.files import HeldFile, look_into
from forebay.lake.verification.reconcile import on_one_side, other_prices, other_than_grouped, other_volume, usual_lack
from forebay.lake.verification.scores import WEIGHTS, Check, Reason, score
from forebay.lake.verification.totals import Totals
from forebay.lake.verification.verify import TableReader
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Source

OPEN = datetime(2024, 3, 7, 14, 30, tzinfo=UTC)
"""Of the regular session of DAY."""


def reader(basin: Basin, *, deep: bool = True) -> TableReader:
    return TableReader.of(home_at(basin.root), MINUTES, deep=deep)


def deliver(basin: Basin, rows: pl.DataFrame, day: date = DAY) -> Path:
    """A day's flat file as a load brings it; where it is."""
    basin.tables.replace_day(basin.tables.stage([rows], MINUTES, "test", (day, FIRST)), day, FIRST)
    return next(path for path in basin.files() if path.name.startswith(str(day)))


def checks(basin: Basin, *, deep: bool = True, day: date = DAY) -> list[Check]:
    return [fault.check for fault in reader(basin, deep=deep).read([day]).faults(day)]


def file_of(path: Path, rows: int, **changes: object) -> HeldFile:
    """A loose file as if a table's log had it."""
    told = {"name": None, "dates": Interval(DAY, DAY), "tickers": None, "size": path.stat().st_size}
    return HeldFile(home_at(path.parent), path.name, rows, **{**told, **changes})


def written(folder: Path, rows: pl.DataFrame) -> Path:
    with RowWriter(folder / "loose.parquet", MINUTES) as writer:
        writer.write(rows)
    return writer.path


def texts(path: Path, rows: int, **changes: object) -> list[str]:
    return [
        fault.text for fault in look_into(file_of(path, rows, **changes), MINUTES, lambda _: None, deep=True).faults
    ]


def test_sound_files_are_left_alone(basin: Basin) -> None:
    """Nothing is said against what the lake wrote itself, by file or by range."""
    deliver(basin, bars(["A", "B"], source=Source.FLATFILE))
    basin.rest(bars("C", [date(2024, 3, 8), date(2024, 3, 11)]), "C", date(2024, 3, 8), date(2024, 3, 11))

    assert [] == checks(basin)
    assert [] == checks(basin, day=date(2024, 3, 11))


def test_turned_bits_are_found(basin: Basin) -> None:
    """Of 60 single bits turned anywhere in a file every one is found, and is put down to its own session alone."""
    deliver(basin, bars(["A"], [date(2024, 3, 8)], source=Source.FLATFILE), date(2024, 3, 8))
    path = deliver(basin, bars([f"T{n:03}" for n in range(60)], source=Source.FLATFILE, per_day=30))
    body, chance = path.read_bytes(), random.Random(5)

    for _ in range(60):
        place = chance.randrange(len(body))
        path.write_bytes(body[:place] + bytes([body[place] ^ 1 << chance.randrange(8)]) + body[place + 1 :])

        assert Check.DAMAGED in checks(basin), place
        assert [] == checks(basin, day=date(2024, 3, 8))


@pytest.mark.parametrize("harm", ["gone", "cut", "empty", "text"])
def test_a_file_that_is_no_longer_one_is_damaged(basin: Basin, harm: str) -> None:
    """Without --deep too."""
    path = deliver(basin, bars(["A", "B"], source=Source.FLATFILE))
    body = path.read_bytes()
    path.unlink()
    if harm != "gone":
        path.write_bytes({"cut": body[:-9], "empty": b"", "text": b"x" * len(body)}[harm])

    assert [Check.DAMAGED] == checks(basin, deep=False)


def test_rows_out_of_order_and_keys_twice_are_told(tmp_path: Path) -> None:
    """By ticker bytes and time: `AAP` before `AAp`, across blocks of rows too."""
    rows = bars(["AAP", "AAp"], per_day=3)

    assert [] == texts(written(tmp_path, rows), 6)
    ours = FileName(Interval(DAY, DAY), Source.REST, ALL_SYMBOLS, "mark")
    assert "not sorted" in texts(written(tmp_path, rows.reverse()), 6, name=ours)[0]
    assert [] == texts(written(tmp_path, rows.reverse()), 6)  # another program's file
    assert "twice" in texts(written(tmp_path, pl.concat([rows[:3], rows[2:]])), 7)[0]


def test_rows_where_readers_do_not_look_are_told(tmp_path: Path) -> None:
    """A log whose bounds of tickers leave some out makes readers skip the file, so it is a fault."""
    path = written(tmp_path, bars(["A", "M"]))

    assert [] == texts(path, 4, tickers=("A", "Z"))
    assert "readers skip" in texts(path, 4, tickers=("A", "B"))[0]
    assert "instead of 5" in texts(path, 5)[0]


def test_rows_that_would_be_refused_today_are_told_by_deep_alone(tmp_path: Path) -> None:
    """A price below zero that got in somehow: named with its check and ticker."""
    path = written(tmp_path, bars(["A", "B"]).with_columns(pl.lit(-1.0).alias("low")))

    assert ["4 rows of loose.parquet fail the check 'price': A"] == texts(path, 4)
    assert [] == look_into(file_of(path, 4), MINUTES, lambda _: None, deep=False).faults


def test_compacted_files_are_judged_by_the_days_in_them(basin: Basin) -> None:
    """Several sessions in a file: sound as it was written; damaged, it spoils those that it holds and no other."""
    dates = [DAY, date(2024, 3, 8), date(2024, 3, 12)]
    for day in dates:
        deliver(basin, bars(["A", "B"], [day], source=Source.FLATFILE), day)
    work = Compaction(basin.tables)
    assert all(work.run(each) for each in work.plan("stocks/bars_1m"))
    (file,) = reader(basin).files

    sessions = reader(basin).read(dates)

    assert [] == [fault for day in dates for fault in sessions.faults(day)]
    assert [4, 4, 4] == [sessions.of(day)["rows"].sum() for day in dates]
    path = basin.root / "stocks/bars_1m" / file.path
    path.write_bytes(b"x" * file.size)
    after = reader(basin).read(dates)
    assert [True, True, False, True] == [after.is_damaged(day) for day in (*dates[:2], date(2024, 3, 11), dates[2])]


def test_rows_of_a_source_come_by_blocks_or_not_at_all(basin: Basin) -> None:
    """What is held from one source, and an error with the next step when a file of it is damaged."""
    path = deliver(basin, bars(["A", "B"], source=Source.FLATFILE))
    found = pl.concat(reader(basin).blocks(Interval(DAY, DAY), "A", Source.FLATFILE))
    assert ["A", "A"] == found["ticker"].to_list()
    assert not any(part.height for part in reader(basin).blocks(Interval(DAY, DAY), "A", Source.REST))

    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(LakeError, match="cannot be read"):
        list(reader(basin).blocks(Interval(DAY, DAY), "A", Source.FLATFILE))


def minutes_of(ticker: str, prices: list[float], *, volume: float = 100.0, first: int = 0) -> pl.DataFrame:
    """Minutes from the open on, each at one price, ten trades each."""
    row = bars(ticker, per_day=1, source=Source.FLATFILE)
    parts = [
        row.with_columns(
            *(pl.lit(price).alias(name) for name in ("open", "high", "low", "close")),
            pl.lit(volume).alias("volume"),
            pl.lit(10, pl.Int64()).alias("transactions"),
            pl.lit(OPEN + timedelta(minutes=first + number)).cast(row.schema["window_start"]).alias("window_start"),
        )
        for number, price in enumerate(prices)
    ]
    return pl.concat(parts)


def day_of(ticker: str, low: float, high: float, **changes: float) -> pl.DataFrame:
    told = {"open": low, "high": high, "low": low, "close": high, "volume": 4_000.0, "transactions": 400, **changes}
    row = bars(ticker, per_day=1, source=Source.FLATFILE, table="stocks/bars_1d")
    return row.with_columns(pl.lit(value).cast(row.schema[name]).alias(name) for name, value in told.items())


def totals(rows: pl.DataFrame, dataset=MINUTES, cut: int = 7) -> pl.DataFrame:
    """The totals of rows that come in blocks of `cut`."""
    found = Totals(dataset, [DAY])
    for start in range(0, rows.height, cut):
        found.take(rows[start : start + cut])
    return found.table()


def test_totals_are_the_same_however_rows_are_cut() -> None:
    """Volume, trades, extremes before the close, first and last minute: in one block or in many."""
    rows = pl.concat([minutes_of("A", [10.0, 12.0, 9.0]), minutes_of("B", [5.0], first=390)])

    one, many = totals(rows, cut=100), totals(rows, cut=1)

    assert one.equals(many)
    assert (300.0, 30, 12.0, 9.0) == one.select("volume", "transactions", "high_inside", "low_inside").row(0)
    assert (OPEN, OPEN + timedelta(minutes=2), 10.0) == one.select("first_minute", "last_minute", "open_high").row(0)
    assert (None, 5.0) == one.select("high_inside", "open_high").row(1)  # the closing minute alone


def test_minutes_may_lack_what_sets_no_price_and_no_more() -> None:
    """A ticker's usual share of trades lacks without a word; twice as many do not, nor more than the day has."""
    usual = pl.DataFrame({"ticker": ["A", "B", "C"], "usual": [0.2, 0.2, 0.2]})
    days = totals(pl.concat([day_of(name, 1.0, 2.0) for name in "ABC"]), DAYS)
    tens = {"A": 31, "B": 20, "C": 42}
    minutes = totals(pl.concat([minutes_of(name, [1.5] * count) for name, count in tens.items()]))

    assert ["B", "C"] == other_volume(minutes, days, usual)["ticker"].to_list()
    assert ["A", "B", "C"] == other_volume(minutes, days, None)["ticker"].to_list()


def test_the_usual_share_is_told_from_four_sessions_on() -> None:
    """The median of what a ticker's minutes lacked; unknown with fewer sessions or hardly any trades."""
    dates = [date(2024, 3, day) for day in (4, 5, 6, 7)]
    days = pl.DataFrame({"session_date": dates, "ticker": "A", "transactions": [1000] * 4})
    minutes = days.with_columns(pl.Series("transactions", [900, 800, 850, 100]))

    assert [("A", pytest.approx(0.175))] == usual_lack(minutes, days).rows()
    assert 0 == usual_lack(minutes[:3], days).height
    assert 0 == usual_lack(minutes, days.with_columns(pl.lit(99).alias("transactions"))).height


def test_prices_beyond_the_days_are_told_by_field() -> None:
    """A minute above the day's high, one below its low, another first price; the day may go beyond its minutes."""
    days = totals(pl.concat([day_of("H", 1.0, 2.0), day_of("L", 1.0, 2.0), day_of("O", 1.0, 2.0)]), DAYS)
    minutes = pl.concat([minutes_of("H", [1.0, 2.5]), minutes_of("L", [1.0, 0.5]), minutes_of("O", [1.5, 1.6])])
    wide = totals(pl.concat([day_of("H", 1.0, 9.0)]), DAYS)

    assert [("H", "high"), ("L", "low"), ("O", "open")] == other_prices(totals(minutes), days).rows()
    assert 0 == other_prices(totals(minutes), wide).height


def test_tickers_of_one_side_are_told() -> None:
    """Minutes after the close alone make no day bar, which is no fault."""
    days = totals(pl.concat([day_of("A", 1.0, 2.0), day_of("D", 1.0, 2.0)]), DAYS)
    minutes = totals(pl.concat([minutes_of("A", [1.0]), minutes_of("LATE", [1.0], first=391), minutes_of("M", [1.0])]))

    assert [("D", "a day bar alone"), ("M", "minutes alone")] == on_one_side(minutes, days).rows()


def test_grouped_daily_is_compared_by_ticker_and_field() -> None:
    """Prices to the digit, volume but for late reports; lacking tickers only where the whole market is held."""
    held = totals(pl.concat([day_of("A", 1.0, 2.0), day_of("B", 1.0, 2.0), day_of("C", 1.0, 2.0)]), DAYS)
    said = pl.concat(
        [day_of("A", 1.0, 2.0, volume=4_050.0), day_of("B", 1.0, 2.01, close=2.0), day_of("D", 1.0, 2.0)]
    ).with_columns(pl.lit(OPEN).cast(pl.Datetime("us", "UTC")).alias("window_start"))

    assert [("B", "high"), ("C", "ticker"), ("D", "ticker")] == other_than_grouped(held, said, whole=True).rows()
    assert [("B", "high"), ("C", "ticker")] == other_than_grouped(held, said, whole=False).rows()


def test_a_score_is_a_hundred_less_its_reasons() -> None:
    """In proportion to the share up to the check's worst, one point at least, none where tolerated, never below 0."""
    volume = WEIGHTS[Check.VOLUME]

    assert 100 == score([])
    assert 100 - volume.worst == score([Reason(Check.VOLUME, "", share=0.9)])
    assert 100 - volume.worst // 2 == score([Reason(Check.VOLUME, "", share=volume.full / 2)])
    assert 99 == score([Reason(Check.VOLUME, "", share=0.00001)])
    assert 100 == score([Reason(Check.VOLUME, "", share=0.9, tolerated=True)])
    assert 0 == score([Reason(Check.DAMAGED, ""), Reason(Check.BAND, "")])
    assert set(Check) == set(WEIGHTS)
