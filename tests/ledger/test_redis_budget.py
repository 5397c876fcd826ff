"""What is Redis's own about the rate budget: it may lose its memory, be away, and is shared with strangers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
import redis
import structlog
from budget_load import most_in_a_minute, open_budget
from redis_server import RedisServer, redis_server

from forebay.budget.redis_book import RedisBook
from forebay.budget.shared import SharedBudget
from forebay.clock import SystemClock
from forebay.errors import BudgetUnavailable, UsageError
from forebay.testing import FakeClock

VENDOR = "https://api.vendor.example"
KEY = "hush-hush"
LIMIT = 5


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as started:
        yield started


@pytest.fixture
def started(server: RedisServer, clock: FakeClock) -> RedisServer:
    """A server that has counted calls for an hour."""
    with budget_at(server, FakeClock(clock.now() - timedelta(hours=1))) as earlier:
        earlier.acquire()
    return server


@contextmanager
def budget_at(server: RedisServer, clock: FakeClock) -> Iterator[SharedBudget]:
    with open_budget(f"{server.url}#{KEY}", LIMIT, clock) as budget:
        yield budget


def call(budget: SharedBudget, clock: FakeClock, count: int) -> list[datetime]:
    """When so many calls, one after the other, were made."""
    return [(budget.acquire(), clock.now())[1] for _ in range(count)]


def forget(server: RedisServer) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.flushall()


def restart(server: RedisServer) -> None:
    server.stop()
    server.start()


@pytest.mark.parametrize("lose", [forget, restart])
def test_a_server_that_forgets_lets_no_call_too_many_pass(started, clock, lose) -> None:
    """Flushed or restarted in the middle of a minute: what was granted is forgotten, so a whole minute passes first."""
    with budget_at(started, clock) as budget:
        calls = call(budget, clock, LIMIT)
        clock.advance(10)
        lose(started)

        calls += call(budget, clock, 2 * LIMIT)

    assert LIMIT == most_in_a_minute(calls)
    assert calls[0] + timedelta(seconds=200) >= calls[-1]


def test_a_newcomer_does_not_believe_an_empty_server(started, clock) -> None:
    """A process that comes after a flush, and remembers no call of its own, waits for the others' minute as well."""
    with budget_at(started, clock) as one, budget_at(started, clock) as other:
        calls = call(one, clock, LIMIT)
        forget(started)

        calls += call(other, clock, LIMIT)

    assert LIMIT == most_in_a_minute(calls)


def test_who_waits_for_long_is_told_why(started, clock) -> None:
    """A used-up budget, an emptied Redis and a 429 stop people for a while, who would else see nothing happen."""
    with budget_at(started, clock) as budget, structlog.testing.capture_logs() as said:
        call(budget, clock, LIMIT + 1)
        call(budget.interactive(), clock, LIMIT)
        forget(started)
        budget.acquire()
        budget.slow_down(30)
        budget.acquire()

    told = [line["reason"] for line in said if line["log_level"] == "info"]
    assert ["in use", "emptied", "3 a minute"] == [
        next(words for words in ("in use", "emptied", "3 a minute") if words in reason) for reason in told
    ]


def test_a_promise_does_not_outlive_the_servers_memory(started, clock) -> None:
    """Who sleeps towards a moment while the server is flushed asks for another when it wakes up."""

    class Interrupted(FakeClock):
        def sleep(self, seconds: float) -> None:
            if not self.slept:
                forget(started)
            super().sleep(seconds)

    interrupted = Interrupted(clock.now())
    with budget_at(started, interrupted) as budget:
        call(budget, interrupted, LIMIT + 1)

    assert [60.5, 60.5] == interrupted.slept


def test_a_server_with_another_past_is_not_believed(started, clock) -> None:
    """After a fail-over, or a restart from an old snapshot, the book may lack the last calls: a minute passes."""
    with budget_at(started, clock) as budget:
        calls = call(budget, clock, 1)
        with redis.Redis.from_url(started.url) as client:
            (pace,) = client.keys("forebay:budget:*:pace")
            client.hset(pace, "run", "0" * 40)

        calls += call(budget, clock, 1)

    assert [60.5] == clock.slept


def test_a_new_server_is_not_waited_for_longer_than_a_minute(server, clock) -> None:
    """The first call ever waits only until the server has been up for a minute; from then on nothing is lost."""
    with budget_at(server, clock) as budget:
        calls = call(budget, clock, LIMIT)

    assert 40 < clock.slept[0] <= 60.5
    assert calls[0] == calls[-1]


def test_a_server_that_is_away_grants_nothing(started, clock) -> None:
    """While it is away every call is refused at once, for now, with the next step; once it is back all goes on."""
    with budget_at(started, clock) as budget:
        started.stop()
        says = f"Redis at 127.0.0.1:{started.port}/0.*does not answer"
        for ask in (budget.acquire, budget.standing, lambda: budget.slow_down(1)):
            with pytest.raises(BudgetUnavailable, match=says) as caught:
                ask()
            assert "REDIS_URL" in caught.value.remedy
            assert caught.value.retry_after is not None
        started.start()

        assert 1 == len(call(budget, clock, 1))


def test_accounts_do_not_share(started, clock) -> None:
    """Another key, or another vendor, is another budget."""
    for vendor, key in ((VENDOR, "one"), (VENDOR, "two"), ("http://127.0.0.1:8000", "one")):
        book = RedisBook(started.url, vendor, key, LIMIT, clock, server_time=False)
        SharedBudget(book, clock).acquire()
        assert 1 == book.standing().used
        book.close()


def test_nothing_secret_and_nothing_for_ever(started, clock) -> None:
    """What lies in Redis does not show the key, and goes by itself."""
    with budget_at(started, clock) as budget, redis.Redis.from_url(started.url, decode_responses=True) as client:
        call(budget, clock, 3 * LIMIT)
        budget.slow_down(5)
        keys = client.keys("*")
        assert 2 == len(keys)
        assert not any(KEY in key for key in keys)
        assert all(0 < client.ttl(key) <= 86400 for key in keys)
        assert client.zcard(next(key for key in keys if key.endswith(":calls"))) <= 3 * LIMIT


@pytest.mark.parametrize("url", ["redis://:hush@host:port/0", "http://:hush@host/0"])
def test_an_address_that_is_none(url: str) -> None:
    """A wrong address is the user's to mend, and its password is not shown."""
    with pytest.raises(UsageError, match="REDIS_URL") as caught:
        RedisBook(url, VENDOR, KEY, LIMIT, SystemClock(), server_time=True)

    assert "hush" not in str(caught.value) + caught.value.remedy


def test_a_login_that_is_refused(server: RedisServer) -> None:
    """A wrong password is not waited for: it is the user's to mend."""
    with redis.Redis.from_url(server.url) as client:
        client.config_set("requirepass", "right")
    book = RedisBook(
        server.url.replace("redis://", "redis://:wrong@"), VENDOR, KEY, LIMIT, SystemClock(), server_time=True
    )

    with pytest.raises(UsageError, match="refuses this login") as caught:
        book.standing()

    assert "wrong@" not in str(caught.value)
    assert "password" in caught.value.remedy
    book.close()


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis configured, its library missing: the extra is named."""
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "forebay.budget.redis_book")

    with pytest.raises(UsageError, match="redis library") as caught:
        import forebay.budget.redis_book  # noqa: F401

    assert "forebay[distributed]" in caught.value.remedy
