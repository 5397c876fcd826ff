"""Calls that go wrong: which error, how often asked, how long waited, and that no key leaks."""

from __future__ import annotations

import gzip
import threading
import traceback
from datetime import UTC, datetime

import pytest

from forebay.errors import (
    BadRequest,
    ForebayError,
    NotEntitled,
    NotPublishedYet,
    PageRejected,
    RateLimited,
    UsageError,
    VendorUnavailable,
    WrongKey,
)
from forebay.testing import FakeClock
from forebay.vendor.http import Timeouts, VendorHttp
from forebay.vendor.limits import NoLimit
from scripted import Answer, ScriptedServer, as_json

KEY = "s3cret-key"


class CountingBudget:
    """Remembers what was asked of it."""

    def __init__(self) -> None:
        self.acquired = 0
        self.slowed: list[float] = []

    def acquire(self, timeout: float | None = None) -> None:
        assert timeout is not None
        self.acquired += 1

    def slow_down(self, seconds: float) -> None:
        self.slowed.append(seconds)


def client(
    server: ScriptedServer, clock: FakeClock, budget: CountingBudget | None = None, **timeouts: float
) -> VendorHttp:
    return VendorHttp(server.url, KEY, budget or NoLimit(), clock, timeouts=Timeouts(**timeouts), jitter=lambda: 0.0)


def ask(http: VendorHttp) -> bytes:
    try:
        return http.get("/v2/thing", {"limit": "1"}, lambda body: body)
    finally:
        http.close()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "The parameter 'to' cannot be a time that occurs before 'from'"}, BadRequest),
        (401, {"error": "Unknown API Key"}, WrongKey),
        (403, {"message": "You are not entitled to this data."}, NotEntitled),
        (403, {"message": "Your plan doesn't include this data timeframe."}, NotEntitled),
        (403, {"error": "not for you"}, NotEntitled),
        (404, {"message": "Ticker not found."}, BadRequest),
    ],
)
def test_refusals_are_raised_at_once_in_the_vendors_words(
    server: ScriptedServer, clock: FakeClock, status: int, body: dict[str, str], error: type[ForebayError]
) -> None:
    """A 4xx is asked once; the error names the path, the vendor's words and a next step, and holds no key."""
    server.reply = lambda _: as_json({"status": "ERROR", **body}, status=status)

    with pytest.raises(error) as caught:
        ask(client(server, clock))

    assert len(server.asked) == 1
    assert str(caught.value) == f"the vendor answered {status} to /v2/thing: {next(iter(body.values()))}"
    assert caught.value.remedy
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_a_refusal_without_json_is_still_named(server: ScriptedServer, clock: FakeClock) -> None:
    """A bare text or HTML body does not hide the status."""
    server.reply = lambda _: Answer(404, b"404 page not found")

    with pytest.raises(BadRequest, match=r"^the vendor answered 404 to /v2/thing$"):
        ask(client(server, clock))


def test_today_on_a_free_plan_waits_for_midnight(server: ScriptedServer, clock: FakeClock) -> None:
    """The plan's refusal of the current day is a wait until it is over in New York, not a failure."""
    server.reply = lambda _: as_json({"message": "Attempted to request today's data before end of day."}, status=403)

    with pytest.raises(NotPublishedYet) as caught:
        ask(client(server, clock))

    assert caught.value.until == datetime(2024, 3, 9, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "broken",
    [
        Answer(500, b"<html>"),
        Answer(503),
        Answer(408),
        Answer(200, b"x" * 5000, cut=100),
        Answer(200, gzip.compress(b"x" * 5000)[:-12], {"Content-Encoding": "gzip"}),
        Answer(200, b"no gzip", {"Content-Encoding": "gzip"}),
        Answer(200, b"{}", {"Content-Encoding": "br"}),
    ],
    ids=["500", "503", "408", "cut", "truncated-gzip", "damaged-gzip", "unasked-encoding"],
)
def test_broken_answers_are_asked_again_a_few_times(server: ScriptedServer, clock: FakeClock, broken: Answer) -> None:
    """Three calls with growing waits, each of them paid for; then the error for the task's own retries."""
    budget = CountingBudget()
    server.reply = lambda _: broken

    with pytest.raises(VendorUnavailable, match="/v2/thing"):
        ask(client(server, clock, budget))

    assert budget.acquired == len(server.asked) == 3
    assert clock.slept == [0.25, 0.5]


def test_a_passing_fault_is_not_seen(server: ScriptedServer, clock: FakeClock) -> None:
    """One 5xx and one cut are overcome."""
    server.in_turn(Answer(502), Answer(200, b"x" * 5000, cut=100), as_json({"a": 1}))

    assert ask(client(server, clock)) == b'{"a": 1}'


