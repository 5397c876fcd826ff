from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.errors import StoreError, UsageError
from forebay.model.universe import Category, Listing, Universe, byte_order
from forebay.symbols.universe_file import read_listings, read_universe, universe_path, write_universe

AS_OF = date(2024, 12, 1)
TICKERS = st.from_regex(r"[A-Za-z][A-Za-z.:0-9]{0,7}", fullmatch=True)
DAYS = st.none() | st.dates()
LISTINGS = st.builds(
    Listing,
    ticker=TICKERS | st.sampled_from(["NA", "NAN", "TRUE", "null", "AAp", "AAP"]),
    name=st.text(max_size=9),
    type=st.sampled_from(["CS", "ETF", ""]),
    exchange=st.sampled_from(["XNAS", ""]),
    currency=st.just("USD"),
    active=st.booleans(),
    figi=st.none() | st.just("BBG000C2V3D6"),
    listed=DAYS,
    delisted=DAYS,
)
UNIVERSES = st.builds(
    lambda category, listings, complete: Universe(category, AS_OF, tuple(sorted(listings, key=byte_order)), complete),
    st.sampled_from(Category),
    st.lists(LISTINGS, min_size=1, max_size=9),
    st.booleans(),
)


@given(UNIVERSES)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, universe: Universe) -> None:
    """Every field of every listing comes back, whatever its name, and tickers that look like null or true do."""
    path = tmp_path_factory.mktemp("round") / "universe" / "some.json"
    write_universe(path, universe)
    again = read_universe(path)
    assert sorted(map(repr, universe.listings)) == sorted(map(repr, again.listings))
    assert (universe.category, universe.as_of, universe.complete) == (again.category, again.as_of, again.complete)
    assert list(map(byte_order, universe.listings)) == list(map(byte_order, again.listings))


def test_the_usual_name() -> None:
    """Category and date, as users of the earlier system know it."""
    assert Path("universe/us_equities_20241201.json") == universe_path(Category.US_EQUITIES, AS_OF)


def test_the_file_says_what_it_holds(tmp_path: Path) -> None:
    """Category, date and count stand at the top, each ticker on a line of its own, in byte order."""
    path = tmp_path / "etf.json"
    write_universe(path, Universe(Category.ETF, AS_OF, (Listing("aB"), Listing("Z", delisted=date(2024, 1, 3)))))
    found = json.loads(path.read_text())
    assert ["etf", "2024-12-01", 2, True] == [found[name] for name in ("category", "as_of", "count", "complete")]
    assert [("Z", "2024-01-03"), ("aB", None)] == [(row["ticker"], row["delisted"]) for row in found["tickers"]]
    assert 2 == sum('"ticker"' in line for line in path.read_text().splitlines())


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """When it cannot be written, the old one is untouched and nothing else is left."""
    path = tmp_path / "etf.json"
    write_universe(path, Universe(Category.ETF, AS_OF, (Listing("A"),)))
    before = path.read_bytes()
    (tmp_path / "blocked").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="blocked"):
        write_universe(tmp_path / "blocked" / "etf.json", Universe(Category.ETF, AS_OF, (Listing("B"),)))
    with pytest.raises(TypeError):  # breaks off in the middle of a row
        write_universe(path, Universe(Category.ETF, AS_OF, (Listing("A", name=b"x"),)))
    assert before == path.read_bytes()
    assert {"blocked", "etf.json"} == {path.name for path in tmp_path.iterdir()}


