from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from forebay.errors import PageRejected
from forebay.testing import FakeClock
from forebay.vendor.actions import ActionLists
from forebay.vendor.limits import NoLimit
from forebay.vendor.rest import RestClient
from scripted import Answer, Asked, ScriptedServer, as_json

EXAMPLES = Path(__file__).parents[1] / "data" / "vendor"
SINCE = date(2005, 1, 1)


def example(name: str, **more: object) -> Answer:
    """A published answer, as its last page."""
    return as_json(json.loads((EXAMPLES / f"{name}.json").read_text()) | {"next_url": "", **more})


def query(asked: Asked) -> dict[str, Any]:
    """What a request asked for, by parameter."""
    return {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}


@pytest.fixture
def lists(server: ScriptedServer, clock: FakeClock) -> Iterator[ActionLists]:
    with RestClient(server.url, "the-key", NoLimit(), clock) as rest:
        yield rest.actions


def test_the_published_answers_are_read(lists: ActionLists, server: ScriptedServer) -> None:
    """Splits, dividends and names of the vendor's own examples come out as they are meant."""
    server.in_turn(example("rest/splits_v1"), example("rest/dividends_v1"), example("rest/ticker_events_mock"))

    splits, dividends = lists.splits(SINCE), lists.dividends(SINCE)
    chain = lists.chain("META")

    assert [("AAPL", date(2005, 2, 28), 1, 2)] == [
        (one.ticker, one.execution_date, one.split_from, one.split_to) for one in splits
    ]
    assert [(0.26, 0.997899, "recurring")] == [
        (one.cash_amount, one.historical_adjustment_factor, one.distribution_type) for one in dividends
    ]
    assert chain is not None
    assert ((date(2012, 5, 18), "FB"), (date(2022, 6, 11), "META")) == chain.tickers
    assert "BBG000MM2P62" == chain.figi


def test_questions_are_spelled_as_the_newer_lists_take_them(lists: ActionLists, server: ScriptedServer) -> None:
    """The direction is in `sort`, since `order` is ignored; a page is 5000 rows; tickers go fifty at a time."""
    server.reply = lambda _: example("rest/splits_v1")

    lists.splits(SINCE, [f"T{number:02}" for number in range(60)])

    first, second = map(query, server.asked)
    expected = {"execution_date.gte": "2005-01-01", "sort": "execution_date.asc", "limit": "5000"}
    assert expected == {name: value for name, value in first.items() if name != "ticker.any_of"}
    assert [50, 10] == [len(each["ticker.any_of"].split(",")) for each in (first, second)]


@pytest.mark.parametrize("refusal", ["errors/404_reference_not_found", "errors/403_not_entitled"])
def test_where_the_newer_list_is_not_to_be_had_the_older_one_is_asked(
    lists: ActionLists, server: ScriptedServer, refusal: str
) -> None:
    """404 or 403 on `/stocks/v1`: the same rows, with fewer fields, from `/v3/reference`."""
    found = json.loads((EXAMPLES / f"{refusal}.json").read_text())
    server.in_turn(as_json(found["body"], found["http_status"]), example("rest/splits_v3"))

    rows = lists.splits(SINCE)

    assert ["/stocks/v1/splits", "/v3/reference/splits"] == [urlsplit(one.path).path for one in server.asked]
    assert {"order": "asc", "sort": "execution_date"}.items() <= query(server.asked[1]).items()
    assert [(4, None), (2, None)] == [(row.split_to, row.adjustment_type) for row in rows]


def test_a_row_that_comes_on_two_pages_is_one(lists: ActionLists, server: ScriptedServer) -> None:
    """The list may grow while it is read, and shift a row onto the next page."""
    server.in_turn(example("rest/splits_v1", next_url=f"{server.url}/next"), example("rest/splits_v1"))

    assert 1 == len(lists.splits(SINCE))
    assert 2 == len(server.asked)


def test_nobody_bears_a_ticker(lists: ActionLists, server: ScriptedServer) -> None:
    """The vendor's 404 on names is an answer, not a failure."""
    server.reply = lambda _: as_json({"status": "NOT_FOUND", "message": "Ticker not found."}, 404)
    assert lists.chain("NOPE") is None


def test_a_row_that_cannot_be_read_is_refused(lists: ActionLists, server: ScriptedServer) -> None:
    """A ratio that is no number fails the page, which is asked for again, and names the field."""
    server.reply = lambda _: as_json(
        {"results": [{"ticker": "A", "execution_date": "2025-01-02", "split_from": "one"}]}
    )
    with pytest.raises(PageRejected, match="split_from"):
        lists.splits(SINCE)
