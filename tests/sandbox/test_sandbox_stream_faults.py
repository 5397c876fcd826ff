from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from listening import Ear, Event, bars_of, knocking, listening
from websockets.exceptions import ConnectionClosed, InvalidStatus

from forebay.sandbox.server import MAX, Sandbox, StreamLimits

START = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
END = START + timedelta(minutes=10)


def replay(*faults: dict, tickers: int = 20, **more: object) -> Sandbox:
    """Ten minutes of the market, as fast as they are read, with faults."""
    settings = {"stream_from": START, "stream_until": END, "stream_speed": MAX, **more}
    return Sandbox(tickers=tickers, faults=faults, **settings)


def minutes(*faults: dict) -> list[Event]:
    """Every minute bar that comes in these ten minutes."""
    with replay(*faults) as vendor, listening(vendor, "stocks", "AM.*") as ear:
        return ear.heard_until(vendor, END)


def end_of(ear: Ear) -> tuple[list[Event], int | None]:
    """The last status events before a connection ends, and its close code; None when it ends without a close frame."""
    said: list[Event] = []
    try:
        while True:
            events = ear.frame()
            said = events if events[0]["ev"] == "status" else said
    except ConnectionClosed as closed:
        return said, closed.rcvd.code if closed.rcvd else None


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("stream_auth_failed", ("auth_failed", "authentication failed")),
        ("stream_no_plan", ("auth_failed", "Your plan doesn't include websocket access.")),
        ("stream_auth_timeout", ("auth_timeout", "No authentication request received.")),
    ],
)
def test_a_right_key_may_not_be_let_in(fault: str, words: tuple[str, str]) -> None:
    """The reason is said, then the connection drops; the next one is let in."""
    with replay({"kind": fault, "times": 1}) as vendor:
        with knocking(vendor) as ear:
            ear.say("auth", vendor.env["POLYGON_API_KEY"])
            assert [words] == ear.statuses()
            assert ([], None) == end_of(ear)
        with listening(vendor):
            assert vendor.stream.accepted == 1


def test_a_handshake_can_be_refused() -> None:
    """HTTP answers instead, as often as the rule says."""
    with replay({"kind": "stream_refused", "times": 1, "path": "/stocks"}) as vendor:
        with pytest.raises(InvalidStatus, match="503"), knocking(vendor):
            pass
        with knocking(vendor):
            pass


def test_subscriptions_can_fail_one_by_one() -> None:
    """One pair is refused, one never answered, the third works."""
    refused = {"kind": "stream_not_authorized", "channel": "T"}
    silent = {"kind": "stream_unacknowledged", "ticker": "MSFT", "times": 1}
    with replay(refused, silent) as vendor, listening(vendor) as ear:
        assert ["not authorized", "subscribed to: AM.AAPL"] == ear.subscribe("T.AAPL", "AM.MSFT", "AM.AAPL")


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("stream_drop", "", None),
        ("stream_close", "", 1012),
        ("stream_evicted", "max_connections", 1008),
        ("stream_slow_consumer", "slow_consumer", 1008),
        ("stream_force_disconnect", "force_disconnect", 1008),
    ],
)
def test_connections_end_after_so_many_events(kind: str, status: str, code: int | None) -> None:
    """The rule ends the first connection after ten events, with its status and close code, and not the second."""
    with replay({"kind": kind, "events": 10, "times": 1}) as vendor:
        with listening(vendor, "stocks", "AM.*") as ear:
            said, closed = end_of(ear)
            assert ([status] if status else [], code) == (
                [one["status"] for one in said if one["ev"] == "status"],
                closed,
            )
            assert 10 <= vendor.stream.sent.events < 40
        with listening(vendor, "stocks", "AM.*") as ear:
            assert ear.heard_until(vendor, END)


def test_a_stalled_socket_stays_open() -> None:
    """After the stall nothing comes, pings are still answered, and the market goes on."""
    rule, end = {"kind": "stream_stall", "after": 120, "times": 1}, START + timedelta(minutes=3)
    with replay(rule, stream_until=end) as vendor, listening(vendor, "stocks", "AM.*") as ear:
        heard = ear.heard_until(vendor, end)
        assert (START.timestamp() + 120) * 1000 == max(event["e"] for event in heard)
        assert ear.socket.ping().wait(10)
        assert vendor.stream.connections == 1


