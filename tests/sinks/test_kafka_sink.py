"""Messages to a real broker and back."""

import threading
import time
from pathlib import Path

import msgspec
import pytest
from kafka_bars import Place, bars, once
from kafka_server import tansu
from s3_server import a_bucket
from structlog.testing import capture_logs

from forebay.errors import SinkUnavailable, UsageError
from forebay.settings import load
from forebay.sinks.kafka.sink import KafkaSink


@pytest.fixture
def place(kafka):
    return Place(kafka)


def test_messages_come_back_as_they_were_sent(place):
    """Every bar of odd tickers comes back whole and in order, keyed by its ticker; case and NA are kept apart."""
    tickers = {"BRK.B": "BRK.B", "BACpL": "BACpL", "BACPL": "BACPL", "C:EURUSD": "C-3AEURUSD", "NA": "NA", "T": "T"}
    sent = {ticker: bars(ticker, 50, 100 * number) for number, ticker in enumerate(tickers)}
    sink = KafkaSink(place.settings())
    sink.send([bar for several in zip(*sent.values(), strict=True) for bar in several])
    sink.flush(20)
    assert (300, 0, 0) == (sink.sent, sink.refused, sink.waiting)
    sink.close()
    assert sorted(f"{place.prefix}.stream.{name}" for name in tickers.values()) == sorted(
        place.broker.topics(place.prefix)
    )
    for ticker, name in tickers.items():
        assert sent[ticker] == place.held(name)
        read = place.broker.read(f"{place.prefix}.stream.{name}")
        assert {ticker.encode()} == {message.key() for message in read}


def test_a_topic_for_each_kind_of_data(place):
    """With KAFKA_TOPICS=channel all tickers share a topic of KAFKA_PARTITIONS, each ticker in one of them, in order."""
    sink = KafkaSink(place.settings(topics="channel", partitions=3))
    sent = {ticker: bars(ticker, 20) for ticker in ("A", "B", "C", "D", "E")}
    for several in zip(*sent.values(), strict=True):
        sink.send(several)
    sink.close()
    topic = f"{place.prefix}.stream.stocks-bars-1m"
    assert {topic: 3} == place.broker.topics(place.prefix)
    read = place.broker.read(topic)
    assert len({message.partition() for message in read}) > 1
    for ticker, expected in sent.items():
        assert expected == [
            msgspec.json.decode(m.value(), type=type(expected[0])) for m in read if m.key() == ticker.encode()
        ]
        assert len({message.partition() for message in read if message.key() == ticker.encode()}) == 1


def test_a_message_that_is_too_large_is_refused_by_name(place):
    """One that no broker takes is counted and logged with its ticker; the messages around it arrive."""
    [first, large, last] = bars("A", 3)
    large = msgspec.structs.replace(large, timeframe="1m" + " " * 1_100_000)
    with capture_logs() as logged:
        sink = KafkaSink(place.settings())
        sink.send([first, large, last])
        sink.close()
    assert (3, 1) == (sink.sent, sink.refused)
    assert [first, last] == place.held("A")
    assert [("message_refused", "A")] == [
        (one["event"], one.get("symbol")) for one in logged if one["log_level"] == "error"
    ]


def test_a_ticker_without_a_topic_is_refused_by_name(place):
    """A ticker that makes too long a name costs only its own message."""
    sink = KafkaSink(place.settings())
    sink.send(bars("X" * 300, 1) + bars("A", 1))
    sink.close()
    assert (1, 1) == (sink.sent, sink.refused)
    assert bars("A", 1) == place.held("A")


def test_a_broker_that_is_away_is_named():
    """Without a broker the error says so at the deadline, with the address and what to do."""
    place = Place(tansu())
    sink = KafkaSink(place.settings(timeout=0.5))
    with pytest.raises(SinkUnavailable, match=f"Kafka at {place.broker.address}") as caught:
        sink.send(bars("A", 1))
    assert "KAFKA_BOOTSTRAP_SERVERS" in caught.value.remedy
    sink.close()


