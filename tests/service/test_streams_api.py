"""Live data over HTTP: how streams are, and what was not heard."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from forebay.clock import SystemClock
from forebay.ledger import Ledger
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.streams import Streams
from forebay.model.live import Cause, Cluster, Interruption, StreamHealth, StreamState, Subscription

BEGAN = datetime(2026, 3, 5, 15, 30, tzinfo=UTC)
MINUTES = (Subscription("AM", "*"),)


@pytest.fixture
def ledger(client, tmp_path):
    """The service's own, opened by its first answer."""
    assert [] == client.get("/api/v1/streams").json()["streams"]
    with Ledger.open(f"sqlite:///{tmp_path}/data/download_tracker.db", SystemClock()) as opened:
        yield opened


def test_a_stream_is_shown_and_measured(client, ledger):
    """While its process lives it is up; when that is gone it is stopped."""
    streams = Streams(ledger.database, SystemClock())
    streams.take(Cluster.STOCKS, "worker-1")
    health = StreamHealth(
        *(Cluster.STOCKS, "worker-1", StreamState.STREAMING, MINUTES),
        heard_until=BEGAN,
        last_message=BEGAN,
        lag=0.5,
        counts={"messages": 7},
    )
    streams.note(health)

    [shown] = client.get("/api/v1/streams").json()["streams"]
    figures = client.get("/metrics").text
    assert ("streaming", "worker-1", ["AM.*"], 0.5) == tuple(
        shown[name] for name in ("state", "worker", "subscriptions", "lag")
    )
    assert 'forebay_stream_up{cluster="stocks"} 1.0' in figures
    assert 'forebay_stream_count{cluster="stocks",what="messages"} 7.0' in figures
    streams.leave(health)
    assert "stopped" == client.get("/api/v1/streams").json()["streams"][0]["state"]
    assert 'forebay_stream_up{cluster="stocks"} 0.0' in client.get("/metrics").text


def test_interruptions_are_listed_until_and_after_they_are_made_good(client, ledger):
    """Page by page, by cluster, and those alone that are owed."""
    book = Interruptions(ledger.database, SystemClock())
    numbers = [
        book.begin(Interruption(cluster, MINUTES, BEGAN, BEGAN, Cause.CLOSED, "1006"))
        for cluster in (Cluster.STOCKS, Cluster.CRYPTO, Cluster.STOCKS)
    ]
    book.close(numbers[0], {"bars": 3})

    def ids(**asked: object) -> list[int]:
        return [one["id"] for one in client.get("/api/v1/interruptions", params=asked).json()["interruptions"]]

    assert numbers[::-1] == ids()
    assert [numbers[1], numbers[0]] == ids(before=numbers[2])
    assert [numbers[2]] == ids(cluster="stocks", only_open=True)
    [first] = client.get("/api/v1/interruptions", params={"before": numbers[1]}).json()["interruptions"]
    assert ("closed", {"bars": 3}, "2026-03-05T15:30:00Z") == (first["cause"], first["evidence"], first["began"])
    assert 422 == client.get("/api/v1/interruptions", params={"cluster": "bonds"}).status_code
    assert 'forebay_stream_open_interruptions{cluster="stocks"} 1.0' in client.get("/metrics").text
