"""Every way in which a page can be wrong is found, and nothing else is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.errors import PageRejected
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.intervals import Interval
from forebay.vendor.columns import columns, read_page
from forebay.vendor.pages import Question, check_bars, check_envelope, check_order, without_twins
from forebay.vendor.wire import Bar, BarsPage, bars_table, decode

DAYS = Interval(date(2024, 3, 7), date(2024, 3, 8))
ASKED = Question(BAR_DATASETS["stocks/bars_1m"], "AAPL", DAYS)
INDEX = Question(BAR_DATASETS["indices/bars_1d"], "I:SPX", DAYS)
NOON = int(datetime(2024, 3, 7, 17, tzinfo=UTC).timestamp() * 1000)


def bar(**fields: Any) -> Bar:
    return Bar(**{"o": 1.0, "h": 2.0, "l": 1.0, "c": 2.0, "v": 5.0, "t": NOON, **fields})


def table(*bars: Bar) -> pl.DataFrame:
    return bars_table(columns(bars), "AAPL", "America/New_York")


def page(**fields: Any) -> BarsPage:
    return BarsPage(**{"status": "OK", "ticker": "AAPL", "adjusted": False, "results": [bar()], **fields})


def check_page(page: BarsPage, asked: Question) -> None:
    check_envelope(page, len(page.results or ()), asked)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"status": "ERROR"}, "'ERROR'"),
        ({"ticker": "AApL"}, "'AApL'"),
        ({"ticker": None}, "which ticker"),
        ({"adjusted": True}, "split-adjusted"),
        ({"resultsCount": 2}, "announces 2 bars and holds 1"),
        ({"resultsCount": 7, "results": None}, "announces 7 bars and holds 0"),
    ],
)
def test_wrong_envelopes(fields: dict[str, Any], why: str) -> None:
    """A page about something else, adjusted or cut short is rejected with its reason and a next step."""
    with pytest.raises(PageRejected, match=why) as caught:
        check_page(page(**fields), ASKED)

    assert "bars of AAPL 2024-03-07..2024-03-08" in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("fields", [{}, {"status": "DELAYED"}, {"resultsCount": 1}, {"results": None, "ticker": None}])
def test_right_envelopes(fields: dict[str, Any]) -> None:
    """Delayed plans and empty answers are no faults; only stocks have adjusted prices."""
    check_page(page(**fields), ASKED)
    check_page(page(**{**fields, "ticker": "I:SPX", "adjusted": True}), INDEX)


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (datetime(2024, 3, 7, 5, 0, tzinfo=UTC), True),
        (datetime(2024, 3, 7, 4, 59, tzinfo=UTC), False),
        (datetime(2024, 3, 9, 4, 59, tzinfo=UTC), True),
        (datetime(2024, 3, 9, 5, 0, tzinfo=UTC), False),
        (datetime(2020, 3, 7, 17, 0, tzinfo=UTC), False),
        (datetime(9999, 12, 31, tzinfo=UTC), False),
    ],
)
def test_the_window_is_one_of_session_dates(moment: datetime, inside: bool) -> None:
    """A bar belongs to the question exactly when its New York date does."""
    rows = table(bar(), bar(t=int(moment.timestamp() * 1000)))

    if inside:
        check_bars(rows, ASKED)
    else:
        with pytest.raises(PageRejected, match="it has a bar of"):
            check_bars(rows, ASKED)


@pytest.mark.parametrize("time", [10**15, 10**17, 9 * 10**18, -(10**15)])
def test_times_beyond_all_dates_are_rejected(time: int) -> None:
    """Milliseconds that no calendar holds are a wrong bar, not a crash."""
    with pytest.raises(PageRejected):
        check_bars(table(bar(t=time)), ASKED)


@pytest.mark.parametrize(
    "fields",
    [
        {"o": 0.5}, {"o": 2.5}, {"c": 0.5}, {"c": 2.5}, {"l": 2.5}, {"h": 0.5}, {"v": -1.0},
        {"h": float("inf")}, {"o": float("nan")}, {"l": float("-inf")},
    ],
)  # fmt: skip
def test_prices_that_contradict_each_other(fields: dict[str, float]) -> None:
    """Open and close outside low and high, a negative volume and what is no number are rejected."""
    with pytest.raises(PageRejected, match="contradict"):
        check_bars(table(bar(), bar(**fields)), ASKED)


def test_twins() -> None:
    """Exact repetitions go, wherever they are; two truths of one minute are rejected."""
    once = table(bar(), bar(t=NOON + 60_000))
    assert without_twins(once, "window_start", ASKED).equals(once)
    assert without_twins(table(bar(), bar(t=NOON + 60_000), bar()), "window_start", ASKED).equals(once)
    with pytest.raises(PageRejected, match="two different bars of 2024-03-07 17:00"):
        without_twins(table(bar(), bar(c=1.5)), "window_start", ASKED)


def test_order() -> None:
    """Bars go forward in time."""
    check_order(table(bar(), bar(t=NOON + 60_000)), ASKED)
    with pytest.raises(PageRejected, match="order of time"):
        check_order(table(bar(t=NOON + 60_000), bar()), ASKED)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"results": [',
        b'{"results": {}}',
        b'{"results": [{"o": 1, "h": 1, "l": 1, "c": 1}]}',
        b'{"results": [{"o": "1", "h": 1, "l": 1, "c": 1, "t": 1}]}',
        b'{"results": [{"o": null, "h": 1, "l": 1, "c": 1, "t": 1}]}',
        b'{"results": [{"o": 1, "h": 1, "l": 1, "c": 1, "t": 1.5}]}',
    ],
)
def test_what_is_no_page_is_rejected(body: bytes) -> None:
    """Broken JSON, a price that is missing or a text, a time with a fraction: rejected, never filled in."""
    with pytest.raises(PageRejected, match="cannot be read as BarsPage"):
        read_page(body)


def test_the_vendors_spellings_are_read() -> None:
    """Whole numbers as floats, floats as whole numbers, nulls and unknown fields pass."""
    body = b'{"status":"OK","extra":{},"results":[{"o":1,"h":2,"l":1,"c":2,"t":5,"n":12.0,"v":null,"otc":true}]}'

    found = decode(body, BarsPage).results

    assert found == [Bar(o=1.0, h=2.0, l=1.0, c=2.0, t=5, n=12.0)]


@given(st.lists(st.integers(0, 2**33), min_size=1, max_size=20), st.floats(0, 1e12, allow_subnormal=False))
def test_numbers_survive_the_wire(seconds: list[int], price: float) -> None:
    """Times to the millisecond and prices to the last bit are what the JSON said."""
    bars = [bar(t=second * 1000 + 7, o=price, h=price, l=price, c=price) for second in seconds]
    rows = bars_table(read_page(msgspec.json.encode({"results": bars}))[1], "AAPL", "UTC")

    assert [int(value) for value in rows["window_start"].dt.epoch("ms")] == [one.t for one in bars]
    assert rows["close"].to_list() == [price] * len(bars)
