"""Events of the stream as messages: the vendor's published ones, odd ones, and those nobody knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forebay.model.instrument import AssetClass
from forebay.model.live import Cluster
from forebay.model.message import BarMessage, QuoteMessage, TradeMessage, ValueMessage
from forebay.model.partition import Source
from forebay.model.registry import Phase
from forebay.vendor.stream.decode import decode, statuses_in
from forebay.vendor.stream.events import Status

EXAMPLES = Path(__file__).parents[1] / "data" / "vendor" / "ws"
EVENTS: dict[str, dict[str, Any]] = json.loads((EXAMPLES / "events.json").read_text())
TRADE = {"ev": "T", "sym": "AAPL", "p": 187.5, "s": 100, "t": 1709910000000}
BAR = {"ev": "AM", "sym": "AAPL", "o": 2.0, "h": 3.0, "l": 1.0, "c": 2.5, "v": 10, "s": 1709910000000}


def frame(*events: object) -> bytes:
    return json.dumps(events).encode()


def bar(symbol: str, asset_class: AssetClass, timeframe: str, start: int, *numbers: float | None) -> BarMessage:
    return BarMessage(symbol, asset_class, timeframe, start, *numbers, None, Source.STREAM, Phase.STREAM)


STOCKS, OPTIONS, CRYPTO = AssetClass.STOCKS, AssetClass.OPTIONS, AssetClass.CRYPTO
FOREX, INDICES = AssetClass.FOREX, AssetClass.INDICES
CONTRACT = "O:ONEM220121C00025000"
PUBLISHED = {
    "/stocks/A": bar("SPCE", STOCKS, "1s", 1610144868000, 25.39, 25.39, 25.39, 25.39, 200.0, 25.3981),
    "/stocks/AM": bar("GTE", STOCKS, "1m", 1610144640000, 0.4488, 0.4489, 0.4486, 0.4486, 4110.0, 0.4488),
    "/stocks/T": TradeMessage("MSFT", STOCKS, 1536036818784, 114.125, 100.0, 4, "12345", (0, 12), 3681328, 3),
    "/stocks/Q": QuoteMessage("MSFT", STOCKS, 1536036818784, 114.125, 114.128, 100.0, 160.0, 4, 7, 50385480),
    "/options/AM": bar(CONTRACT, OPTIONS, "1m", 1632419640000, 2.05, 2.05, 2.05, 2.05, 2.0, 2.05),
    "/options/T": TradeMessage("O:AMC210827C00037000", OPTIONS, 1629820676333, 1.54, 1.0, 65, "", (233,), 651921857),
    "/options/Q": QuoteMessage(
        "O:SPY241220P00720000", OPTIONS, 1644506128351, 9.71, 9.81, 17.0, 24.0, 302, 302, 844090872
    ),
    "/forex/C": QuoteMessage("C:USDCNH", FOREX, 1536036818784, 6.83363, 6.83366),
    "/forex/CA": bar("C:USDEUR", FOREX, "1m", 1539145740000, 0.8687, 0.86889, 0.8686, 0.86889, 20.0, None),
    "/forex/CAS": bar("C:USDEUR", FOREX, "1s", 1539145740000, 0.8687, 0.86889, 0.8686, 0.86889, 20.0, None),
    "/crypto/XT": TradeMessage("X:BTCUSD", CRYPTO, 1610462007425, 33021.9, 0.01616617, 3, "14272084", (2,)),
    "/crypto/XQ": QuoteMessage("X:BTCUSD", CRYPTO, 1610462411115, 33052.79, 33073.19, 0.48, 0.601, 1, 1),
    "/crypto/XA": bar("X:BCDUSD", CRYPTO, "1m", 1610463240000, 0.772, 0.784, 0.771, 0.784, 951.6112, 0.7756),
    "/crypto/XAS": bar("X:BCDUSD", CRYPTO, "1s", 1610463240000, 0.772, 0.784, 0.771, 0.784, 951.6112, 0.7756),
    "/indices/A": bar("I:SPX", INDICES, "1s", 1678220675000, 3985.67, 3985.67, 3985.67, 3985.67, None, None),
    "/indices/AM": bar("I:SPX", INDICES, "1m", 1678220640000, 3985.67, 3985.67, 3985.67, 3985.67, None, None),
    "/indices/V": ValueMessage("I:SPX", INDICES, 1678220098130, 3988.5),
}


@pytest.mark.parametrize("path", PUBLISHED)
def test_a_published_event_becomes_the_message_it_means(path: str) -> None:
    """Every channel that Forebay keeps, with the vendor's own example: symbols as REST spells them."""
    decoded = decode(Cluster(path.split("/")[1]), frame(EVENTS[path]))

    assert [PUBLISHED[path]] == decoded.messages
    assert ([], [], 0) == (decoded.statuses, decoded.bad, decoded.unknown)


