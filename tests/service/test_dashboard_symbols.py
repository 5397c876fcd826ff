"""The pages of symbols, of a service over a real lake."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from forebay import Sandbox
from forebay.app import App, new_worker_id
from forebay.app.actions import actions_refresh
from forebay.clock import SystemClock
from forebay.model.catalogue import BAR_DATASETS, LAKE_DATASETS
from forebay.model.feed import Feed
from forebay.model.registry import IngestionStatus, SymbolRegistry
from forebay.orchestration.sync import carry_out
from forebay.service.dashboard.symbols import path_of
from forebay.service.factory import create_app
from forebay.settings import load

PAGE = {"Accept": "text/html"}
FIRST, LAST = date(2025, 10, 15), date(2025, 10, 31)
ABSENT = ("2025-10-23", "2025-10-24")
"""A Thursday and a Friday that were never fetched; on Monday the 20th NVDA was split ten for one."""
HOSTILE = "\"><svg-onload=alert(1)>&'"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Two weeks of bars of twenty stocks by file, two sessions of which lack, and their splits."""
    home = tmp_path_factory.mktemp("symbols")
    with Sandbox(start=FIRST, end=LAST, tickers=20) as vendor:
        env = {**vendor.env, "FOREBAY_HOME": str(home), "POLYGON_RATE_LIMIT": "0"}
        app = App(load(environ=env), SystemClock(), new_worker_id())
        datasets = tuple(BAR_DATASETS[f"stocks/{kind}"] for kind in ("bars_1d", "bars_1m"))
        for start, end in ((FIRST, date(2025, 10, 22)), (date(2025, 10, 27), LAST)):
            feed = Feed(name=str(start), datasets=datasets, start=start, end=end)
            carry_out(app.outlook().look_ahead([feed]).plan, app.ledger, app.worker())
        others = tuple(LAKE_DATASETS[f"{each}/bars_1d"] for each in ("futures_cme", "crypto", "indices"))
        feed = Feed(name="others", datasets=others, start=date(2025, 10, 29), end=LAST)
        carry_out(app.outlook().look_ahead([feed]).plan, app.ledger, app.worker())
        actions_refresh(app, 100).run()
        app.close()
    return home


@pytest.fixture(scope="module")
def client(home):
    app = create_app(load(environ={"FOREBAY_HOME": str(home)}))
    with TestClient(app, "http://127.0.0.1:8000", client=("127.0.0.1", 40000)) as client:
        yield client


def seen(client, address):
    """The text of a page, with a blank between its parts and each blank alone."""
    answer = client.get(address, headers=PAGE)
    assert (200, "text/html; charset=utf-8") == (answer.status_code, answer.headers["content-type"]), answer.text
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", answer.text)))


def act(client, symbol, action, **form):
    """Press a button of a symbol's page; where it leads."""
    mark = re.search(r'name="csrf" value="(\w+)"', client.get(path_of(symbol), headers=PAGE).text)[1]
    answer = client.post(
        f"{path_of(symbol)}/{action}", data={"csrf": mark, **form}, headers=PAGE, follow_redirects=False
    )
    return answer.status_code, answer.headers.get("location")


def test_day_bars_are_drawn_with_what_lacks(client):
    """The chart has a candle for each session that is held and one band for those that are not, weekends apart."""
    page = client.get("/symbols/MSFT?size=1d", headers=PAGE).text
    assert 11 == page.count('class="hit"')
    bands = re.findall(r'class="band gap"><title>([^<]*)', page)
    assert {f"{ABSENT[0]} to {ABSENT[1]}: 2 sessions not held: nothing of it was ever fetched"} == set(bands)
    assert f"start={ABSENT[0]}&amp;end={ABSENT[1]}" in page
    assert f"forebay sync --tickers MSFT --timeframes 1d --start {ABSENT[0]} --end {ABSENT[1]}" in page


def test_minute_bars_too(client):
    """A range of days is shown in bars of minutes, in New York's time; its sessions that lack are one band."""
    text = seen(client, "/symbols/MSFT?range=1M&size=1h")
    assert "Wed 2025-10-22 09:00" in text
    assert "2025-10-23 to 2025-10-24: 2 sessions not held: nothing of the session was ever fetched" in text


def test_holidays_and_nights_are_no_gaps(client):
    """Of sessions that follow each other over a weekend nothing is missing, in bars of any size."""
    for size in ("5m", "1h", "1d"):
        text = seen(client, f"/symbols/MSFT?range=5D&end=2025-10-31&size={size}")
        assert "Nothing: every session between is held" in text


def test_a_split_is_marked_and_taken_out(client):
    """Prices as published fall to a tenth at a split of ten for one, which is marked; adjusted ones do not."""
    raw, adjusted = (seen(client, f"/symbols/NVDA?adjust={how}") for how in ("", "splits"))
    assert "10-for-1 split on 2025-10-20" in raw
    assert "10-for-1 split on 2025-10-20" in adjusted
    changes = [float(re.search(r"Change ([+-][\d.]+) %", text)[1]) for text in (raw, adjusted)]
    assert changes[0] < -85
    assert abs(changes[1]) < 30


def test_tickers_are_case_sensitive(client):
    """AAP and AAp have pages and bars of their own; what is not held says so, and how to fetch it."""
    upper, lower = (seen(client, f"/symbols/{each}") for each in ("AAP", "AAp"))
    assert re.search(r"Last close ([\d.]+)", upper)[1] != re.search(r"Last close ([\d.]+)", lower)[1]
    assert "No bars of bacpl are held" in seen(client, "/symbols/bacpl")
    assert "Last close" in seen(client, "/symbols/BACpL")


