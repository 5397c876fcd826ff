"""`tickers.csv` as people and spreadsheets write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from forebay.errors import UsageError
from forebay.symbols.ticker_csv import read_tickers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"ticker\nAAPL\nMSFT\n", ["AAPL", "MSFT"]),
        (b"\xef\xbb\xbfticker\r\nAAPL\r\nMSFT", ["AAPL", "MSFT"]),
        (b"\n\nticker\n\nAAPL\n\n  \nMSFT\n\n", ["AAPL", "MSFT"]),
        (b"ticker\nMSFT\nAAPL\nMSFT\n", ["MSFT", "AAPL"]),
        (b"ticker\nBACpL\nBACPL\nBRK.A\nNA\n", ["BACpL", "BACPL", "BRK.A", "NA"]),
        (b'name,Ticker ,weight\n"Apple, Inc.", AAPL ,1\nShort\nMicrosoft,"MSFT",2\n', ["AAPL", "MSFT"]),
    ],
)
def test_what_people_write_is_read(tmp_path: Path, text: bytes, expected: list[str]) -> None:
    """Marks, line ends, blank lines, repeats and other columns mean nothing; a ticker's letters do."""
    path = tmp_path / "tickers.csv"
    path.write_bytes(text)
    assert expected == read_tickers(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"AAPL\nMSFT\n", "has no column 'ticker': its first line is 'AAPL'"),
        (b"", "its first line is 'nothing'"),
        (b"ticker\n\n", "names no ticker"),
        (b"ticker\nAAPL MSFT\n", "line 2: 'AAPL MSFT' is no ticker"),
        (b'ticker\nAAPL\n"MSFT\nNVDA\n', "is no CSV"),
        (b"ticker\n\xff\xfe\n", "is not text in UTF-8"),
    ],
)
def test_what_is_no_list_is_refused_with_its_place(tmp_path: Path, text: bytes, says: str) -> None:
    """The file, the line where there is one, and what to write instead."""
    path = tmp_path / "tickers.csv"
    path.write_bytes(text)
    with pytest.raises(UsageError, match=r"tickers\.csv") as raised:
        read_tickers(path)
    assert says in str(raised.value)
    assert raised.value.remedy


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the flag that does without one."""
    with pytest.raises(UsageError, match="there is no file") as raised:
        read_tickers(tmp_path / "none.csv")
    assert "--tickers" in raised.value.remedy
