"""Pages as columns: the short way and the decoder say the same of every page."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forebay.errors import PageRejected
from forebay.vendor.columns import columns, read_page
from forebay.vendor.wire import BarsPage, decode

FIELDS = ("v", "vw", "o", "c", "h", "l", "t", "n")
NUMBERS = st.floats(0, 1e15, allow_subnormal=False) | st.integers(0, 2**50)
BARS = st.fixed_dictionaries({**dict.fromkeys(FIELDS, NUMBERS), "t": st.integers(-(2**40), 2**52)})
ONE = {
    "v": 7.0790813e07,
    "vw": 131.6292,
    "o": 130,
    "c": 131.03,
    "h": 133.41,
    "l": 129.89,
    "t": 1673240400000,
    "n": 645365,
}


def body(bars: list[dict[str, Any]], **spelling: Any) -> bytes:
    """A page with these bars, compact as the vendor's are."""
    return json.dumps(
        {"status": "OK", "ticker": "AAPL", "results": bars}, **{"separators": (",", ":"), **spelling}
    ).encode()


def decoded(page: bytes) -> pl.DataFrame:
    """The bars of a page as the decoder of every JSON reads them."""
    return columns(decode(page, BarsPage).results or [])


@given(st.lists(BARS, min_size=1, max_size=5), st.permutations(FIELDS), st.sets(st.sampled_from(["v", "vw", "n"])))
def test_bars_that_are_alike_are_read_to_the_last_bit(bars, order, absent):
    """Any numbers, in any order of fields, with or without those that a bar need not have."""
    page = body([{field: bar[field] for field in order if field not in absent} for bar in bars])

    assert_frame_equal(decoded(page), read_page(page)[1], check_exact=True)


@pytest.mark.parametrize(
    "bars",
    [
        [ONE, {**ONE, "otc": True}],
        [ONE, {name: value for name, value in ONE.items() if name != "vw"}],
        [ONE, dict(reversed(ONE.items()))],
        [{**ONE, "n": None}],
        [{**ONE, "T": "AAPL,}{[1"}],
        [{**ONE, "e": 5}, {**ONE, "e": 6}],
        [{**ONE, "n": 12.0}],
        [],
    ],
)
def test_bars_that_are_not_alike_are_read_all_the_same(bars):
    """Unknown fields, missing ones, another order, nulls and texts: what the decoder makes of them."""
    for page in (body(bars), body(bars, separators=(", ", ": ")), body(bars, indent=1)):
        assert_frame_equal(decoded(page), read_page(page)[1])


@pytest.mark.parametrize(
    "wrong",
    ['"o":"1"', '"o":1.2.3', '"o":--1', '"o":', '"o":1e', '"t":1.5', '"t":1e3', '"o":NaN', '"o":true', '"v":1e400'],
)
def test_what_is_no_number_is_rejected(wrong):
    """Every spelling that JSON or the field's type does not allow."""
    name = wrong[:4]
    page = body([{**ONE, wrong[1]: "@"}, ONE]).replace(f'{name}"@"'.encode(), wrong.encode(), 1)
    with pytest.raises(PageRejected):
        read_page(page)


@pytest.mark.parametrize("wrong", [{"n": 1e30}, {"n": 2**62}, {"t": 2**53}, {"t": 2**62}, {"t": -(2**63)}])
@pytest.mark.parametrize("indent", [None, 1])
def test_times_and_trades_that_can_be_none_are_rejected(wrong, indent):
    """Of either way to read a page; Polars would end the process over some, and wrap others to times that may be."""
    with pytest.raises(PageRejected):
        read_page(body([ONE, {**ONE, **wrong}], indent=indent))


def test_a_field_that_comes_twice_is_read_as_the_decoder_does():
    """JSON allows it; the last one counts."""
    page = body([ONE]).replace(b'"o":130,', b'"o":1,"o":130,')

    assert [130.0] == read_page(page)[1]["open"].to_list()


def test_what_surrounds_the_bars_is_read():
    """Whichever way the bars took."""
    page = b'{"status":"DELAYED","next_url":"u","resultsCount":1,"adjusted":false,' + body([ONE])[15:]

    assert ["DELAYED", "AAPL", "u", 1, False] == [
        getattr(read_page(page)[0], name) for name in ("status", "ticker", "next_url", "resultsCount", "adjusted")
    ]
