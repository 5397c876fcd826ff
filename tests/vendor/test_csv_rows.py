"""Flat files of bars become tables: nothing invented, nothing lost, every fault named."""

from __future__ import annotations

import gzip
import hashlib
import random
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.errors import CheckFailed
from forebay.model.catalogue import DATASETS
from forebay.model.rows import BAD_ROWS, BAR_ROWS
from forebay.vendor import gunzip, inflate
from forebay.vendor.csv_rows import read_rows
from forebay.vendor.gunzip import Received

SAMPLES = Path(__file__).parents[1] / "data" / "vendor" / "flatfiles"
MINUTES = DATASETS["us_stocks_sip/minute_aggs_v1"]
DAY = date(2025, 4, 16)
HEADER = "ticker,volume,open,close,high,low,window_start,transactions"
LINE = "AAPL,4930,200.29,200.5,200.63,200.29,1744792500000000000,129"


def read(text: str | bytes, dataset: str = MINUTES.name, cut: int = 7) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The good and the bad rows of a file that arrives in pieces of `cut` bytes."""
    packed = gzip.compress(text.encode() if isinstance(text, str) else text)
    tables = list(read_rows(pieces(packed, cut), DATASETS[dataset], DAY))
    good = [table for table in tables if "reason" not in table.columns]
    bad = [table for table in tables if "reason" in table.columns]
    return pl.concat(good or [pl.DataFrame(schema=BAR_ROWS)]), pl.concat(bad or [pl.DataFrame(schema=BAD_ROWS)])


def pieces(data: bytes, cut: int) -> Iterable[bytes]:
    return (data[start : start + cut] for start in range(0, len(data), cut))


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*day_aggs_v1.csv")) + sorted(SAMPLES.glob("*minute_aggs*")))
def test_published_samples_load_unchanged(path: Path) -> None:
    """Every value of the vendor's published sample rows arrives as it stands in the text."""
    header, *lines = path.read_text().splitlines()
    dataset = path.stem.replace("__", "/")

    good, bad = read(path.read_bytes(), dataset)

    assert bad.height == 0
    for line, row in zip(lines, good.iter_rows(named=True), strict=True):
        told = dict(zip(header.split(","), line.split(","), strict=True))
        assert told.pop("ticker") == row["ticker"]
        assert int(told.pop("window_start")) == int(row["window_start"].timestamp()) * 10**9
        assert {name: float(text) for name, text in told.items()} == {name: row[name] for name in told}
    assert good["vwap"].null_count() == good.height
    assert good["session_date"].unique().to_list() == [DAY]


def test_index_files_have_neither_volume_nor_transactions() -> None:
    """Columns that a dataset does not have are null, not zero."""
    good, _ = read((SAMPLES / "us_indices__day_aggs_v1.csv").read_bytes(), "us_indices/day_aggs_v1")

    assert good.height == good["volume"].null_count() == good["transactions"].null_count()


def test_both_number_spellings_are_exact() -> None:
    """Integers, short decimals and six decimals come back as the very same doubles Python reads."""
    rng = random.Random(3)
    prices = [f"{rng.uniform(0.0001, 9999):.{rng.choice([1, 2, 4, 6])}f}" for _ in range(4000)]
    lines = [f"A,{p},{p},{p},{p},{p},{1744792500000000000 + i * 60_000_000_000},1" for i, p in enumerate(prices)]

    good, bad = read("\n".join([HEADER, *lines]), cut=1000)

    assert bad.height == 0
    for column in ("volume", "open", "close", "high", "low"):
        assert [float(price) for price in prices] == good[column].to_list()


@given(st.text(alphabet="ABab.pNIFTUE", min_size=1, max_size=6))
@settings(max_examples=30)
def test_tickers_are_never_taken_for_null_or_numbers(ticker: str) -> None:
    """Whatever a ticker spells, it arrives as that text; `NA`, `NAN` and `TRUE` too."""
    for name in (ticker, "NA", "NAN", "TRUE", "null", "INF"):
        good, _ = read(f"{HEADER}\n{LINE.replace('AAPL', name)}\n")

        assert [name] == good["ticker"].to_list()


