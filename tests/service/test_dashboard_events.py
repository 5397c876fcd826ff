"""What a live page is told: that something changed, once, and at no cost that grows with those who listen."""

from __future__ import annotations

import asyncio
import json

import pytest
from fastapi import Request
from postgres_server import create_database, postgresql
from starlette.datastructures import State

from forebay.clock import SystemClock
from forebay.db.pulse import Pulse
from forebay.ledger import Ledger
from forebay.ledger.streams import Streams
from forebay.model.live import Cluster
from forebay.service.dashboard import events
from forebay.service.dashboard.events import Events
from forebay.service.desk import TOPICS
from forebay.service.faults import Refusal


def run(coroutine):
    """Its result, within a minute."""
    return asyncio.run(asyncio.wait_for(coroutine, 60))


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr(events, "LOOK", 0.001)


class Marks:
    """A database that is looked at."""

    def __init__(self):
        self.marks, self.looked = dict.fromkeys(TOPICS, 1), asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self):
        found = dict(self.marks)
        self._loop.call_soon_threadsafe(self.looked.set)
        return found


async def _until(stream, word):
    async for said in stream:
        if word in said:
            return said
    raise AssertionError(f"it ended without {word}")


def test_nothing_is_missed_once_the_stream_has_begun():
    """The database was looked at before the first word is sent: what changes from then on is told."""

    async def listening():
        marks = Marks()
        stream = Events(marks).listen(None)
        await anext(stream)
        marks.marks["coverage"] += 1
        return await _until(stream, "changed")

    assert '["coverage"]' in run(listening())


def test_every_listener_is_told_what_changed():
    """A change is told to all who listen, with its topics alone."""

    async def listening():
        marks = Marks()
        book = Events(marks)
        streams = [book.listen(None) for _ in range(3)]
        assert all(["id: " in await anext(stream) for stream in streams])
        waiting = [asyncio.create_task(_until(stream, "changed")) for stream in streams]
        await marks.looked.wait()
        marks.marks["tasks"] += 1
        return await asyncio.gather(*waiting)

    said = run(listening())
    assert [["tasks"]] * 3 == [json.loads(each.partition("data: ")[2]) for each in said]


def test_one_looks_for_all_and_nobody_when_none_listens():
    """However many listen, one poller asks the database; when the last one has gone, it asks no more."""

    async def listening():
        book = Events(Marks())
        streams = [book.listen(None) for _ in range(20)]
        for stream in streams:
            await anext(stream)
        pollers = [each for each in asyncio.all_tasks() if "_poll" in repr(each)]
        for stream in streams:
            await stream.aclose()
        await asyncio.gather(*pollers)
        return len(pollers), book.full

    assert (1, False) == run(listening())


def test_who_comes_again_is_told_what_was_missed():
    """A browser that was away while something changed is told at once; one that missed nothing is not."""

    async def listening():
        marks = Marks()
        book = Events(marks)
        first = book.listen(None)
        begun = await anext(first)
        waiting = asyncio.create_task(_until(first, "changed"))
        await marks.looked.wait()
        marks.marks["coverage"] += 1
        await waiting
        seen = begun.partition("id: ")[2].strip()
        late = book.listen(seen)
        await anext(late)
        told = await anext(late)
        book.stop()
        same = book.listen(told.partition("id: ")[2].splitlines()[0])
        return told, [each async for each in same]

    told, same = run(listening())
    assert sorted(TOPICS) == json.loads(told.partition("data: ")[2])
    assert 1 == len(same)


def test_a_silent_stream_says_that_it_lives_and_ends(monkeypatch):
    """Without a change a stream has its heartbeats, and ends after its time: the browser comes again."""
    monkeypatch.setattr(events, "HEARTBEAT", 0.01)
    monkeypatch.setattr(events, "LASTS", 0.5)

    async def listening():
        return [said async for said in Events(Marks()).listen(None)]

    said = run(listening())
    assert {": still here\n\n"} == set(said[1:])


def test_only_so_many_listen(monkeypatch):
    """Beyond the bound a listener is told so, and what to do."""
    monkeypatch.setattr(events, "MOST", 1)

    async def listening():
        book = Events(Marks())
        kept = book.listen(None)
        await anext(kept)
        app = type("App", (), {"state": State({"events": book})})
        await events.events(Request({"type": "http", "app": app, "headers": []}))

    with pytest.raises(Refusal) as refused:
        run(listening())
    assert 503 == refused.value.status_code


def test_a_stopped_server_ends_every_stream():
    """Streams do not keep a server from stopping."""

    async def listening():
        book = Events(Marks())
        stream = book.listen(None)
        await anext(stream)
        waiting = asyncio.create_task(_until(stream, "changed"))
        await asyncio.sleep(0)
        book.stop()
        return await asyncio.gather(waiting, return_exceptions=True)

    assert "it ended" in str(run(listening())[0])


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The address of a new ledger."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.db"
        return
    with postgresql() as server:
        yield create_database(server, "pulse")


def test_a_database_tells_that_it_was_written_to(url):
    """What another connection committed changes the marks; without a write they stay."""
    ledger = Ledger.open(url, SystemClock(), max_retries=1, calls_per_minute=5)
    pulse = Pulse(ledger.database, TOPICS)
    before = pulse.look()
    assert before == pulse.look()
    Streams(ledger.database, SystemClock()).take(Cluster.STOCKS, "somebody")
    for _ in range(6_000):  # PostgreSQL counts a little later
        if pulse.look()["streams"] != before["streams"]:
            break
        SystemClock().sleep(0.01)
    assert before["streams"] != pulse.look()["streams"]
    pulse.close()
    ledger.close()
