"""The REST client against a scripted server: pages, grouped days, reference."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest

from forebay.errors import BadRequest, PageRejected, UsageError
from forebay.model.instrument import AssetClass
from forebay.model.rows import BAR_ROWS
from forebay.testing import FakeClock
from forebay.vendor.limits import NoLimit
from forebay.vendor.rest import RestClient
from scripted import Answer, Asked, ScriptedServer, as_json

DAY = date(2024, 3, 7)
OPENING = int(datetime(2024, 3, 7, 14, 30, tzinfo=UTC).timestamp() * 1000)


def bar(minute: int, **fields: object) -> dict[str, object]:
    return {"v": 10, "vw": 1.5, "o": 1, "c": 2, "h": 2, "l": 1, "t": OPENING + minute * 60_000, "n": 3, **fields}


def page(*bars: dict[str, object], **fields: object) -> Answer:
    body = {"status": "OK", "ticker": "AAPL", "adjusted": False, "resultsCount": len(bars), **fields}
    return as_json({**body, "results": list(bars)} if bars else body)


@pytest.fixture
def client(server: ScriptedServer, clock: FakeClock) -> Iterator[RestClient]:
    with RestClient(server.url, "the-key", NoLimit(), clock, jitter=lambda: 0.5) as rest:
        yield rest


def query(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}


def test_the_question_is_spelled_out(client: RestClient, server: ScriptedServer) -> None:
    """Raw prices, oldest first and the largest page are asked for; the key is in a header and in no address."""
    server.reply = lambda _: page(ticker="BRK.B")

    rows = list(client.bars("BRK.B", "5m", DAY, DAY))

    asked = server.asked[0]
    assert rows == []
    assert urlsplit(asked.path).path == "/v2/aggs/ticker/BRK.B/range/5/minute/2024-03-07/2024-03-07"
    assert query(asked) == {"adjusted": "false", "sort": "asc", "limit": "50000"}
    assert asked.headers["authorization"] == "Bearer the-key"
    assert "the-key" not in asked.path


def test_bars_come_in_the_columns_of_the_house(client: RestClient, server: ScriptedServer) -> None:
    """Absent vwap and transactions are null, 12.0 trades are 12, the session date is New York's."""
    bare = bar(1)
    del bare["vw"], bare["n"]
    server.reply = lambda _: page(bar(0, n=12.0), bare)

    (rows,) = client.bars("AAPL", "1m", DAY, DAY)

    assert rows.schema == BAR_ROWS
    assert rows.row(0) == (
        "AAPL", datetime(2024, 3, 7, 14, 30, tzinfo=UTC), 1.0, 2.0, 1.0, 2.0, 10.0, 1.5, 12, DAY, "rest",
    )  # fmt: skip
    assert rows.row(1, named=True)["vwap"] is None
    assert rows.row(1, named=True)["transactions"] is None


@pytest.mark.parametrize(
    ("ticker", "midnight_utc", "bounds"),
    [
        ("AAPL", 5, "2024-03-07/2024-03-07"),
        ("O:SPY251219C00650000", 5, "2024-03-07/2024-03-07"),
        ("I:SPX", 6, "1709791200000/1709877599999"),
        ("X:BTCUSD", 0, "1709769600000/1709855999999"),
        ("C:EURUSD", 0, "1709769600000/1709855999999"),
    ],
)
def test_session_dates_are_of_the_class_own_zone(
    client: RestClient, server: ScriptedServer, ticker: str, midnight_utc: int, bounds: str
) -> None:
    """A class's day starts at its own midnight, in the question and in the answer."""
    first = int(datetime(2024, 3, 7, midnight_utc, tzinfo=UTC).timestamp() * 1000)
    edges = [bar(0, t=first), bar(0, t=first + 86_340_000)]
    server.reply = lambda _: page(*edges, ticker=ticker)

    (rows,) = client.bars(ticker, "1m", DAY, DAY)

    assert rows["session_date"].to_list() == [DAY, DAY]
    assert urlsplit(server.asked[0].path).path.endswith(f"/range/1/minute/{bounds}")


def test_index_bars_without_volume_are_whole(client: RestClient, server: ScriptedServer) -> None:
    """Indices have prices only; their volume is null, not an error."""
    server.reply = lambda _: page({"o": 1, "h": 2, "l": 1, "c": 2, "t": OPENING}, ticker="I:SPX", adjusted=None)

    (rows,) = client.bars("I:SPX", "1m", DAY, DAY)

    assert rows.select("volume", "vwap", "transactions").row(0) == (None, None, None)