def test_columns_are_found_by_name() -> None:
    """The order of the columns does not matter, nor do carriage returns or a missing last line end."""
    good, _ = read("transactions,low,ticker,high,close,open,volume,window_start\r\n1,2,A,5,4,3,6,1744792500000000000")

    row = good.row(0, named=True)
    assert ("A", 3.0, 5.0, 2.0, 4.0, 6.0, 1) == tuple(
        row[name] for name in ("ticker", "open", "high", "low", "close", "volume", "transactions")
    )
    assert datetime(2025, 4, 16, 8, 35, tzinfo=UTC) == row["window_start"]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (HEADER + ",otc", "unknown column: 'otc'"),
        (HEADER.replace(",volume", ""), "lacks the column: 'volume'"),
        (HEADER + ",open", "twice"),
        ("", "unknown column: ''"),
    ],
)
def test_an_unknown_header_refuses_the_file(header: str, says: str) -> None:
    """A header that is not the dataset's is refused, naming the file and the column."""
    with pytest.raises(CheckFailed, match=says) as refused:
        read(f"{header}\n{LINE}\n")

    assert MINUTES.key(DAY) in str(refused.value)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (LINE.replace("4930", "many"), "row 2: volume 'many' is not a number"),
        (LINE.replace("129", "12.5"), "row 2: transactions '12.5' is not an integer"),
        (LINE.replace("200.5,", ",", 1), "row 2: close '' is not a number"),
        (LINE.replace("4930", "4_930"), "row 2: volume '4_930' is not a number"),
        (LINE.replace("4930", " 4930"), "row 2: volume ' 4930' is not a number"),
        (LINE.replace("4930", "inf"), "row 2: volume 'inf' is not a number"),
        (LINE.replace("4930", "1e309"), "row 2: volume 1e309 does not fit"),
        (LINE.replace(",129", "\r,129"), "row 2: it is no CSV"),
        (LINE + ",1", "row 2: 9 fields instead of 8"),
        ("AAPL,1", "row 2: 2 fields instead of 8"),
        ("", "row 2: 0 fields instead of 8"),
        (LINE.replace("1744792500000000000", "1744792500000000001"), "row 2: window_start .* fraction"),
        (LINE.replace("129", "9" * 30), "row 2: transactions 9+ does not fit"),
        ('"AAPL', "row 2: it is no CSV"),
    ],
)
def test_a_row_that_does_not_parse_costs_only_itself(line: str, says: str) -> None:
    """One broken row is told apart with its number, its reason and its text; its neighbours are kept."""
    good, bad = read("\n".join([HEADER, LINE, line, LINE.replace("AAPL", "MSFT"), ""]))

    assert ["AAPL", "MSFT"] == good["ticker"].to_list()
    assert [line] == bad["text"].to_list()
    assert bad.select(pl.col("reason").str.contains(f"^{says}")).item()
    assert [DAY] == bad["session_date"].to_list()
    assert BAD_ROWS.names() == bad.columns


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ESZ5,1,2,3,4.5,6,7,8", "row 1: 8 fields instead of 9"),
        ('ESZ5,1,2,3,"4.5,6,7,8,2025-04-16', "row 1: 5 fields instead of 9|row 1: it is no CSV"),
        ("", "row 1: 0 fields instead of 9"),
        ('ESZ5,1,2,3,4.5,6,7,8,"2025-04-16', "row 1: it is no CSV"),
    ],
)
def test_a_row_cut_short_is_bad_though_its_last_column_is_text(line: str, says: str) -> None:
    """No empty text is invented for a field that is not there, nor an end for a quote that has none."""
    header = ",".join(DATASETS["us_futures_cbot/trades_v1"].columns)

    tables = list(
        read_rows([gzip.compress(f"{header}\n{line}\n".encode())], DATASETS["us_futures_cbot/trades_v1"], DAY)
    )

    assert [line] == [text for table in tables for text in table["text"]]
    assert tables[0].select(pl.col("reason").str.contains(f"^(?:{says})")).item()


def test_bytes_that_are_no_text_are_a_bad_row() -> None:
    """A ticker with bytes that are not UTF-8 arrives escaped, and no other row is touched."""
    good, _ = read(f"{HEADER}\n".encode() + LINE.encode() + b"\n" + LINE.encode().replace(b"AAPL", b"A\xff") + b"\n")

    assert ["AAPL", "A\\xff"] == good["ticker"].to_list()


@pytest.mark.parametrize(
    ("dataset", "given", "expected"),
    [
        ("global_crypto/minute_aggs_v1", "X:BTC-USD", "X:BTCUSD"),
        ("global_forex/minute_aggs_v1", "C:EUR-USD", "C:EURUSD"),
        ("us_stocks_sip/minute_aggs_v1", "BRK-B", "BRK-B"),
    ],
)
def test_pairs_get_the_spelling_of_rest(dataset: str, given: str, expected: str) -> None:
    """The dash of currency pairs goes; a dash in anything else stays."""
    good, _ = read(f"{HEADER}\n{LINE.replace('AAPL', given)}\n", dataset)

    assert [expected] == good["ticker"].to_list()


