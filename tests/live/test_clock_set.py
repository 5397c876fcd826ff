"""The machine's clock is set while data flow: nothing waits for a time that was, and nothing counts as heard by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from threading import Thread

from running import until

from forebay.clock import SystemClock
from forebay.model.instrument import AssetClass
from forebay.model.message import TradeMessage
from forebay.orchestration.consume.consumer import Consumer
from forebay.orchestration.live.outlet import Outlet
from forebay.settings import load
from forebay.sinks.kafka.codec import decode
from forebay.sinks.kafka.letters import DeadLetters
from forebay.sinks.kafka.reader import Reader
from forebay.sinks.timescale.store import Store
from forebay.vendor.stream.trail import Trail

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOBODY = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "TIMESCALE_HOST": "127.0.0.1", "TIMESCALE_PORT": "1"}


class SetBack(SystemClock):
    """A clock that somebody sets back by an hour whenever it is asked."""

    def __init__(self) -> None:
        self._behind = timedelta()

    def now(self) -> datetime:
        self._behind += HOUR
        return super().now() - self._behind


class Kept:
    """A sink in memory."""

    name = "kept"

    def send(self, messages: object) -> None:
        """Take them."""

    def flush(self, seconds: float) -> None:
        """All is acknowledged at once."""

    def close(self) -> None:
        """Nothing to let go of."""


def trade(at: datetime) -> TradeMessage:
    return TradeMessage("AAPL", AssetClass.STOCKS, int(at.timestamp() * 1000), 1.0, 1.0)


def test_a_sink_is_flushed_in_time_by_a_clock_that_is_set_back() -> None:
    """Else nothing would be in the lake, or known to be anywhere, for an hour."""
    outlet = Outlet(Kept(), SetBack(), Random(1), most=10, every=timedelta(milliseconds=10))
    outlet.start()
    for second in range(3):
        mark = NOON + timedelta(seconds=second)
        outlet.put([trade(mark)], mark)
        until(lambda mark=mark: outlet.heard == mark, "a flush")
    assert outlet.close(10)


def test_a_consumer_waits_no_longer_by_a_clock_that_is_set_back() -> None:
    """It goes on trying the server that is away."""
    settings = load(environ=NOBODY)
    consumer = Consumer(
        reader=Reader(settings.kafka, "forebay"),
        store=Store(settings.timescale),
        letters=DeadLetters(settings.kafka),
        decode=decode,
        settings=settings.consume,
        clock=SetBack(),
        random=Random(1),
    )
    thread = Thread(target=consumer.run, daemon=True)
    thread.start()
    until(lambda: consumer.figures.waits > 1, "another attempt")
    consumer.stop()
    thread.join(60)
    assert not thread.is_alive()
    consumer.close()


def test_nothing_counts_as_heard_by_a_clock_that_was_ahead() -> None:
    """It was an hour ahead when the stream began, and is set right before the first event comes."""
    trail = Trail(delay=0, overlap=15)
    trail.begin(NOON + HOUR)
    trail.saw(trade(NOON), NOON)
    assert NOON - timedelta(seconds=15) == trail.until()