def test_a_broker_that_comes_later_is_waited_for():
    """A broker that starts while a message waits for it gets that message."""
    with tansu() as broker:
        broker.kill()
        place = Place(broker)
        sink = KafkaSink(place.settings())
        starter = threading.Timer(0.5, broker.start)
        starter.start()
        sink.send(bars("A", 3))
        sink.close()
        starter.join()
        assert bars("A", 3) == place.held("A")


def test_a_broker_that_is_killed_while_messages_flow():
    """Killed three times and started again, the broker has every bar, in order, once repeats are taken out."""
    with a_bucket() as bucket, tansu(bucket) as broker:
        place = Place(broker)
        sink = KafkaSink(place.settings())
        expected = bars("A", 3000)
        for number in range(0, 3000, 100):
            sink.send(expected[number : number + 100])
            if number % 1000 == 500:
                broker.kill()
                broker.start(wait=False)
        sink.flush(30)
        assert (3000, 0, 0) == (sink.sent, sink.refused, sink.waiting)
        sink.close()
        assert expected == once(place.held("A"))


def test_a_broker_that_comes_back_without_its_memory():
    """One that lost topics and producers alike gets everything that was sent since it went, in order."""
    with tansu() as broker:
        place = Place(broker)
        sink = KafkaSink(place.settings())
        sink.send(bars("A", 50))
        sink.flush(20)
        broker.kill()
        sink.send(bars("A", 50, 50))
        broker.start()
        sink.send(bars("A", 50, 100))
        sink.close()
        assert (150, 0, 0) == (sink.sent, sink.refused, sink.waiting)
        assert bars("A", 100, 50) == once(place.held("A"))


def memory() -> int:
    """Bytes that this process has in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_a_paused_broker_holds_senders_back():
    """Against a broker that stands still memory stays under its bound and the sender is told; then all arrive."""
    with tansu() as broker:
        place = Place(broker)
        sink = KafkaSink(place.settings(buffer="2MB", timeout=1))
        sink.send(bars("A", 1))
        sink.flush(20)
        broker.pause()
        before = memory()
        sent, failed = bars("A", 1), None
        while failed is None:
            batch = bars("A", 500, len(sent))
            try:
                sink.send(batch)
                sent += batch
            except SinkUnavailable as error:
                failed = error
        assert "the buffer is full" in str(failed)
        assert 3_000 < sink.waiting <= 2_000_000 // 512
        assert memory() - before < 3_000_000  # the bound, and the bars that this test keeps
        broker.resume()
        sink.send(batch)
        sink.close()
        assert sent + batch == once(place.held("A"))


def test_flush_says_what_is_not_acknowledged():
    """While the broker stands still flush and close say how much is not acknowledged, at their deadlines."""
    with tansu() as broker:
        place = Place(broker)
        sink = KafkaSink(place.settings(timeout=0.3))
        sink.send(bars("A", 1))
        sink.flush(20)
        broker.pause()
        sink.send(bars("A", 5, 1))
        with pytest.raises(SinkUnavailable, match="has not acknowledged 5 messages"):
            sink.flush(0.2)
        began = time.monotonic()
        with pytest.raises(SinkUnavailable, match="5 messages"):
            sink.close()
        assert time.monotonic() - began < 5
        broker.resume()


def test_after_an_error_nobody_waits(place):
    """Left by an error, a sink lets go at once, with what it had."""
    with pytest.raises(KeyError), KafkaSink(Place(tansu()).settings(timeout=60)) as sink:
        raise KeyError
    assert 0 == sink.waiting
    with KafkaSink(place.settings()) as sink:
        sink.send(bars("A", 3))
    assert bars("A", 3) == place.held("A")


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({}, "KAFKA_BOOTSTRAP_SERVERS is not set"),
        (
            {
                "KAFKA_BOOTSTRAP_SERVERS": "k:9092",
                "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "KAFKA_SASL_MECHANISM": "MAGIC",
            },
            "library refuses the settings",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(environ, why):
    """A sink is not made of settings that no connection can come of; the error names settings, no passwords."""
    with pytest.raises(UsageError, match=why) as caught:
        KafkaSink(load(environ=environ).kafka)
    assert "KAFKA_" in f"{caught.value} {caught.value.remedy}"
