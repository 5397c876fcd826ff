"""Names of files: one for each ticker, wherever case folds, and none that is a folder of Forebay's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.files.names import OWN_FOLDERS, Form, find_files, named, ticker_file

TICKERS = st.text("AaBbPpXx.-:_=/ 019éßKİ", min_size=1, max_size=8) | st.sampled_from(
    [
        "AAP",
        "AAp",
        "NA",
        "CON",
        "con",
        "NUL",
        "LAKE",
        "Lake",
        "SPOOL",
        "BRK.A",
        "BRKpA",
        "X:BTCUSD",
        "O:SPY251219C00650000",
    ]
)


@given(st.lists(TICKERS, min_size=2, max_size=6, unique=True))
def test_no_two_tickers_share_a_file_even_where_case_folds(tickers: list[str]) -> None:
    """On a file system that takes AAP and AAp for one name, each ticker still has a folder and a file of its own."""
    paths = [ticker_file(Path("data"), ticker, "1m", Form.CSV).path for ticker in tickers]

    assert len(tickers) == len({path.parent.name.casefold() for path in paths})
    assert len(tickers) == len({path.name.casefold() for path in paths})


@given(TICKERS, st.sampled_from(["1m", "5m", "15m", "1h", "1d"]), st.sampled_from(list(Form)))
def test_a_name_tells_ticker_timeframe_and_form(ticker: str, timeframe: str, form: Form) -> None:
    """What was written under a name is found under it again."""
    file = ticker_file(Path("data"), ticker, timeframe, form)

    assert file == named(file.path)


@pytest.mark.parametrize("name", [*OWN_FOLDERS, *(name.upper() for name in OWN_FOLDERS), "CON", "aux", "COM1"])
def test_no_ticker_is_a_folder_of_our_own_or_the_systems(name: str) -> None:
    """A ticker called LAKE gets a folder beside the lake."""
    folder = ticker_file(Path("data"), name, "1d", Form.PARQUET).path.parent.name

    assert folder.casefold() not in {each.casefold() for each in (*OWN_FOLDERS, "con", "aux", "com1")}


def test_names_as_other_programs_write_them(tmp_path: Path) -> None:
    """`AAp`, which we write `AA_p`, is read as it stands; our own folders and other files are passed over."""
    for name in ("AAp/AAp.1m.csv", "AA_p/AA_p.1d.parquet", "BRK.A/BRK.A.1h.parquet", "KO/KO.1d.csv.gz", "MSFT.1d.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in ("lake/T.1d.parquet", "AAp/notes.txt", "AAp/AAp.2m.csv", "AAp/.AAp.1m.csv.part", "AAp/AAp.1m.csv.zip"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [(file.ticker, file.timeframe, file.form.value) for file in find_files(tmp_path)]

    assert [
        ("MSFT", "1d", "csv"),
        ("AAp", "1d", "parquet"),
        ("AAp", "1m", "csv"),
        ("BRK.A", "1h", "parquet"),
        ("KO", "1d", "csv"),
    ] == found
