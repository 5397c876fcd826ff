from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from forebay.lake.actions.doubts import doubt_dividends, doubt_splits
from forebay.lake.actions.prices import jumps

DAY = date(2025, 1, 2)


def split(old: float, new: float, before: float | None = None, after: float | None = None, name: str = "a") -> dict:
    """A split with the prices around it."""
    row = {"id": name, "ticker": "T", "execution_date": DAY, "split_from": old, "split_to": new}
    return {**row, "close_before": before, "open_on": after}


def flags(*rows: dict) -> list[str | None]:
    schema = {
        "close_before": pl.Float64(),
        "open_on": pl.Float64(),
        "split_from": pl.Float64(),
        "split_to": pl.Float64(),
    }
    frame = pl.DataFrame([*rows], schema_overrides=schema)
    return frame.select(doubt_splits()).to_series().to_list()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (split(1, 10, 1000, 101), None),
        (split(1, 10, 1000, 75), None),  # and a bad night
        (split(50, 1, 0.2, 6.1), None),  # prices fall after a reverse split
        (split(1, 1.048, 10, 11), None),  # too small to be told from a night's news
        (split(1, 4), None),  # nothing speaks against it
        (split(10, 1, 1000, 101), "inverted? the price went from 1000.0 to 101.0"),
        (split(1, 20, 2, 39), "inverted? the price went from 2.0 to 39.0"),
        (split(1, 3, 50, 49), "the price went from 50.0 to 49.0, not by this ratio"),
        (split(1, 10, 1000, 490), "the price went from 1000.0 to 490.0, not by this ratio"),
        (split(0, 3), "its ratio is not above 0"),
    ],
)
def test_a_split_is_held_against_the_prices(row: dict, expected: str | None) -> None:
    """What the close before and the open after say decides; where they say nothing the vendor is believed."""
    assert [expected] == flags(row)


def test_of_duplicates_one_counts() -> None:
    """The same split twice: the first counts. Two different ones: that which the prices bear out, or none."""
    assert [None, "duplicate of a"] == flags(split(1, 10, name="a"), split(1, 10, name="b"))
    first, second = flags(split(1, 2, 100, 10, "a"), split(1, 10, 100, 10, "b"))
    assert ("the price went from 100.0 to 10.0, not by this ratio", None) == (first, second)
    assert ["one of 2 different ones on this day"] * 2 == flags(split(1, 2, name="a"), split(1, 10, name="b"))


def test_dividends_that_cannot_be_are_doubted() -> None:
    """No cash, another currency, more than half of the price, twice the same; two different ones on a day are right."""
    columns = ("id", "ticker", "ex_dividend_date", "cash_amount", "currency", "previous_close")
    rows = [
        ("a", "A", DAY, 0.5, "USD", 50.0),
        ("b", "A", DAY, 0.5, "USD", 50.0),
        ("c", "A", DAY, 2.0, "USD", 50.0),
        ("d", "B", DAY, -1.0, "USD", 50.0),
        ("e", "C", DAY, 1.0, "CAD", 50.0),
        ("f", "D", DAY, 51.0, None, 50.0),
        ("g", "E", DAY, 26.0, "USD", 50.0),
        ("h", "F", DAY, 26.0, "USD", None),
    ]
    expected = [
        None,
        "duplicate of a",
        None,
        "its cash is not above 0",
        "paid in CAD, and prices are in USD",
        "more than the price before, 50.0",
        "more than half of the price before, 50.0",
        None,
    ]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    assert expected == frame.select(doubt_dividends()).to_series().to_list()


def test_a_night_like_a_split_is_found() -> None:
    """A price that went to a tenth or to twenty times; not one that fell by 30 %, nor another ticker's, nor months."""
    days = [date(2025, 1, 2), date(2025, 1, 3), date(2025, 1, 6), date(2025, 6, 2)]
    rows = [
        *zip(["A"] * 4, days, [100.0, 10.1, 202.0, 900.0], [100.0, 10.0, 200.0, 900.0], strict=True),
        *zip(["B"] * 2, days[:2], [50.0, 35.0], [50.0, 35.0], strict=True),
    ]
    found = jumps(pl.LazyFrame(rows, schema=("ticker", "session_date", "open", "close"), orient="row"))
    expected = [("A", days[1], 100.0, 10.1, "1:10"), ("A", days[2], 10.0, 202.0, "20:1")]
    assert expected == found.rows()