@pytest.mark.parametrize("where", ["cut", "flipped", "length", "empty", "no_gzip"])
def test_a_damaged_gzip_is_refused(where: str) -> None:
    """A stream that is short, or whose checksum or length disagrees, is an error that names the file."""
    whole = gzip.compress("\n".join([HEADER] + [LINE] * 500).encode())
    damaged = {
        "cut": whole[:-9],
        "flipped": whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:],
        "length": whole[:-1] + bytes([whole[-1] ^ 1]),
        "empty": b"",
        "no_gzip": b"ticker,volume\n",
    }[where]

    with pytest.raises(CheckFailed, match=MINUTES.key(DAY)):
        list(read_rows(pieces(damaged, 50), MINUTES, DAY))


def test_every_single_flipped_bit_is_noticed_or_harmless() -> None:
    """Flip any bit of a small file: it is refused, or the rows are those of the intact file (header bits only)."""
    whole = gzip.compress(f"{HEADER}\n{LINE}\n".encode())
    expected, _ = read(f"{HEADER}\n{LINE}\n")
    for bit in range(0, len(whole) * 8, 3):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            found = pl.concat(read_rows([bytes(damaged)], MINUTES, DAY))
        except CheckFailed:
            continue
        assert expected.equals(found), f"bit {bit}"


def test_a_file_of_several_gzip_members_is_one_file() -> None:
    """Members end to end are read to the last one."""
    halves = gzip.compress(f"{HEADER}\n{LINE}\n".encode()) + gzip.compress(LINE.replace("AAPL", "B").encode())

    assert ["AAPL", "B"] == pl.concat(read_rows([halves], MINUTES, DAY))["ticker"].to_list()


def test_what_came_is_counted_and_hashed() -> None:
    """Bytes, rows and SHA-256 are those of the compressed file."""
    packed = gzip.compress(f"{HEADER}\n{LINE}\nbroken\n".encode())
    received = Received()

    list(read_rows(pieces(packed, 9), MINUTES, DAY, received))

    assert (len(packed), 2, hashlib.sha256(packed).hexdigest()) == (received.bytes, received.rows, received.sha256)


def test_rows_are_the_same_however_blocks_fall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small blocks and small pieces cut no row in two."""
    text = "\n".join([HEADER] + [LINE.replace("AAPL", f"T{i}") for i in range(3000)])
    whole, _ = read(text, cut=10**6)
    monkeypatch.setattr(gunzip, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(inflate, "PIECE_BYTES", 333)

    cut, bad = read(text, cut=11)

    assert bad.height == 0
    assert whole.equals(cut)


def test_an_error_of_the_source_comes_through() -> None:
    """What the network raises reaches the caller as it is."""

    def broken() -> Iterable[bytes]:
        yield gzip.compress(b"ticker")[:12]
        raise ConnectionError("cut")

    with pytest.raises(ConnectionError, match="cut"):
        list(read_rows(broken(), MINUTES, DAY))


def test_a_line_without_end_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of one endless line is refused after MOST_LINE_BYTES of it, not when it has been read to its end."""
    monkeypatch.setattr(gunzip, "BLOCK_BYTES", 1 << 10)
    monkeypatch.setattr(gunzip, "MOST_LINE_BYTES", 1 << 12)
    received = Received()
    packed = gzip.compress(HEADER.encode() + b"\n" + bytes(32 << 20))

    with pytest.raises(CheckFailed, match="a line is longer than 4,096 bytes"):
        list(read_rows(pieces(packed, 1024), MINUTES, DAY, received))

    assert received.bytes < len(packed) // 2


def test_garbage_comes_in_small_tables() -> None:
    """A block of empty lines, each of them a bad row, is never one table of millions of rows with a reason each."""
    tables = list(read_rows(pieces(gzip.compress(HEADER.encode() + b"\n" * 200_001), 4096), MINUTES, DAY))

    assert 200_000 == sum(table.height for table in tables)
    assert 100_000 > max(table.height for table in tables)
    assert ["row 200000: 0 fields instead of 8"] == tables[-1]["reason"].to_list()[-1:]


def test_an_error_does_not_repeat_all_of_what_is_wrong() -> None:
    """A header or a number of any length costs a message of a few lines."""
    with pytest.raises(CheckFailed) as refused:
        read("x" * 100_000 + "," * 10_000 + "\n")
    _, bad = read(f"{HEADER}\n{LINE.replace('4930', 'y' * 100_000)}\n")

    assert len(str(refused.value)) < 1_000
    assert len(bad["reason"][0]) < 200


def test_a_reader_that_stops_early_leaves_no_thread() -> None:
    """Closing the iterator after one table ends the thread that unpacks."""
    tables = read_rows(pieces(gzip.compress("\n".join([HEADER] + [LINE] * 400_000).encode()), 4096), MINUTES, DAY)
    next(iter(tables))

    tables.close()  # type: ignore[attr-defined]

    import threading

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gunzip")]
