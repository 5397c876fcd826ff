from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from forebay.errors import UsageError
from forebay.lake.actions.counted import judged, stale
from forebay.lake.actions.overrides import Do, parse_overrides
from forebay.lake.actions.shape import DIVIDENDS, SPLITS

SIGNED = 'why = "looked it up"\nby = "J. Doe, 2025-01-09"\n'
DAY = date(2025, 1, 2)


def entry(kind: str = "split", **words: object) -> str:
    """One entry of a file, as text."""
    said = {"do": '"drop"', "ticker": '"A"', "date": "2025-01-02", **words}
    return (
        f"[[{kind}]]\n" + "".join(f"{word} = {value}\n" for word, value in said.items() if value is not None) + SIGNED
    )


def parsed(text: str):
    return parse_overrides(text.encode(), "lake/actions.toml")


@pytest.mark.parametrize(
    ("text", "says", "remedy"),
    [
        (entry(do='"drip"'), "line 2: unknown 'drip'", "did you mean 'drop'"),
        (entry(tikcer='"A"'), "line 5: unknown word 'tikcer'", "did you mean 'ticker'"),
        (entry(date='"2025-01-02"'), "line 4: date = '2025-01-02' is not a date without quotes", "write date as"),
        (entry(date="2025-01-02T10:00:00Z"), "line 4: date", "write date as"),
        (entry(ticker="5"), "line 3: ticker = 5 is not text", "write ticker as"),
        (entry(ticker=None), "line 1: a split without 'ticker'", "add ticker"),
        (entry().replace(SIGNED, 'why = "so"\n'), "line 1: a split without 'by'", "add by"),
        (entry(to="10"), "line 5: drop says nothing of 'to'", "use replace"),
        (entry(do='"replace"', to="10"), "line 2: to replace a split takes from and to", "add from"),
        (entry(do='"add"', to="0", **{"from": "1"}), "line 5: to = 0 is no number above 0", "correct to"),
        (entry("dividend", do='"add"', cash="0.5"), "line 2: to add a dividend takes cash and close", "add close"),
        (entry(do='"add"', to="2", id='"E1"', **{"from": "1"}), "line 6: what is added has no id", "take it out"),
        (entry() + "\n" + entry("dividend") + entry(), "line 16: a second split of A on 2025-01-02", "keep one"),
        ("[[splits]]\n" + SIGNED, "unknown word 'splits'", "did you mean 'split'"),
        ("[split]\ndo = 1\n", "split is no list of entries", "write [[split]]"),
        ("[[split]\n", "is not TOML", "correct that line"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, says: str, remedy: str) -> None:
    """A slip in the file is an error that names file, line and word, and says what to do; nothing is guessed."""
    with pytest.raises(UsageError) as caught:
        parsed(text)
    assert str(caught.value).startswith("lake/actions.toml")
    assert says in str(caught.value)
    assert remedy in caught.value.remedy


def test_no_file_is_no_override() -> None:
    """The file need not exist, and may be empty."""
    assert ((), ()) == (parsed("").splits, parsed("# nothing yet\n").dividends)


def rows(*told: tuple[str, str | None]) -> pl.DataFrame:
    """Splits 1:2 of A on DAY: id and flag."""
    found = [
        {"id": name, "ticker": "A", "execution_date": DAY, "split_from": 1.0, "split_to": 2.0, "flag": flag}
        for name, flag in told
    ]
    return pl.DataFrame(found, schema=SPLITS.columns)


def counting(text: str, *told: tuple[str, str | None]) -> list[tuple]:
    """What counts: from, to, and the entry's word."""
    counted = judged(rows(*told), parsed(text).splits, SPLITS).filter("counts")
    return counted.select("id", "split_from", "split_to", "override").rows()


def test_what_is_doubted_counts_when_it_is_confirmed() -> None:
    """A flag keeps a row out; `confirm` lets it in, all of the day or the one with that id."""
    assert [("b", 1.0, 2.0, None)] == counting("", ("a", "doubt"), ("b", None))
    both = entry(do='"confirm"')
    assert [("a", 1.0, 2.0, "confirm"), ("b", 1.0, 2.0, "confirm")] == counting(both, ("a", "doubt"), ("b", None))
    one = entry(do='"confirm"', id='"a"')
    assert [("a", 1.0, 2.0, "confirm")] == counting(one, ("a", "doubt"), ("b", "doubt"))


def test_entries_drop_replace_and_add() -> None:
    """What is dropped counts no more, what replaces counts in its place, what is added counts as well."""
    assert [] == counting(entry(), ("a", None))
    other = {"from": "1", "to": "3"}
    assert [("", 1.0, 3.0, "replace")] == counting(entry(do='"replace"', **other), ("a", None), ("b", "doubt"))
    assert [("a", 1.0, 2.0, None), ("", 1.0, 3.0, "add")] == counting(entry(do='"add"', **other), ("a", None))


def test_a_replaced_dividend_keeps_the_close_before() -> None:
    """The user says what was paid; the close that it is held against is the lake's, unless that is said, too."""
    row = {"id": "a", "ticker": "A", "ex_dividend_date": DAY, "cash_amount": 50.0, "previous_close": 40.0, "flag": "no"}
    table = pl.DataFrame([row], schema=DIVIDENDS.columns)
    for said, expected in ({}, (0.5, 40.0)), ({"close": "41"}, (0.5, 41.0)):
        told = parsed(entry("dividend", do='"replace"', cash="0.5", **said)).dividends
        assert [expected] == judged(table, told, DIVIDENDS).filter("counts").select(
            "cash_amount", "previous_close"
        ).rows()


def test_an_entry_that_meets_nothing_is_noticed() -> None:
    """The vendor corrected its row, or the ticker is misspelled."""
    known = parsed(entry() + entry(ticker='"B"') + entry(ticker='"C"', do='"add"', to="2", **{"from": "1"})).splits
    assert [("B", Do.DROP)] == [(one.ticker, one.do) for one in stale(rows(("a", None)), known, SPLITS)]
