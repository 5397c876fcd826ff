"""Bars over HTTP, held against the lake itself."""

from __future__ import annotations

import io
from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forebay import Lake

FORMS = {
    "application/vnd.apache.parquet": pl.read_parquet,
    "application/vnd.apache.arrow.stream": pl.read_ipc_stream,
}
DAYS = {"start": "2026-03-02", "end": "2026-03-03"}


@pytest.fixture(scope="module")
def lake(filled_home):
    return Lake(filled_home / "lake")


@pytest.fixture
def client(serve, filled_home):
    with serve(FOREBAY_HOME=str(filled_home)) as client:
        yield client


def test_json_has_every_bar(client, lake):
    """The JSON form has the lake's bars, in order, with times in UTC; nothing is left for another page."""
    answer = client.get("/api/v1/bars/AAPL", params=DAYS).json()
    expected = lake.bars("AAPL", "1m", *DAYS.values()).collect()
    assert (["AAPL", "1m"], None) == ([answer["symbol"], answer["timeframe"]], answer["next"])
    assert expected["close"].to_list() == [bar["close"] for bar in answer["bars"]]
    assert [f"{start:%Y-%m-%dT%H:%M:%S}+00:00" for start in expected["window_start"]] == [
        bar["window_start"] for bar in answer["bars"]
    ]


@pytest.mark.parametrize("form", FORMS)
def test_binary_forms_are_the_lakes_own_frame(client, lake, form):
    """Arrow and Parquet answers are the lake's frame, type by type."""
    answer = client.get("/api/v1/bars/AAPL", params={**DAYS, "timeframe": "5m"}, headers={"Accept": form})
    assert form == answer.headers["content-type"]
    assert_frame_equal(lake.bars("AAPL", "5m", *DAYS.values()).collect(), FORMS[form](io.BytesIO(answer.content)))


def test_csv_reads_back(client, lake):
    """The CSV form has a header and a line for each bar."""
    answer = client.get("/api/v1/bars/AAPL", params={**DAYS, "timeframe": "1d"}, headers={"Accept": "text/csv"})
    expected = lake.bars("AAPL", "1d", *DAYS.values()).collect()
    found = pl.read_csv(io.BytesIO(answer.content))
    assert expected.columns == found.columns
    assert expected["close"].to_list() == found["close"].to_list()
    assert ["2026-03-02T05:00:00Z", "2026-03-03T05:00:00Z"] == found["window_start"].to_list()


@pytest.mark.parametrize("timeframe", ["1m", "5m", "1d"])
@pytest.mark.parametrize("limit", [1, 7, 5_001])
def test_pages_are_the_whole(client, lake, timeframe, limit):
    """Page by page by the Link header a client gets every bar once, whatever the page's size."""
    expected = lake.bars("AAPL", timeframe, "2026-03-03" if limit == 1 else None).collect().head(40 * limit)
    url = f"/api/v1/bars/AAPL?timeframe={timeframe}&limit={limit}" + ("&start=2026-03-03" if limit == 1 else "")
    pages = []
    while url and len(pages) < 40:
        answer = client.get(url, headers={"Accept": "application/vnd.apache.parquet"})
        pages.append(pl.read_parquet(io.BytesIO(answer.content)))
        url = answer.links.get("next", {}).get("url")
    assert_frame_equal(expected, pl.concat(pages))


def test_long_pages_come_whole(client, lake):
    """A page of more rows than are encoded at a time is one array, and one CSV with one header."""
    asked = {"limit": 100_000, "fill": "previous"}
    expected = lake.bars("AAPL", "1m", fill="previous").collect()
    assert expected.height > 5_000
    found = client.get("/api/v1/bars/AAPL", params=asked).json()
    assert expected["window_start"].dt.to_string("iso:strict").str.slice(0, 19).to_list() == [
        bar["window_start"][:19] for bar in found["bars"]
    ]
    text = client.get("/api/v1/bars/AAPL", params=asked, headers={"Accept": "text/csv"}).content
    assert expected.height == pl.read_csv(io.BytesIO(text)).height


@pytest.mark.parametrize("form", ["application/json", "text/csv", *FORMS])
def test_a_page_is_answered_alike_again(client, form):
    """Asked again a page is the same, byte by byte, under the same tag; whoever shows the tag is told just so."""
    first, again = (
        client.get("/api/v1/bars/AAPL", params={**DAYS, "limit": 9}, headers={"Accept": form}) for _ in "12"
    )
    assert (first.content, first.headers) == (again.content, again.headers)
    seen = {"Accept": form, "If-None-Match": f'"other", W/{first.headers["etag"]}'}
    unchanged = client.get("/api/v1/bars/AAPL", params={**DAYS, "limit": 9}, headers=seen)
    assert (304, b"") == (unchanged.status_code, unchanged.content)
    assert 200 == client.get("/api/v1/bars/AAPL", params={**DAYS, "limit": 8}, headers=seen).status_code


def test_a_weekend_has_no_bars(client):
    """Dates without a session answer with no bars, in every form."""
    weekend = {"start": "2026-02-28", "end": "2026-03-01"}
    assert [] == client.get("/api/v1/bars/AAPL", params=weekend).json()["bars"]
    text = client.get("/api/v1/bars/AAPL", params=weekend, headers={"Accept": "text/csv"}).text
    assert ["ticker"] == [line.split(",")[0] for line in text.splitlines()]


