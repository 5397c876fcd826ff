"""Gaps and plans over HTTP."""

from __future__ import annotations

import pytest

DAYS = {"start": "2026-02-23", "end": "2026-03-10"}


@pytest.fixture
def client(serve, filled_home):
    with serve(FOREBAY_HOME=str(filled_home), POLYGON_API_KEY="none-of-the-vendors") as client:
        yield client


def test_gaps_are_what_was_never_fetched(client):
    """Sessions after the last that is held are gaps; those that are held are none, nor is a weekend."""
    found = client.get("/api/v1/gaps", params={"symbol": "AAPL", **DAYS}).json()["gaps"]
    assert ["2026-03-09", "2026-03-10"] == [gap["day"] for gap in found]
    assert {("AAPL", "day", "open")} == {(gap["symbol"], gap["kind"], gap["outcome"]) for gap in found}


@pytest.mark.parametrize(
    "asked",
    [
        {"symbol": "AAPL", "start": "2020-01-01", "end": "2026-03-10"},
        {"symbol": "AAPL", "start": "2026-03-07", "end": "2026-03-01"},
        {"symbol": "I:SPX", "start": "2019-01-01", "end": "2026-03-01"},
    ],
)
def test_too_much_to_search_is_refused(client, asked):
    """More than a year, and dates in reverse, are no question for a service."""
    assert 400 == client.get("/api/v1/gaps", params=asked).status_code


def test_the_plan_is_of_the_registry(client):
    """The plan says what a backfill of a symbol would fetch; a symbol that is not kept has none."""
    client.post("/api/v1/symbols", json={"symbol": "AAPL", "metadata": {"start": "2026-02-23", "timeframes": ["1d"]}})
    plan = client.get("/api/v1/plan", params={"symbol": "AAPL"}).json()
    assert ["stocks/bars_1d"] == [line["table"] for line in plan["lines"]]
    assert plan["lines"][0]["days"] > 0
    assert 404 == client.get("/api/v1/plan", params={"symbol": "MSFT"}).status_code
    assert client.get("/api/v1/plan").json()["lines"] == plan["lines"]


def test_the_registry_says_where_a_search_begins(client):
    """Without dates a symbol is searched from the day on that it is kept from, up to the newest session."""
    client.post("/api/v1/symbols", json={"symbol": "MSFT", "metadata": {"start": "2026-03-09"}})
    days = [gap["day"] for gap in client.get("/api/v1/gaps", params={"symbol": "MSFT"}).json()["gaps"]]
    assert "2026-03-09" == days[0]
    assert [] == client.get("/api/v1/gaps", params={"symbol": "MSFT", "end": "1999-01-01"}).json()["gaps"]