def test_several_files_are_one_list(tmp_path: Path) -> None:
    """Files, globs and plain lists: each ticker once, in byte order, over the time of all who bore it."""
    first = Listing("ATN", listed=date(2003, 9, 10), delisted=date(2025, 10, 18), active=False, figi="BBG1")
    later = Listing("ATN", listed=date(2025, 11, 17), figi="BBG2")
    write_universe(tmp_path / "a_1.json", Universe(Category.US_EQUITIES, AS_OF, (first, Listing("b"))))
    write_universe(tmp_path / "a_2.json", Universe(Category.US_EQUITIES, AS_OF, (later, Listing("AAPL"))))
    (tmp_path / "plain.json").write_text('["Zed", "AAPL"]')
    (tmp_path / "named.json").write_bytes(b"\xef\xbb\xbf" + b'{"tickers": ["NA"]}')

    found = read_listings([f"{tmp_path}/a_*.json", f"{tmp_path}/plain.json", f"{tmp_path}/[n]amed.json"])

    assert ["AAPL", "ATN", "NA", "Zed", "b"] == [listing.ticker for listing in found]
    assert (date(2003, 9, 10), None, "BBG2") == (found[1].listed, found[1].delisted, found[1].figi)


def test_brackets_may_be_part_of_a_name(tmp_path: Path) -> None:
    """A file that is there is taken by its name, before it is understood as a glob."""
    (tmp_path / "a[1].json").write_text('["AAPL"]')
    assert ["AAPL"] == [listing.ticker for listing in read_listings([str(tmp_path / "a[1].json")])]


BAD = {
    "empty": (b"", "is empty"),
    "blank": (b" \n", "is empty"),
    "prose": (b"AAPL, MSFT", "is not JSON"),
    "cut": (b'{"category": "etf", "tickers": [{"ticker": "A"', "is not JSON"),
    "deep": (b"[" * 100_000, "is not JSON"),
    "bytes": (b"\xff\xfe[\x00", "is no text in UTF-8"),
    "number": (b"17", "it has no list of tickers"),
    "object": (b'{"symbols": ["A"]}', "it has no list of tickers"),
    "none": (b'{"tickers": []}', "there is no ticker in it"),
    "count": (b'{"count": 3, "tickers": ["A", "B"]}', "it says 3 tickers and holds 2"),
    "row": (b'["A", 5]', "ticker 2 is 5"),
    "null": (b'["A", null]', "ticker 2 is null"),
    "space": (b'["A", "B "]', 'ticker 2 is "B "'),
    "control": (b'["A\\u0000"]', "which is no ticker"),
    "date": (b'[{"ticker": "A", "listed": "soon"}]', "ticker 1, listed is 'soon'"),
    "active": (b'[{"ticker": "A", "active": "yes"}]', "active is neither true nor false"),
    "name": (b'[{"ticker": "A", "name": 5}]', "ticker 1, name is 5"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_none_is_named(tmp_path: Path, case: str) -> None:
    """Whatever is wrong, the error names the file and what is wrong, and there is a next step."""
    content, says = BAD[case]
    path = tmp_path / f"{case}.json"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_listings([str(path)])
    assert f"{case}.json" in str(caught.value)
    assert says in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("pattern", "says"),
    [("nowhere.json", "there is no file"), ("none_*.json", "no file matches"), (".", "cannot be read")],
)
def test_a_file_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, says: str
) -> None:
    """A missing file, a folder and a glob that matches nothing are three different mistakes."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=says) as caught:
        read_listings([pattern])
    assert pattern in str(caught.value)
    assert caught.value.remedy


def test_no_file_is_no_list() -> None:
    """Naming nothing is a mistake, not an empty list."""
    with pytest.raises(UsageError, match="no universe file is named"):
        read_listings([])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('["AAPL"]', "it is no universe"),
        ('{"tickers": ["AAPL"]}', "it is no universe"),
        ('{"category": "bonds", "as_of": "2024-12-01", "tickers": ["A"]}', "unknown category 'bonds'"),
        ('{"category": "etf", "as_of": "december", "tickers": ["A"]}', "as_of is 'december'"),
    ],
)
def test_a_list_is_no_universe(tmp_path: Path, content: str, says: str) -> None:
    """A universe says of which category and date it is."""
    (tmp_path / "list.json").write_text(content)
    with pytest.raises(UsageError, match=says) as caught:
        read_universe(tmp_path / "list.json")
    assert caught.value.remedy