def test_what_is_not_held_is_said(client):
    """Of a ticker that is not held the answer says how to fetch it; a table that is not there is a 404."""
    found = client.get("/api/v1/bars/NOPE").json()
    assert ([], True) == (found["bars"], "NOPE" in found["notes"][0])
    missing = client.get("/api/v1/bars/X:BTCUSD")
    assert (404, "no_such_table") == (missing.status_code, missing.json()["kind"])


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"timeframe": "5x"}, 422),
        ({"start": "yesterday"}, 422),
        ({"limit": 0}, 422),
        ({"limit": 100_001}, 422),
        ({"since": "2026-03-02"}, 422),
        ({"start": "2026-03-03", "end": "2026-03-02"}, 400),
        ({"asset_class": "stonks"}, 400),
        ({"timeframe": "9999h"}, 400),
    ],
)
def test_wrong_questions_are_refused(client, asked, status):
    """A word that is not understood is a 422, a question that makes no sense a 400; both say which."""
    refused = client.get("/api/v1/bars/AAPL", params=asked)
    assert status == refused.status_code
    assert refused.json()["message"]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*", "application/json"),
        ("text/*", "text/csv"),
        ("application/json;q=0.1, text/csv;q=0.9", "text/csv"),
        ("text/csv;q=0, */*", "application/json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
    ],
)
def test_accept_chooses_the_form(client, accept, form):
    """The form is the one that the Accept header likes best, JSON where it leaves the choice."""
    answer = client.get("/api/v1/bars/AAPL", params={**DAYS, "limit": 1}, headers={"Accept": accept})
    assert form == answer.headers["content-type"].split(";")[0]


def test_no_other_form_is_made_up(client):
    """A form that bars do not take is refused, with those that they do."""
    refused = client.get("/api/v1/bars/AAPL", headers={"Accept": "image/png"})
    assert 406 == refused.status_code
    assert "text/csv" in refused.json()["message"]


def test_coverage_says_what_is_held(client):
    """Coverage has each session that was brought, with its verdict, and says when there are more."""
    asked = {"table": "stocks/bars_1m", "symbol": "AAPL", **DAYS}
    found = client.get("/api/v1/coverage", params=asked).json()
    assert {"complete"} == {row["verdict"] for row in found["coverage"]}
    days = {date.fromisoformat(row["start"]) for row in found["coverage"]}
    assert {date(2026, 3, 2), date(2026, 3, 3)} == days
    assert 400 == client.get("/api/v1/coverage", params={"start": "2026-03-03", "end": "2026-03-02"}).status_code


def test_tasks_can_be_followed(client):
    """The queue is listed with counts of every state, one task with its history; one that is not there is a 404."""
    found = client.get("/api/v1/tasks", params={"state": ["completed"], "limit": 3}).json()
    assert (3, "completed") == (len(found["tasks"]), found["tasks"][0]["state"])
    assert found["counts"]["completed"] > 3
    one = found["tasks"][0]
    assert one == client.get(f"/api/v1/tasks/{one['id']}").json()
    assert {"pending", "completed"} <= one["history"].keys()
    assert 404 == client.get("/api/v1/tasks/999999999").status_code


@pytest.mark.parametrize("room", ["tasks", "coverage"])
def test_lists_are_read_page_by_page(client, room):
    """By `next` a client gets every row once, in the order of the whole list; a made-up one is refused."""
    whole = client.get(f"/api/v1/{room}", params={"limit": 1_000}).json()
    pages, after = [], {}
    while after is not None and len(pages) < len(whole[room]):
        page = client.get(f"/api/v1/{room}", params={"limit": 7, **after}).json()
        pages += page[room]
        after = page["next"] and {"after": page["next"]}
    assert len(whole[room]) > 7
    assert (whole[room], None) == (pages, after)
    for made_up in ("bm9uZQ==", "x", "WzEsIDJd"):
        assert 422 == client.get(f"/api/v1/{room}", params={"after": made_up}).status_code


def test_the_past_can_be_asked_for(client, lake):
    """`as_of`, a version or a moment, answers what was held then, under a tag of its own; the future is no past."""
    asked = {"timeframe": "1d", "end": "2026-03-06"}
    versions = range(1, lake.version("stocks/bars_1d") + 1)
    held = [client.get("/api/v1/bars/AAPL", params={**asked, "as_of": version}) for version in versions]
    expected = [lake.bars("AAPL", "1d", as_of=version).collect().height for version in versions]
    assert expected == [len(answer.json()["bars"]) for answer in held]
    assert expected[0] < expected[-1]
    now = client.get("/api/v1/bars/AAPL", params=asked)
    assert now.json()["bars"] == held[-1].json()["bars"]
    assert now.headers["etag"] not in {answer.headers["etag"] for answer in held}
    for wrong, status in (("2001-01-01T00:00:00Z", 400), (10**6, 400), (-1, 422), ("0001-01-01T00:00:00+10:00", 422)):
        assert status == client.get("/api/v1/bars/AAPL", params={**asked, "as_of": wrong}).status_code, wrong


def test_a_monitor_reads_metrics(client):
    """/metrics counts answers by route, not by what was asked, and tasks by state."""
    client.get("/api/v1/bars/AAPL", params={"limit": 1})
    client.get("/nowhere/at/all")
    text = client.get("/metrics").text
    assert 'forebay_http_answers_total{method="GET",route="/api/v1/bars/{symbol}",status="200"} 1.0' in text
    assert 'route="unknown",status="404"} 1.0' in text
    assert 'forebay_tasks{state="completed"}' in text
    assert 'forebay_rows_total{symbol="*",table="stocks/bars_1m"}' in text
    assert 'forebay_task_seconds{kind="load"}' in text
    assert "nowhere" not in text