def test_duplicates_and_late_bars_change_nothing_in_the_end() -> None:
    """Bars come twice and late; the last of each symbol and start are the same as without faults."""
    faults = [{"kind": "stream_duplicate", "every": 5}, {"kind": "stream_late", "every": 7, "seconds": 90}]
    heard = minutes(*faults)
    quiet = bars_of(minutes())
    counted = quiet.join(bars_of(heard), on=["ticker", "start"])
    assert len(heard) > quiet.height - 10
    assert 0 < len(heard) - len({(event["sym"], event["s"]) for event in heard})
    assert counted.select(quiet.columns).equals(quiet.join(bars_of(heard), on=["ticker", "start"], how="semi"))
    starts = [event["s"] for event in heard]
    assert starts != sorted(starts)


def test_restated_bars_end_as_the_truth() -> None:
    """A bar comes without its last trades first, and whole five minutes later."""
    heard = minutes({"kind": "stream_restated", "every": 2, "seconds": 60})
    first = {(event["sym"], event["s"]): event for event in reversed(heard)}
    quiet = bars_of(minutes())
    settled = END.timestamp() * 1000 - 120_000
    expected, found = (frame.filter(frame["start"] < settled) for frame in (quiet, bars_of(heard)))
    assert expected.equals(found)
    assert not bars_of(list(first.values())).equals(bars_of(heard))


def test_events_are_spoiled_one_by_one() -> None:
    """Malformed events, unknown fields and events, decimal sizes: each spoils its event alone."""
    kinds = ("stream_malformed", "stream_unknown_field", "stream_unknown_event", "stream_decimal_sizes")
    heard = minutes(*({"kind": kind, "times": 2, "channel": "AM"} for kind in kinds))
    assert 2 == sum(event.get("o") == "n/a" for event in heard)
    assert 2 == sum("zz_new" in event for event in heard)
    assert 2 == sum(event["ev"] == "ZZ_NEW" for event in heard)
    assert 2 == sum(isinstance(event.get("z"), float) for event in heard)
    assert len(minutes()) + 2 == len(heard)


def test_broken_json_costs_its_frame() -> None:
    """One frame cannot be read; the next ones can."""
    rule = {"kind": "stream_broken_json", "times": 1, "ticker": "AAPL"}
    with replay(rule) as vendor, listening(vendor, "stocks", "AM.*") as ear:
        with pytest.raises(json.JSONDecodeError):
            ear.heard_until(vendor, END)
        assert ear.heard_until(vendor, END)


def test_nobody_authenticates_in_time() -> None:
    """The vendor says so and drops the connection."""
    with replay(stream_limits=StreamLimits(auth_within=0.05)) as vendor, knocking(vendor) as ear:
        said, code = end_of(ear)
        assert ("auth_timeout", None) == (said[0]["status"], code)


@pytest.mark.parametrize("newest", [False, True])
def test_one_connection_too_many_ends_one(newest: bool) -> None:
    """Both are accepted, authenticated and subscribed, on whichever host; then one of them is closed with 1008."""
    with (
        replay(stream_limits=StreamLimits(evicts_newest=newest)) as vendor,
        listening(vendor, "stocks", "AM.AAPL") as one,
        listening(vendor, "delayed/stocks", "AM.AAPL") as other,
    ):
        said, code = end_of(other if newest else one)
        assert (["max_connections"], 1008) == ([event["status"] for event in said], code)
        with listening(vendor, "crypto", "XA.*"):
            assert vendor.stream.accepted == 3


def test_a_reader_that_does_not_read_is_killed() -> None:
    """Where readers set the pace, one that takes nothing within its patience is closed, and time goes on."""
    limits, end = StreamLimits(patience=0.1), START + timedelta(seconds=61)
    with (
        replay(tickers=200, stream_limits=limits, stream_until=end) as vendor,
        listening(vendor, "stocks", "A.*", "T.*", "Q.*") as ear,
    ):
        assert vendor.stream.clock.wait_for(int(end.timestamp()) * 10**9, 20)
        _, code = end_of(ear)
        assert code in (None, 1008)  # the close frame may be among what it has not taken


def test_a_slow_reader_is_killed_when_its_buffer_is_full() -> None:
    """At the speed of a clock the server holds so many bytes for a reader, and no more; the reader is told."""
    limits, end = StreamLimits(buffer=100_000), START + timedelta(minutes=30)
    with (
        replay(tickers=500, stream_limits=limits, stream_speed=1000.0, stream_until=end) as vendor,
        listening(vendor, "stocks", "A.*", "AM.*", "T.*", "Q.*") as ear,
    ):
        assert vendor.stream.clock.wait_for(int(end.timestamp()) * 10**9, 30)
        said, code = end_of(ear)
        assert ("slow_consumer", 1008) == (said[-1]["status"], code)