def test_events_of_channels_that_are_not_kept_are_skipped_and_counted() -> None:
    """Bands, imbalances, fair values, Launchpad values, order books, and what the vendor may invent."""
    skipped = [EVENTS["/stocks/LULD"], EVENTS["/stocks/NOI"], EVENTS["/business/stocks/FMV"]]
    skipped += [EVENTS["/launchpad/stocks/LV"], EVENTS["/crypto/XL2"], {"ev": "NEW", "sym": 5}]
    decoded = decode(Cluster.STOCKS, frame(*skipped, TRADE))

    assert 6 == decoded.unknown
    assert ["AAPL"] == [message.symbol for message in decoded.messages]
    assert [] == decoded.bad


@pytest.mark.parametrize(
    ("cluster", "event"),
    [
        (Cluster.STOCKS, EVENTS["/crypto/XT"]),
        (Cluster.STOCKS, EVENTS["/forex/C"]),
        (Cluster.CRYPTO, EVENTS["/stocks/T"]),
        (Cluster.FOREX, EVENTS["/launchpad/forex/AM"]),
        (Cluster.INDICES, EVENTS["/stocks/T"]),
        (Cluster.FOREX, EVENTS["/stocks/A"]),
    ],
)
def test_no_cluster_reads_the_channels_of_another(cluster: Cluster, event: dict[str, Any]) -> None:
    """The same letters mean another thing elsewhere: such an event is unknown, and no message is made of it."""
    decoded = decode(cluster, frame(event))

    assert (1, []) == (decoded.unknown, decoded.messages)


@pytest.mark.parametrize(
    ("cluster", "symbol"),
    [(Cluster.STOCKS, "O:SPY241220P00720000"), (Cluster.OPTIONS, "AAPL"), (Cluster.STOCKS, "I:SPX")],
)
def test_a_symbol_of_another_class_is_not_believed(cluster: Cluster, symbol: str) -> None:
    """An option on the stocks' stream would be stored as a stock: it is handed back instead."""
    decoded = decode(cluster, frame(TRADE | {"sym": symbol}))

    assert [f"{symbol} is not of {cluster}"] == [event.reason for event in decoded.bad]
    assert [] == decoded.messages


