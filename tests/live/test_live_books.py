"""What a stream tells the ledger while that is away: nothing of it is forgotten, whenever the stream ends."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from running import PATIENCE, START, running, until

from forebay.app import App
from forebay.errors import LedgerUnavailable
from forebay.ledger import Ledger
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.streams import Streams
from forebay.model.live import Cause, Cluster, Interruption, Subscription
from forebay.orchestration.live.books import Books
from forebay.orchestration.live.refill import Refill
from forebay.orchestration.live.seam import Seam
from forebay.sandbox.server import MAX, Sandbox
from forebay.testing import FakeClock

MINUTE = timedelta(minutes=1)


@contextmanager
def locked(ledger: Ledger) -> Iterator[None]:
    """Another program holds the ledger."""
    with sqlite3.connect(ledger.database.name) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_a_step_that_is_under_way_when_the_stream_ends_is_done_once_and_those_behind_it_too() -> None:
    """Whoever keeps the books is cancelled in the middle of a step; whoever finishes waits for it."""
    done: list[str] = []
    begun, go = Event(), Event()

    def slow() -> None:
        begun.set()
        assert go.wait(PATIENCE)
        done.append("slow")

    async def main() -> None:
        books = Books()
        books.add(slow)
        books.add(lambda: done.append("behind"))
        keeping = asyncio.create_task(books.keep())
        await asyncio.to_thread(begun.wait, PATIENCE)
        keeping.cancel()
        await asyncio.wait([keeping])
        assert not books.kept
        go.set()
        await books.finish()
        assert books.kept

    asyncio.run(main())
    assert ["slow", "behind"] == done


def test_a_step_that_the_ledger_did_not_take_is_there_still() -> None:
    """It counts as owed until it is written, however often it was tried."""
    tries: list[int] = []

    def refused_once() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise LedgerUnavailable("locked")

    async def main() -> None:
        books = Books()
        books.add(refused_once)
        with suppress(LedgerUnavailable):
            await books.finish()
        assert not books.kept
        await books.finish()
        assert books.kept

    asyncio.run(main())
    assert 2 == len(tries)


def test_an_end_that_the_ledger_did_not_take_is_said_again(tmp_path: Path) -> None:
    """It is the end of the interruption that was noted, not another one beside it that would last for ever."""
    clock = FakeClock(START)
    lost = Interruption(Cluster.STOCKS, (Subscription("AM", "AAPL"),), START, None, Cause.CLOSED)
    over = replace(lost, ended=START + MINUTE)
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock, timeout=0.05) as ledger:
        book = Interruptions(ledger.database, clock)
        seam = Seam(Cluster.STOCKS, book, Refill(None, clock, 2, timedelta(), lambda *_: []), [], clock)
        seam.hear(lost)
        with locked(ledger), pytest.raises(LedgerUnavailable):
            seam.hear(over)
        seam.hear(over)

        assert [over] == [noted.interruption for noted in book.find()]


@pytest.fixture
def replay() -> Iterator[Sandbox]:
    """One of its stocks is told of in events that cannot be read."""
    unread = {"kind": "stream_malformed", "channel": "AM", "ticker": "AAPL"}
    with Sandbox(tickers=4, stream_from=START, stream_speed=MAX, faults=[unread]) as running:
        running.stream.pause()
        yield running


def test_a_stream_that_ends_while_the_ledger_is_locked_hides_no_interruption(
    replay: Sandbox, open_at: Callable[..., App]
) -> None:
    """What was not heard meanwhile is noted at last, or nothing since then counts as heard."""
    app = open_at()
    url = app.settings.ledger.url.get_secret_value()
    app.ledger.close()
    app.ledger = Ledger.open(url, app.clock, calls_per_minute=0, timeout=0.05)
    cut = START + 20 * MINUTE
    with running(app, "AM.*") as run:
        replay.stream.wait_for_subscribers()
        replay.stream.step_to(cut)
        streams = Streams(app.ledger.database, app.clock)
        until(lambda: run.stream.health().heard_until, "what came to be held")
        with locked(app.ledger):
            replay.stream.step_to(cut + 30 * MINUTE)
            until(lambda: all(one.heard > cut + 25 * MINUTE for one in run.stream.outlets), "what came to be held")
            session = run.stream.session
            run.stop()
        until(lambda: run.drained is not None or run.error, "its end")

    assert run.error is None
    (left,) = streams.look()
    found = [one.interruption for one in Interruptions(app.ledger.database, app.clock).find()]
    noted = sum(int(one.detail.split()[0]) for one in found if one.cause is Cause.MALFORMED)
    assert session.health.bad > 30
    assert noted == session.health.bad or (left.heard_until or START) <= cut
