"""Live bars by a real Redis' pub/sub: best effort, and never in anybody's way."""

import time

import pytest
import redis
from kafka_bars import bars
from redis_server import redis_server

from forebay.errors import UsageError
from forebay.sinks.kafka.codec import decode, encode
from forebay.sinks.redis.sink import RedisSink


@pytest.fixture
def server():
    with redis_server() as started:
        yield started


def test_who_listens_gets_every_message(server):
    """A listener to a symbol's channel gets what Kafka carries, in order; what nobody listens to is counted."""
    listener = redis.Redis.from_url(server.url).pubsub(ignore_subscribe_messages=True)
    listener.subscribe("chronox.stream.AAp")
    assert listener.get_message(timeout=5) is None
    sink = RedisSink(server.url, encode)
    sent = bars("AAp", 5)
    sink.send([*sent, *bars("AAP", 3)])
    sink.flush(5)
    assert (5, 3, 0) == (sink.published, sink.unheard, sink.lost)
    assert sent == [decode(listener.get_message(timeout=5)["data"]) for _ in sent]
    listener.close()
    sink.close()


def test_a_redis_that_is_away_costs_no_time(server):
    """Sending to a stopped Redis returns at once and counts; when it is back, messages go out again."""
    sink = RedisSink(server.url, encode)
    server.stop()
    began = time.monotonic()
    for _ in range(150):
        sink.send(bars("AAPL", 1))
    assert time.monotonic() - began < 1
    sink.flush(0.2)
    assert 0 < sink.lost < 150
    server.start()
    sink.flush(10)
    sink.send(bars("AAPL", 1))
    sink.flush(10)
    assert 0 < sink.unheard
    assert 151 == sink.lost + sink.unheard
    sink.close()


def test_an_address_that_is_none_is_refused():
    """A wrong address is a matter of settings, not of waiting."""
    with pytest.raises(UsageError, match="REDIS_URL"):
        RedisSink("http://nowhere", encode)