def test_pages_are_followed_to_the_last(client: RestClient, server: ScriptedServer) -> None:
    """Every page is read once with the key, still raw; an empty next address is the end; counts are told."""
    next_url = f"{server.url}/v2/aggs/ticker/AAPL/range/1/minute/1709821860000/2024-03-07?cursor=bGltaXQ9Mg"
    server.in_turn(page(bar(0), next_url=next_url), page(bar(1), bar(2), next_url=""))

    pages = client.bars("AAPL", "1m", DAY, DAY)
    rows = pl.concat(pages)

    assert rows["window_start"].to_list() == [datetime(2024, 3, 7, 14, 30 + minute, tzinfo=UTC) for minute in range(3)]
    assert (pages.pages, pages.repeated) == (2, 0)
    assert pages.bytes > 0
    assert query(server.asked[1]) == {"cursor": "bGltaXQ9Mg", "adjusted": "false"}
    assert server.asked[1].headers["authorization"] == "Bearer the-key"


def test_an_empty_page_in_between_does_not_end_the_walk(client: RestClient, server: ScriptedServer) -> None:
    """A page without results but with a successor is followed."""
    server.in_turn(page(next_url=f"{server.url}/v2/two?cursor=2"), page(bar(0)))

    assert [rows.height for rows in client.bars("AAPL", "1m", DAY, DAY)] == [1]


def test_a_bar_sent_twice_is_kept_once(client: RestClient, server: ScriptedServer) -> None:
    """Exact repetitions, within a page and across two, are dropped and counted."""
    server.in_turn(
        page(bar(0), bar(0), bar(1), next_url=f"{server.url}/v2/two?cursor=2"),
        page(bar(1), bar(2)),
    )

    pages = client.bars("AAPL", "1m", DAY, DAY)

    assert [rows.height for rows in pages] == [2, 1]
    assert pages.repeated == 2


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ([bar(1, c=1.5)], "two different bars"),
        ([bar(0)], "order of time"),
    ],
)
def test_pages_that_contradict_each_other_are_rejected(
    client: RestClient, server: ScriptedServer, second: list[dict[str, object]], why: str
) -> None:
    """A second page may neither change nor precede the bars of the first."""
    first = page(bar(0), bar(1), next_url=f"{server.url}/v2/two?cursor=2")
    server.reply = lambda asked: page(*second) if "two" in asked.path else first
    pages = client.bars("AAPL", "1m", DAY, DAY)
    next(pages)

    with pytest.raises(PageRejected, match=why):
        next(pages)


def test_the_key_is_not_carried_to_another_host(client: RestClient, server: ScriptedServer) -> None:
    """A next page elsewhere, be it only another port, is refused before anything is sent there."""
    server.reply = lambda _: page(bar(0), next_url="http://127.0.0.1:9/v2/two?cursor=2")

    with pytest.raises(PageRejected, match="another host"):
        list(client.bars("AAPL", "1m", DAY, DAY))


def test_pages_in_a_circle_end(client: RestClient, server: ScriptedServer) -> None:
    """A next address that was followed before is an error, not an endless walk."""
    server.reply = lambda _: page(next_url=f"{server.url}/v2/two?cursor=2")

    with pytest.raises(PageRejected, match="circle"):
        list(client.bars("AAPL", "1m", DAY, DAY))


def test_a_foreign_page_is_asked_for_again(client: RestClient, server: ScriptedServer, clock: FakeClock) -> None:
    """One answer about another ticker costs a second call and leaves no row behind."""
    server.in_turn(page(bar(0, c=1.7), ticker="AAP"), page(bar(0)))

    (rows,) = client.bars("AAPL", "1m", DAY, DAY)

    assert rows["close"].to_list() == [2.0]
    assert len(server.asked) == 2
    assert clock.slept == [0.375]


def test_an_unknown_timeframe_is_the_users_mistake(client: RestClient) -> None:
    """A timeframe that cannot be asked is refused without a call, with the ones that can."""
    with pytest.raises(UsageError, match="'1w'") as caught:
        client.bars("AAPL", "1w", DAY, DAY)

    assert "1h" in caught.value.remedy


def test_grouped_bars_are_dated_by_the_question(client: RestClient, server: ScriptedServer) -> None:
    """Their own time is the end of the window; ours is the midnight that day bars have."""
    end = int(datetime(2024, 3, 7, 21, tzinfo=UTC).timestamp() * 1000)
    rows = [bar(0, T=ticker, t=end) for ticker in ("AAP", "AAp", "NA")]
    server.reply = lambda _: page(*rows, ticker=None)

    table = client.grouped_daily(AssetClass.STOCKS, DAY)

    assert table.schema == BAR_ROWS
    assert table["ticker"].to_list() == ["AAP", "AAp", "NA"]
    assert table["window_start"].unique().to_list() == [datetime(2024, 3, 7, 5, tzinfo=UTC)]
    assert table["session_date"].unique().to_list() == [DAY]
    assert server.asked[0].path == (
        "/v2/aggs/grouped/locale/us/market/stocks/2024-03-07?adjusted=false&include_otc=false"
    )