@pytest.mark.parametrize(
    "symbol", ["BAC.A", "BACpL", "X:BTCUSD", "O:SPY251219C00650000", "A#B", "100%", "what?", HOSTILE]
)
def test_every_ticker_has_an_address(client, symbol):
    """A ticker with any letter that one may have is kept, found and opened, and stays text on each page."""
    client.post("/api/v1/symbols", json={"symbol": symbol, "description": f"It is {HOSTILE}"})
    for address in (path_of(symbol), f"/symbols?q={quote(symbol)}"):
        page = client.get(address, headers=PAGE).text
        assert "<svg-onload" not in page
        assert f'href="{path_of(symbol)}"' in page or f'action="{path_of(symbol)}/run"' in page
        assert f"It is {HOSTILE}" in seen(client, address)


def test_an_error_is_shown_as_it_is(client):
    """The last error and the next try stand on both pages, as text, without the secrets of the settings."""
    registry = client.app.state.desk.registry
    registry.add(SymbolRegistry("ERR"))
    registry.set_status("ERR", IngestionStatus.ERROR, "HTTP 429 <script>alert(1)</script>")
    for address in ("/symbols/ERR", "/symbols?show=error"):
        assert "HTTP 429 <script>alert(1)</script>" in seen(client, address)
        assert "<script>alert" not in client.get(address, headers=PAGE).text


def test_a_symbol_is_kept_and_let_go(client):
    """Buttons take a symbol into the registry, change its strategy, disable and enable it, each by a form's mark."""
    registry = client.app.state.desk.registry
    assert (303, "/symbols/KO") == act(client, "KO", "keep", strategy="flatpack_api")
    assert "flatpack_api" == registry.require("KO").strategy
    act(client, "KO", "keep", strategy="stream")
    act(client, "KO", "disable")
    assert ("stream", False) == (registry.require("KO").strategy, registry.require("KO").enabled)
    act(client, "KO", "enable")
    assert registry.require("KO").enabled
    refused = client.post("/symbols/KO/disable", headers=PAGE)
    assert (403, True) == (refused.status_code, registry.require("KO").enabled)


def test_a_run_is_ordered_and_followed(client):
    """The button orders a run of that symbol alone; its page says how it fares."""
    client.post("/api/v1/symbols", json={"symbol": "SPY", "strategy": "stream"})
    status, there = act(client, "SPY", "run")
    (ordered,) = [run for run in client.get("/api/v1/runs").json()["runs"] if run["symbols"] == ["SPY"]]
    assert (303, f"/symbols/SPY?ran={ordered['id']}#kept") == (status, there)
    assert "ordered" in seen(client, there)


@pytest.mark.parametrize(("symbol", "market"), [("X:BTCUSD", ""), ("I:SPX", ""), ("ESZ5", "futures_cme")])
def test_other_markets_are_drawn(client, symbol, market):
    """Coins, indices without volumes, and futures, which the list leads to by their exchange, have charts."""
    address = path_of(symbol, market=market)
    assert "3 bars of 1d" in seen(client, address)
    assert f'href="{address}"' in client.get(f"/symbols?q={symbol}", headers=PAGE).text


def test_who_only_reads_sees_no_button(serve, home):
    """With the token for looking the page has no form that does something, and its address refuses one."""
    with serve(
        FOREBAY_HOME=str(home), FOREBAY_API_TOKEN="owner-owner", FOREBAY_API_READ_TOKEN="reader-reader"
    ) as client:
        bearer = {**PAGE, "Authorization": "Bearer reader-reader"}
        page = client.get("/symbols/KO", headers=bearer).text
        assert "Last close" in page
        assert 'action="/symbols/KO/' not in page
        assert 403 == client.post("/symbols/KO/keep", data={"strategy": "stream"}, headers=bearer).status_code


def test_the_list_is_searched_and_paged(client):
    """Symbols of the registry and of the lake are one list: by ticker or name, capitals or not, a hundred to a page."""
    many = [{"symbol": f"T{number:03}", "description": "A long list"} for number in range(150)]
    client.post("/api/v1/symbols/bulk", json={"symbols": many})
    assert "150 symbols, page 1 of 2" in seen(client, "/symbols?q=LONG+list")
    second = seen(client, "/symbols?q=long+list&page=2")
    assert ("T149" in second, "T000" in second) == (True, False)
    found = re.findall(r'<th scope="row"><a[^>]*>([^<]*)', client.get("/symbols?q=aap", headers=PAGE).text)
    assert ["AAP", "AAPL", "AAp"] == found
    assert "T001" not in seen(client, "/symbols?show=others&q=T0")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/symbols/AAPL?range=9Y", 400),
        ("/symbols/AAPL?adjust=up", 400),
        ("/symbols/AAPL?end=yesterday", 422),
        ("/symbols/AAPL?market=nowhere", 400),
        ("/symbols?show=odd", 400),
        ("/symbols/.hidden", 422),
    ],
)
def test_what_is_not_understood_is_said(client, address, status):
    """A wrong word of the address is answered with a page that says so, and never with a fault of Forebay's own."""
    answer = client.get(address, headers=PAGE)
    assert (status, True) == (answer.status_code, answer.headers["content-type"].startswith("text/html"))


def test_an_empty_home_has_its_pages(serve):
    """Before anything was fetched both pages are there, and say what to do."""
    with serve() as client:
        assert "forebay sync --tickers" in seen(client, "/symbols")
        assert "No bars of AAPL are held" in seen(client, "/symbols/AAPL")


def test_sources_are_told_with_what_replaced_them(client):
    """The history names the source of each stretch of sessions, and when it was recorded."""
    text = seen(client, "/symbols/MSFT")
    assert "stocks/bars_1d flatfile whole market 2025-10-27 to 2025-10-31 5 5" in text
    assert "stocks/bars_1m flatfile whole market 2025-10-15 to 2025-10-22 6 6" in text
