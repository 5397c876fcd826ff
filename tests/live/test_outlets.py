"""A sink behind its queue: order, room, waiting, and what is known to be acknowledged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Event, Thread

import pytest

from forebay.clock import SystemClock
from forebay.errors import SinkRefused, SinkUnavailable
from forebay.model.instrument import AssetClass
from forebay.model.message import Message, ValueMessage
from forebay.orchestration.live.outlet import Outlet

MARK = datetime(2026, 3, 2, 15, tzinfo=UTC)


class Shelf:
    """A sink in memory that can be shut, be away, or refuse."""

    name = "shelf"

    def __init__(self) -> None:
        self.open = Event()
        self.open.set()
        self.errors: list[Exception] = []
        self.came: list[Message] = []
        self.flushes = 0
        self.patience = 0.0
        self.closed = False

    def send(self, messages: Sequence[Message]) -> None:
        assert self.open.wait(20)
        if self.errors:
            raise self.errors.pop(0)
        self.came += messages

    def flush(self, seconds: float) -> None:
        assert self.open.wait(seconds)
        self.flushes += 1
        self.patience = seconds

    def close(self) -> None:
        self.closed = True


def values(first: int, count: int) -> list[Message]:
    return [ValueMessage("I:SPX", AssetClass.INDICES, number, 1.0) for number in range(first, first + count)]


@contextmanager
def outlet(sink: Shelf, *, most: int = 10, best_effort: bool = False) -> Iterator[Outlet]:
    made = Outlet(sink, SystemClock(), Random(1), most=most, every=timedelta(), best_effort=best_effort)
    made.start()
    try:
        yield made
    finally:
        sink.open.set()
        made.close(10)


def test_everything_comes_in_order_and_is_known_to_be_there() -> None:
    """The mark of the last frame is known only after a flush that followed it."""
    sink = Shelf()
    with outlet(sink) as out:
        for number in range(100):
            ticket = out.put(values(number, 1), MARK + timedelta(seconds=number))
        assert ticket is not None
        assert out.wait_settled(ticket)
        assert MARK + timedelta(seconds=99) == out.heard

    assert values(0, 100) == sink.came
    assert sink.closed


def test_a_sink_that_stands_still_holds_no_more_than_its_bound() -> None:
    """What does not fit is refused, or waited for; after it goes on nothing is missing."""
    sink = Shelf()
    sink.open.clear()
    with outlet(sink, most=10) as out:
        taken = 0
        while out.put(values(taken, 1), wait=False) is not None:
            taken += 1
        waiter = Thread(target=lambda: out.put(values(taken, 1)))
        waiter.start()
        assert (10, True) == (out.flow.waiting, waiter.is_alive())

        sink.open.set()
        waiter.join(20)
        assert out.close(20)

    assert values(0, taken + 1) == sink.came


def test_a_sink_that_is_away_is_tried_until_it_is_there() -> None:
    """Nothing is lost meanwhile, and nothing counts as acknowledged."""
    sink = Shelf()
    sink.errors = [SinkUnavailable("no answer"), SinkUnavailable("no answer")]
    with outlet(sink) as out:
        ticket = out.put(values(0, 3), MARK)
        assert ticket is not None
        assert out.wait_settled(ticket)

        assert values(0, 3) == sink.came
        assert (3, 0, "") == (out.flow.sent, out.flow.lost, out.flow.trouble)


def test_a_sink_that_refuses_says_so_to_whoever_sends() -> None:
    """The next that is handed over, or waits, gets its error."""
    sink = Shelf()
    sink.errors = [SinkRefused("no such table", remedy="make it")]
    with outlet(sink) as out:
        ticket = out.put(values(0, 1))
        assert ticket is not None
        assert not out.wait_settled(ticket)

        with pytest.raises(SinkRefused, match="no such table"):
            out.put(values(1, 1))
        assert not out.close(1)


def test_a_fault_of_ours_in_a_sink_keeps_nobody_waiting() -> None:
    """Who waits for room, or for an acknowledgement, is told of it; nothing counts as stored."""
    sink = Shelf()
    sink.errors = [ZeroDivisionError("a bug")]
    with outlet(sink) as out:
        ticket = out.put(values(0, 10), MARK)
        assert ticket is not None
        assert not out.wait_settled(ticket)
        with pytest.raises(ZeroDivisionError, match="a bug"):
            out.put(values(10, 1))
        assert out.heard is None


def test_nobody_waits_for_a_sink_of_best_effort() -> None:
    """What it cannot take is let go and counted; the rest comes."""
    sink = Shelf()
    sink.errors = [SinkUnavailable("nobody there")]
    with outlet(sink, most=5, best_effort=True) as out:
        ticket = out.put(values(0, 2))
        assert ticket is not None
        assert out.wait_settled(ticket)
        sink.open.clear()
        for number in range(2, 30):
            out.put(values(number, 1))
        sink.open.set()
        out.close(10)

    flow = out.flow
    assert 30 == flow.sent + flow.lost
    assert flow.lost >= 2 + 30 - 2 - 5 - 1 - 5
    assert len(sink.came) == flow.sent


def test_the_end_waits_but_briefly_for_a_sink_of_best_effort() -> None:
    """Others have half a minute for what is under way; who stops the process does not wait for this one."""
    asked: dict[bool, float] = {}
    for best_effort in (True, False):
        sink = Shelf()
        with outlet(sink, best_effort=best_effort) as out:
            out.put(values(0, 1))
        asked[best_effort] = sink.patience

    assert {True: 2, False: 30} == asked


def test_what_a_dead_sink_did_not_take_is_not_said_to_be_heard() -> None:
    """Closed while its sink is away, an outlet says that something is left, and stays at the last settled mark."""
    sink = Shelf()
    with outlet(sink) as out:
        ticket = out.put(values(0, 1), MARK)
        assert ticket is not None
        out.wait_settled(ticket)
        sink.errors = [SinkUnavailable("gone")] * 1000
        out.put(values(1, 1), MARK + timedelta(minutes=1))

        assert not out.close(0.2)
        assert MARK == out.heard
