"""Live data over HTTP: how streams are, and what was not heard."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from forebay.clock import SystemClock
from forebay.ledger import Ledger
from forebay.ledger.consumers import Consumers
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.streams import Streams
from forebay.model.consuming import ConsumerHealth, TopicFigures
from forebay.model.live import Cause, Cluster, Interruption, StreamHealth, StreamState, Subscription

BEGAN = datetime(2026, 3, 5, 15, 30, tzinfo=UTC)
MINUTES = (Subscription("AM", "*"),)


@pytest.fixture
def ledger(client, tmp_path):
    """The service's own, opened by its first answer."""
    assert [] == client.get("/api/v1/streams").json()["streams"]
    with Ledger.open(f"sqlite:///{tmp_path}/data/download_tracker.db", SystemClock()) as opened:
        yield opened


def test_consumers_are_shown_and_measured(client, ledger):
    """Processes of one name together, while they live; each topic of theirs; one that ended stays to be seen."""
    consumers = Consumers(ledger.database, SystemClock())
    for number, worker in enumerate(("one", "two", "gone"), start=1):
        topic = TopicFigures(messages=10 * number, dead_letters=number, batches=number, lag=5, last_stored=BEGAN)
        consumers.note(
            ConsumerHealth(
                *(worker, "forebay", worker != "gone", BEGAN),
                lag=5,
                last_stored=BEGAN,
                counts={"messages": 10 * number, "missed": 0},
                topics={"chronox.stream.AAPL": topic},
            )
        )

    shown = client.get("/api/v1/streams").json()["consumers"]
    figures = client.get("/metrics").text
    assert {("one", True), ("two", True), ("gone", False)} == {(one["worker"], one["alive"]) for one in shown}
    assert [20] == [one["topics"]["chronox.stream.AAPL"]["messages"] for one in shown if one["worker"] == "two"]
    told = dict(line.rsplit(" ", 1) for line in figures.splitlines() if line.startswith("forebay_consumer"))
    expected = {
        'forebay_consumer_up{consumer="forebay"}': 2,
        'forebay_consumer_lag{consumer="forebay"}': 10,
        'forebay_consumer_count{consumer="forebay",what="messages"}': 30,
        'forebay_consumer_count{consumer="forebay",what="missed"}': 0,
        'forebay_consumer_topic{consumer="forebay",topic="chronox.stream.AAPL",what="dead_letters"}': 3,
        'forebay_consumer_last_commit_timestamp_seconds{consumer="forebay"}': BEGAN.timestamp(),
    }
    assert expected == {name: float(told[name]) for name in expected}


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