@pytest.mark.parametrize(
    "change",
    [
        {"p": "much"},
        {"p": True},
        {"p": "nan"},
        {"s": "-inf"},
        {"p": None},
        {"t": -1},
        {"t": 1709910000000000000},
        {"sym": ""},
        {"sym": "AA PL"},
        {"sym": "*"},
        {"sym": None},
        {"s": -5},
        {"ds": "many"},
        {"ds": "nan"},
        {"ds": "inf"},
        {"q": 2**70},
        {"c": [1, "x"]},
        {"x": True},
        {"ev": None},
    ],
)
def test_one_malformed_event_costs_only_itself(change: dict[str, Any]) -> None:
    """The events before and after it become messages; it is handed back as it came, with the reason."""
    odd = TRADE | change
    decoded = decode(Cluster.STOCKS, frame(TRADE | {"sym": "MSFT"}, odd, BAR))

    assert ["MSFT", "AAPL"] == [message.symbol for message in decoded.messages]
    assert [json.dumps(odd)] == [event.text for event in decoded.bad]
    assert all(event.reason for event in decoded.bad)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"o": 3.5}, "its open or close is outside low and high"),
        ({"c": 0.5}, "its open or close is outside low and high"),
        ({"v": -1}, "Expected `float` >= 0.0 - at `$.v`"),
        ({"dv": "nan"}, "Expected `float` >= 0.0 - at `$.dv`"),
        ({"s": 1709910000001}, "1709910000001 is no start of a bar of 1m"),
        ({"h": None}, "Expected `float`, got `null` - at `$.h`"),
    ],
)
def test_a_bar_that_contradicts_itself_is_handed_back(change: dict[str, Any], reason: str) -> None:
    """A bar whose numbers cannot all be true is no bar."""
    decoded = decode(Cluster.STOCKS, frame(BAR | change, BAR))

    assert [reason] == [event.reason for event in decoded.bad]
    assert 1 == len(decoded.messages)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\x00\xff\xfe",
        b"{}",
        b"null",
        b'[{"ev":"T"',
        b'[{"ev":"X","deep":' + b"[" * 5000 + b"]" * 5000 + b"}]",
        "[{]",
    ],
)
def test_what_is_no_array_of_events_is_handed_back_whole(data: bytes | str) -> None:
    """Garbage raises nothing: it is one bad event."""
    decoded = decode(Cluster.STOCKS, data)

    assert 1 == len(decoded.bad)
    assert decoded.bad[0].reason.startswith("no array of events")
    assert [] == decoded.messages


@pytest.mark.parametrize(
    "odd",
    [
        '{"ev":"T","sym":"X","p":NaN,"s":1,"t":1}',
        '{"ev":"A","sym":"X","v":Infinity}',
        '{"ev":"T","sym":"X","p":1',
        '{"ev":"T","sym":"X","p":,"s":1,"t":1}',
        '{"ev":"T","sym":"\udcff"}',
        "NaN",
        "junk",
        '{"ev":"T","deep":' + "[" * 3000,
        '{"ev":"LULD","h":NaN}',
    ],
)
def test_an_event_that_is_no_json_costs_only_itself(odd: str) -> None:
    """A number that is none, a torn event, junk between: what else is in the frame is read."""
    said = {"ev": "status", "status": "success", "message": "subscribed to: T.AAPL"}
    text = f"[{json.dumps(TRADE, separators=(',', ':'))},{odd},{json.dumps(said, separators=(',', ':'))},"
    text += json.dumps(BAR, separators=(",", ":")) + "]"
    data = text.encode(errors="surrogateescape")
    decoded = decode(Cluster.STOCKS, data)

    assert ["AAPL", "AAPL"] == [message.symbol for message in decoded.messages]
    assert [Status(said["status"], said["message"])] == decoded.statuses == statuses_in(data)
    assert 1 == len(decoded.bad)


def test_of_a_giant_that_cannot_be_read_little_is_kept() -> None:
    """A quarantine is for people to look at."""
    assert 4096 == len(decode(Cluster.STOCKS, b"\xff" * (1 << 20)).bad[0].text)


def test_a_bomb_of_a_frame_fills_no_memory() -> None:
    """Millions of parts are one bad event; of thousands that are bad, a thousand are kept and all are counted."""
    bomb = decode(Cluster.STOCKS, b"[" + b"1," * 2_000_000 + b"1]")
    many = decode(Cluster.STOCKS, frame(TRADE, *[{"ev": "T"}] * 5000, TRADE))

    assert ["no array of events: it has too many parts"] == [event.reason for event in bomb.bad]
    assert (2, 1001) == (len(many.messages), len(many.bad))
    assert "and 4,000 more of the same frame" == many.bad[-1].reason


