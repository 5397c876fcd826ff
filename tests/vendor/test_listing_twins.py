from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from forebay.errors import PageRejected
from forebay.model.universe import Category
from forebay.symbols.discover import discover
from forebay.symbols.discovery import Discovery
from forebay.testing import FakeClock
from forebay.vendor.limits import NoLimit
from forebay.vendor.rest import RestClient
from scripted import ScriptedServer, as_json

TODAY = date(2025, 12, 1)
NOON = datetime(2025, 12, 1, 17, 0, tzinfo=UTC)


@pytest.fixture
def rest(server: ScriptedServer):
    with RestClient(server.url, "key", NoLimit(), FakeClock(NOON)) as client:
        yield client


def row(ticker: str, name: str = "", **more: object) -> dict[str, object]:
    return {"ticker": ticker, "name": name, "market": "indices", "locale": "us", "active": True, **more}


def indices(rest: RestClient, **more):
    return discover(rest, Discovery(Category.INDICES, TODAY, **more), TODAY).listings


def test_of_two_alike_the_newer_is_kept(server: ScriptedServer, rest: RestClient) -> None:
    """The vendor lists a ticker twice, touched at different times: one company bears it."""
    old, new = "2022-04-27T00:00:00Z", "2025-11-28T06:05:51.11Z"
    rows = [
        row("I:A", "Newer", last_updated_utc=new),
        row("I:A", "Older", last_updated_utc=old, composite_figi="BBG1"),
        row("I:B"),
    ]
    server.reply = lambda _: as_json({"results": rows})
    assert [("I:A", "Newer"), ("I:B", "")] == [(one.ticker, one.name) for one in indices(rest)]


def test_garbage_is_no_ticker(server: ScriptedServer, rest: RestClient) -> None:
    """Control characters and blanks have been seen in the vendor's lists; they go nowhere."""
    rows = [row("I:A\u0000"), row(""), row(" I:B"), row("I:C")]
    server.reply = lambda _: as_json({"results": rows})
    assert ["I:C"] == [one.ticker for one in indices(rest)]


def test_an_order_of_its_own(server: ScriptedServer, rest: RestClient) -> None:
    """However the vendor sorts, listings come in byte order."""
    server.reply = lambda _: as_json({"results": [row("I:aa"), row("I:B"), row("I:A")]})
    assert ["I:A", "I:B", "I:aa"] == [one.ticker for one in indices(rest)]


def test_a_list_of_nobody(server: ScriptedServer, rest: RestClient) -> None:
    """A whole category without a single listing is no answer: it would retire everybody."""
    server.reply = lambda _: as_json({"status": "OK"})
    with pytest.raises(PageRejected, match="lists nobody in indices as of 2025-12-01"):
        indices(rest)
    assert () == indices(rest, search="nobody")


def test_a_date_that_is_none(server: ScriptedServer, rest: RestClient) -> None:
    """It is the vendor's fault, named with the ticker."""
    server.reply = lambda _: as_json({"results": [row("I:A", active=False, delisted_utc="soon")]})
    with pytest.raises(PageRejected, match=r"row of I:A has a date that is none: 'soon'"):
        indices(rest)