def test_a_429_slows_everybody_down_and_is_asked_again(server: ScriptedServer, clock: FakeClock) -> None:
    """Retry-After is honoured, in seconds and as a date; without one a quarter of the vendor's minute is waited."""
    budget = CountingBudget()
    server.in_turn(
        Answer(429, headers={"Retry-After": "7"}),
        Answer(429, headers={"Retry-After": "Fri, 08 Mar 2024 15:00:27 GMT"}),
        Answer(429),
        as_json({}),
    )

    assert ask(client(server, clock, budget)) == b"{}"
    assert budget.slowed == [7.0, 19.75, 26.75]
    assert clock.slept == [7.25, 20.0, 27.0]
    assert budget.acquired == 4


@pytest.mark.parametrize("header", [{}, {"Retry-After": "0"}, {"Retry-After": "soon"}, {"Retry-After": "86400"}])
def test_429_for_ever_ends_within_its_deadline(
    server: ScriptedServer, clock: FakeClock, header: dict[str, str]
) -> None:
    """Waits grow, even after a Retry-After of 0, and stop; the task learns how long the vendor asked to wait."""
    server.reply = lambda _: as_json({"error": "You've exceeded the maximum requests per minute"}, 429, **header)

    with pytest.raises(RateLimited, match="maximum requests") as caught:
        ask(client(server, clock))

    assert sum(clock.slept) <= 190
    assert len(server.asked) <= 12
    assert caught.value.retry_after == (float(value) if (value := header.get("Retry-After", "")).isdecimal() else None)


def test_a_budget_that_grants_nothing_is_not_blamed_on_the_vendor(server: ScriptedServer, clock: FakeClock) -> None:
    """RateLimited of the budget itself is raised at once, and slows nobody down."""

    class Exhausted(CountingBudget):
        def acquire(self, timeout: float | None = None) -> None:
            raise RateLimited(f"no call within {timeout} s")

    budget = Exhausted()
    with pytest.raises(RateLimited, match="no call within 900"):
        ask(client(server, clock, budget))

    assert (server.asked, budget.slowed, clock.slept) == ([], [], [])


def test_a_stalled_answer_is_given_up(server: ScriptedServer, clock: FakeClock) -> None:
    """A server that takes the question and says nothing is cut off by the read deadline."""
    release = threading.Event()

    def stall(_: object) -> Answer:
        release.wait(10)
        return Answer()

    server.reply = stall
    with pytest.raises(VendorUnavailable, match="ReadTimeout"):
        ask(client(server, clock, read=0.05))
    release.set()


def test_a_drip_of_bytes_ends_at_the_total_deadline(server: ScriptedServer, clock: FakeClock) -> None:
    """An answer that always moves, but never ends in time, is cut off."""
    server.reply = lambda _: (clock.advance(121.0), Answer(200, b"x"))[1]

    with pytest.raises(VendorUnavailable, match="deadline"):
        ask(client(server, clock))


def test_no_server_is_named_with_a_next_step(server: ScriptedServer, clock: FakeClock) -> None:
    """A refused connection says so and points to the network and the setting."""
    server.close()
    with pytest.raises(VendorUnavailable, match="ConnectError") as caught:
        ask(client(server, clock))

    assert "FOREBAY_REST_URL" in caught.value.remedy


def test_redirects_are_not_followed(server: ScriptedServer, clock: FakeClock) -> None:
    """The key goes to the configured host only."""
    server.reply = lambda _: Answer(302, headers={"Location": f"{server.url}/elsewhere"})

    with pytest.raises(BadRequest, match="302"):
        ask(client(server, clock))
    assert len(server.asked) == 1


@pytest.mark.parametrize("key", ["", "two words", "line\n", "schlüssel"])
def test_a_key_that_cannot_be_a_key_is_refused_unseen(clock: FakeClock, key: str) -> None:
    """A key with blanks would be repeated by the HTTP library's own error; ours does not."""
    with pytest.raises(UsageError) as caught:
        VendorHttp("http://localhost:1", key, NoLimit(), clock)

    assert not key.strip() or key.strip() not in str(caught.value)


def test_proxies_of_the_environment_do_not_stand_before_this_machine(
    server: ScriptedServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A company proxy in HTTP_PROXY cannot reach a local server, so it is not asked."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.reply = lambda _: as_json({})

    assert ask(client(server, clock)) == b"{}"


def test_rejected_pages_are_asked_again(server: ScriptedServer, clock: FakeClock) -> None:
    """What the reader rejects is asked three times in all, and then raised as it is."""
    server.reply = lambda _: as_json({})

    def read(_: bytes) -> None:
        raise PageRejected("another ticker")

    http = client(server, clock)
    with pytest.raises(PageRejected, match="another ticker"):
        http.get("/v2/thing", {}, read)
    http.close()

    assert len(server.asked) == 3
