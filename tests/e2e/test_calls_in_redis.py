"""Calls to the vendor are counted in Redis where it is configured, for everybody with the same API key."""

from __future__ import annotations

import socket
from collections import Counter

import pytest
import redis
from redis_server import redis_server

ASKED = ("--datasets", "stocks/bars_1d", "--tickers", "AAPL", "--start", "2026-03-05", "--end", "2026-03-06")
BY_REST = (*ASKED, "--source", "rest")


@pytest.fixture
def closed():
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_every_call_is_counted_once(home, shell):
    """A sync's probes count as a person's calls and its tasks' as batch; a second process finds them all counted."""
    before = len(home.vendor.requests)
    with redis_server() as server:
        settings = {"REDIS_URL": server.url, "POLYGON_RATE_LIMIT": "1000"}
        said = shell("sync", *BY_REST, **settings)
        assert 0 == said.code, said.all
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            (calls,) = client.keys("forebay:budget:*:calls")
            counted = Counter(ticket[0] for ticket in client.zrange(calls, 0, -1))

    asked = [each for each in home.vendor.requests[before:] if not each.path.startswith("/flatfiles")]
    assert len(asked) == counted.total()
    assert min(counted["b"], counted["i"]) > 0


def test_a_redis_that_is_down_is_clear_at_once(home, shell, closed):
    """Without the budget nothing is asked of the vendor by REST, and the command says what to do."""
    before = len(home.vendor.requests)
    said = shell("sync", *BY_REST, REDIS_URL=f"redis://:hush@127.0.0.1:{closed}/0", POLYGON_RATE_LIMIT="1000")

    assert 1 == said.code
    assert f"Redis at 127.0.0.1:{closed}/0" in said.all
    assert "correct REDIS_URL" in said.all
    assert "hush" not in said.all
    assert [] == [each for each in home.vendor.requests[before:] if not each.path.startswith("/flatfiles")]