@pytest.mark.parametrize(
    ("asset_class", "path"),
    [(AssetClass.CRYPTO, "global/market/crypto"), (AssetClass.FOREX, "global/market/fx")],
)
def test_grouped_bars_of_other_classes(
    client: RestClient, server: ScriptedServer, asset_class: AssetClass, path: str
) -> None:
    """Crypto and forex have their own paths, and a day without bars is an empty table of the same columns."""
    server.reply = lambda _: page(ticker=None)

    assert client.grouped_daily(asset_class, DAY).schema == BAR_ROWS
    assert urlsplit(server.asked[0].path).path == f"/v2/aggs/grouped/locale/{path}/2024-03-07"


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([bar(0, T="A\x07A")], "readable ticker"),
        ([bar(0)], "readable ticker"),
        ([bar(0, T="A", t=OPENING + 3 * 86_400_000)], "another day"),
        ([bar(0, T="A"), bar(0, T="A", c=1.5)], "two different bars of A"),
        ([bar(0, T="A", h=1.5)], "contradict"),
    ],
)
def test_wrong_grouped_answers_are_rejected(
    client: RestClient, server: ScriptedServer, rows: list[dict[str, object]], why: str
) -> None:
    """Names with control bytes, another day's bars and two truths about one ticker do not get in."""
    server.reply = lambda _: page(*rows, ticker=None)

    with pytest.raises(PageRejected, match=why):
        client.grouped_daily(AssetClass.STOCKS, DAY)


def test_options_have_no_grouped_day(client: RestClient) -> None:
    """What the vendor does not offer is said before a call is spent."""
    with pytest.raises(UsageError, match="options"):
        client.grouped_daily(AssetClass.OPTIONS, DAY)


def test_tickers_are_walked_page_by_page(client: RestClient, server: ScriptedServer) -> None:
    """All pages' rows come in order, case kept, fields that we do not know skipped."""
    server.in_turn(
        as_json({"results": [{"ticker": "AAP", "new": 1}], "next_url": f"{server.url}/v3/reference/tickers?cursor=x"}),
        as_json({"results": [{"ticker": "AAp", "type": "PFD", "active": True}]}),
    )

    rows = list(client.tickers("stocks", active=False, on=DAY, kind="CS"))

    assert [row.ticker for row in rows] == ["AAP", "AAp"]
    assert rows[1].type == "PFD"
    assert query(server.asked[0]) == {
        "market": "stocks", "active": "false", "date": "2024-03-07", "type": "CS",
        "sort": "ticker", "order": "asc", "limit": "1000",
    }  # fmt: skip
    assert query(server.asked[1]) == {"cursor": "x"}


def test_details_of_one_ticker(client: RestClient, server: ScriptedServer) -> None:
    """Details come as the same row; a ticker that the vendor does not know is a refused question."""
    server.in_turn(
        as_json({"results": {"ticker": "AAPL", "list_date": "1980-12-12"}}),
        as_json({"status": "NOT_FOUND", "message": "Ticker not found."}, status=404),
    )

    assert client.ticker("AAPL", on=DAY).list_date == "1980-12-12"
    with pytest.raises(BadRequest, match="Ticker not found"):
        client.ticker("AAPLX")
    assert server.asked[0].path == "/v3/reference/tickers/AAPL?date=2024-03-07"


def test_market_status(client: RestClient, server: ScriptedServer) -> None:
    """The vendor's present time comes with its zone."""
    server.reply = lambda _: as_json(
        {"market": "extended-hours", "earlyHours": False, "afterHours": True, "serverTime": "2020-11-10T17:37:37-05:00"}
    )

    status = client.market_status_now()

    assert (status.market, status.after_hours) == ("extended-hours", True)
    assert status.server_time == datetime(2020, 11, 10, 22, 37, 37, tzinfo=UTC)


def test_entitlement_is_told_in_the_vendors_words(client: RestClient, server: ScriptedServer) -> None:
    """A refusal by the plan is an answer here, with its reason; data, even none, mean it is included."""
    refused = {"status": "NOT_AUTHORIZED", "message": "Your plan doesn't include this data timeframe."}
    server.in_turn(as_json(refused, status=403), page())

    first, second = (client.entitlement("AAPL", "1m", DAY) for _ in range(2))

    assert not first.granted
    assert "data timeframe" in first.reason
    assert (second.granted, second.reason) == (True, "")