def test_a_frame_made_to_be_read_many_times_is_not() -> None:
    """Each of these has no end, and all that follows stands in each: a few are looked at, not all."""
    evil = '[{"ev":"LULD"},' + '{"ev":[' * 900 + "1," * 100_000
    decoded = decode(Cluster.STOCKS, evil)

    assert (1, 21) == (decoded.unknown, len(decoded.bad))


def test_numbers_come_as_the_vendor_sends_them_by_now() -> None:
    """Exact numbers as text beside whole ones, whole ones as 12.0, fields without a value, fields nobody named."""
    live = json.loads((EXAMPLES / "aggregate_fractional_fields.json").read_text())
    bars = BAR | {"dv": live["dv"], "dav": live["dav"], "z": 12.0, "otc": True, "new": {"a": [1]}}
    trade = TRADE | {"s": 0, "ds": "0.25", "z": 3.0, "c": None, "i": None, "pt": 1709909999999, "trfi": 1}
    decoded = decode(Cluster.STOCKS, frame(bars, trade))

    assert [] == decoded.bad
    first, second = decoded.messages
    assert isinstance(first, BarMessage)
    assert isinstance(second, TradeMessage)
    assert 4989.0 == first.volume
    assert (0.25, 3, (), "", 1709909999999) == (
        second.size,
        second.tape,
        second.conditions,
        second.id,
        second.participant_timestamp,
    )
    assert isinstance(second.tape, int)


def test_a_side_without_a_quote_is_null() -> None:
    """A bid of 0 is none, and so are its size and its exchange."""
    quote = EVENTS["/stocks/Q"] | {"bp": 0, "bs": 0}
    message = decode(Cluster.STOCKS, frame(quote)).messages[0]

    assert QuoteMessage("MSFT", STOCKS, 1536036818784, None, 114.128, None, 160.0, None, 7, 50385480) == message


@pytest.mark.parametrize(
    ("pair", "ticker"),
    [("BTC-USD", "X:BTCUSD"), ("1INCH-USD", "X:1INCHUSD"), ("BTC-USDT", "X:BTCUSDT"), ("A-B-USD", "X:A-BUSD")],
)
def test_pairs_are_spelled_as_rest_does(pair: str, ticker: str) -> None:
    """One ticker for one pair, wherever its data come from."""
    assert ticker == decode(Cluster.CRYPTO, frame(EVENTS["/crypto/XT"] | {"pair": pair})).messages[0].symbol


def test_symbols_keep_their_case() -> None:
    """AAP and AAp are two instruments, NA and null are symbols."""
    symbols = ["AAP", "AAp", "NA", "null", "BRK.A"]
    decoded = decode(Cluster.STOCKS, frame(*(TRADE | {"sym": symbol} for symbol in symbols)))

    assert symbols == [message.symbol for message in decoded.messages]


def test_published_frames_of_several_trades_are_read() -> None:
    """Frames as they came over the wire."""
    frames = json.loads((EXAMPLES / "batch_trades.json").read_text())
    read = [[message.symbol for message in decode(Cluster.STOCKS, frame(*events)).messages] for events in frames]

    assert [["AAPL"], ["AMZN", "AMZN"]] == read


def test_statuses_are_found_among_events() -> None:
    """The server may say `max_connections` in the middle of data."""
    said = {"ev": "status", "status": "max_connections", "message": "Maximum number exceeded"}
    data = frame(TRADE, said, {"ev": "LULD"}, TRADE | {"p": None})
    expected = [Status("max_connections", "Maximum number exceeded")]

    assert expected == statuses_in(data)
    assert expected == decode(Cluster.STOCKS, data).statuses
    assert [] == statuses_in(b'["status", {"ev":"status"}, {"status":"x"}]')
    assert [] == statuses_in(b"status")
