"""Answers that are given again while they are fresh."""

from __future__ import annotations

import asyncio

import pytest

from forebay.service.fresh import FRESH, Changes, Fresh

PATH = "/api/v1/symbols"


class Inside:
    """An application that numbers its answers, and holds them back until it is told to answer."""

    def __init__(self) -> None:
        self.asked = 0
        self.pieces = 1
        self.status = 200
        self.answers = asyncio.Event()
        self.answers.set()

    async def __call__(self, scope, receive, send):
        self.asked += 1
        number = self.asked
        await self.answers.wait()
        await send({"type": "http.response.start", "status": self.status, "headers": [(b"etag", b'"%d"' % number)]})
        for piece in range(self.pieces):
            await send({"type": "http.response.body", "body": b"%d" % number, "more_body": piece + 1 < self.pieces})


class Asking:
    """Clients of `Fresh`, on a clock that stands still."""

    def __init__(self) -> None:
        self.inside, self.changes, self.time = Inside(), Changes(), 0.0
        self.fresh = Fresh(self.inside, self.changes, lambda: self.time)

    async def ask(self, path=PATH, *, method="GET", query=b"", headers=()):
        """Status and body."""
        sent = []

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": list(headers)}
        await self.fresh(scope, None, send)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def test_an_answer_is_given_again_for_a_second():
    """Who asks the same within a second has the same answer without a read; later, or otherwise, a new one."""

    async def run():
        asking = Asking()
        first, again = await asking.ask(), await asking.ask()
        others = [await asking.ask(query=b"limit=1"), await asking.ask(headers=[(b"accept", b"text/csv")])]
        asking.time = FRESH
        return first, again, *others, await asking.ask()

    assert [(200, number) for number in (b"1", b"1", b"2", b"3", b"4")] == list(asyncio.run(run()))


def test_a_change_is_seen_at_once():
    """After an order through the service, or a note of it, nothing older is answered."""

    async def run():
        asking = Asking()
        found = [await asking.ask()]
        await asking.ask(method="POST")
        found.append(await asking.ask())
        asking.changes.note()
        return [*found, await asking.ask()]

    assert [b"1", b"3", b"4"] == [body for _, body in asyncio.run(run())]


def test_many_at_once_cost_one_read():
    """Who asks while the same is being read waits for that read; one that has begun before a change is not shared."""

    async def run():
        asking = Asking()
        asking.inside.answers.clear()
        many = [asyncio.create_task(asking.ask()) for _ in range(50)]
        await asyncio.sleep(0)
        asking.changes.note()
        late = asyncio.create_task(asking.ask())
        await asyncio.sleep(0)
        asking.inside.answers.set()
        return {body for _, body in await asyncio.gather(*many)}, (await late)[1], (await asking.ask())[1]

    assert ({b"1"}, b"2", b"2") == asyncio.run(run())


def test_a_client_that_goes_away_takes_no_other_along():
    """Who waits for another's read may go; the others are answered."""

    async def run():
        asking = Asking()
        asking.inside.answers.clear()
        tasks = [asyncio.create_task(asking.ask()) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        asking.inside.answers.set()
        return [await tasks[0], await tasks[2]]

    assert [(200, b"1")] * 2 == asyncio.run(run())


def test_when_the_first_goes_away_the_others_ask():
    """A read whose client is gone before its answer leaves the others to their own."""

    async def run():
        asking = Asking()
        asking.inside.answers.clear()
        tasks = [asyncio.create_task(asking.ask()) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.sleep(0)
        asking.inside.answers.set()
        return [(await task)[0] for task in tasks[1:]]

    assert [200, 200] == asyncio.run(run())


@pytest.mark.parametrize(("status", "pieces"), [(503, 1), (404, 1), (200, 2)])
def test_only_whole_good_answers_are_kept(status, pieces):
    """What went wrong is asked anew, and what is streamed is never held as a whole."""

    async def run():
        asking = Asking()
        asking.inside.status, asking.inside.pieces = status, pieces
        return [await asking.ask() for _ in range(2)]

    assert [(status, b"1" * pieces), (status, b"2" * pieces)] == asyncio.run(run())


def test_who_has_it_is_told_so():
    """The tag of a fresh answer costs a 304 without a body."""

    async def run():
        asking = Asking()
        await asking.ask()
        return [await asking.ask(headers=[(b"if-none-match", tag)]) for tag in (b'"1"', b'W/"0", "1"', b'"0"')]

    assert [(304, b""), (304, b""), (200, b"1")] == asyncio.run(run())


def test_nothing_else_is_kept():
    """One symbol, a run, a task: who follows them sees them as they are."""

    async def run():
        asking = Asking()
        return [(await asking.ask(path))[1] for path in ("/api/v1/symbols/AAPL", "/api/v1/runs/1") for _ in "12"]

    assert [b"1", b"2", b"3", b"4"] == asyncio.run(run())
