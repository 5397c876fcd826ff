"""Live data from the simulated vendor into the lake: whatever happens to the socket, every bar is there in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from running import DAY, START, running, until

from forebay.app import App
from forebay.app.daemon import look_at_streams, streaming
from forebay.app.streams import open_stream
from forebay.app.wired import new_worker_id
from forebay.errors import UsageError
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.streams import Streams
from forebay.model.live import Cause, Cluster, Interruption, StreamState, Subscription
from forebay.model.registry import IngestionStrategy, SymbolRegistry
from forebay.orchestration.ingest.stream import HandOver, stream_word
from forebay.sandbox.server import Sandbox
from forebay.settings import load
from forebay.testing import FakeClock
from stream_server import KEY, NOW, Peer, named, scripted, soon, status

MINUTE = timedelta(minutes=1)
_COLUMNS = ("ticker", "window_start", "open", "high", "low", "close", "volume", "session_date")
OpenAt = Callable[..., App]


def held(app: App) -> pl.DataFrame:
    """What the lake holds of the day."""
    if "stocks/bars_1m" not in app.lake.tables():
        return pl.DataFrame()
    return app.lake.bars(None, "1m", DAY, DAY, asset_class="stocks").select(_COLUMNS).collect()


def truth(replay: Sandbox, first: datetime, last: datetime) -> pl.DataFrame:
    """The market's bars that start from `first` to before `last`."""
    rows = replay.market.bars("stocks", "bars_1m", DAY, DAY)
    inside = pl.col("window_start").is_between(first, last, closed="left")
    return rows.filter(inside).select(_COLUMNS).sort("ticker", "window_start")


def book(app: App) -> Interruptions:
    return Interruptions(app.ledger.database, app.clock)


def closed(app: App) -> bool:
    return not book(app).open()


def test_the_lake_has_what_was_streamed_and_what_was_missed(replay: Sandbox, open_at: OpenAt) -> None:
    """The day's beginning, by REST; the stream; a connection that was cut; the market's bars, row for row."""
    app = open_at()
    with running(app, "AM.*") as run:
        replay.stream.wait_for_subscribers()
        replay.stream.step_to(START + 20 * MINUTE)
        until(lambda: run.stream.session.health.messages, "the first bars")

        replay.stream.drop()
        replay.stream.wait_for_subscribers()
        until(lambda: run.stream.session.health.reconnects, "a reconnect")
        replay.stream.step_to(START + 40 * MINUTE + timedelta(seconds=1))
        until(lambda: len(book(app).find()) == 2 and closed(app), "both interruptions to be closed")
        run.stop()
        until(lambda: run.drained is not None or run.error, "its end")

    assert run.error is None
    assert run.drained
    assert_frame_equal(truth(replay, START.replace(hour=5), START + 40 * MINUTE), held(open_at()))
    assert [Cause.CLOSED, Cause.STOPPED] == [noted.interruption.cause for noted in book(open_at()).find()]


def test_a_symbol_that_is_added_to_a_stream_has_the_day_before_it_too(replay: Sandbox, open_at: OpenAt) -> None:
    """Nobody listened to it so far: that is an interruption of it, refilled while the stream goes on."""
    app = open_at()
    with running(app, "AM.AAPL") as run:
        replay.stream.wait_for_subscribers()
        replay.stream.step_to(START + 20 * MINUTE)
        both = [Subscription("AM", name) for name in ("AAPL", "MSFT")]
        run.loop.call_soon_threadsafe(run.stream.change, both)
        until(lambda: len(run.stream.session.active) == 2, "the symbol that was added")
        replay.stream.step_to(START + 40 * MINUTE + timedelta(seconds=1))
        until(lambda: len(book(app).find()) == 2 and closed(app), "both to have the day's beginning")

    wanted = truth(replay, START.replace(hour=5), START + 40 * MINUTE)
    assert_frame_equal(wanted.filter(pl.col("ticker").is_in(["AAPL", "MSFT"])), held(open_at()))
    added = book(open_at()).find()[0].interruption
    assert (Cause.STOPPED, ("AM.MSFT",)) == (added.cause, tuple(map(str, added.subscriptions)))


def test_a_stream_listens_when_the_last_of_its_subscriptions_is_granted(tmp_path: Path) -> None:
    """The vendor may take long to answer to many: what it sent meanwhile of the last ones was not heard."""
    clock = FakeClock(NOW)

    async def slowly(peer: Peer) -> None:
        await peer.greet()
        await peer.grant()
        last = (await peer.hear())["params"]
        clock.advance(30)
        await peer.say(status("success", f"subscribed to: {last}"))
        await peer.stay()

    async def main() -> list[Interruption]:
        async with scripted(slowly) as url:
            environ = {"FOREBAY_HOME": str(tmp_path), "FOREBAY_STREAM_URL": url, "POLYGON_API_KEY": KEY}
            with closing(App(load(environ=environ), clock, new_worker_id())) as app:
                stream = await asyncio.to_thread(open_stream, app, Cluster.STOCKS, named("A.AAPL", "AM.AAPL"))
                running = asyncio.create_task(stream.run())
                await soon(lambda: [one for one in book(app).open() if one.interruption.ended])
                stream.stop()
                await running
                return [one.interruption for one in book(app).find()]

    (missed,) = asyncio.run(main())
    assert NOW + timedelta(seconds=30) == missed.ended


def test_a_second_process_is_refused_and_takes_over_when_the_first_ends(replay: Sandbox, open_at: OpenAt) -> None:
    """One connection to a cluster; what was missed between the two is refilled."""
    one = open_at()
    with running(one, "AM.AAPL", "AM.MSFT") as first:
        replay.stream.wait_for_subscribers()
        with running(open_at(), "AM.AAPL") as second:
            until(lambda: second.error, "the refusal")
        assert isinstance(second.error, UsageError)
        assert "streamed by" in str(second.error)
        replay.stream.step_to(START + 10 * MINUTE)
        until(lambda: first.stream.session.health.messages, "the first bars")
    assert first.drained

    (left,) = Streams(one.ledger.database, one.clock).look()
    assert (StreamState.STOPPED, None) == (left.state, left.worker)
    replay.stream.step_to(START + 25 * MINUTE)
    again = open_at()
    with running(again, "AM.AAPL", "AM.MSFT"):
        replay.stream.wait_for_subscribers()
        replay.stream.step_to(START + 35 * MINUTE + timedelta(seconds=1))
        until(lambda: len(book(again).find()) == 2 and closed(again), "the gap to be closed")

    wanted = truth(replay, START.replace(hour=5), START + 35 * MINUTE)
    assert_frame_equal(wanted.filter(pl.col("ticker").is_in(["AAPL", "MSFT"])), held(open_at()))


def test_a_daemon_streams_what_the_registry_asks_for(replay: Sandbox, open_at: OpenAt) -> None:
    """A symbol added later is subscribed to as well; each is noted as streamed while a process brings it."""
    app = open_at()
    app.registry.add(SymbolRegistry("AAPL", IngestionStrategy.STREAM))
    phase = HandOver(app.registry, Streams(app.ledger.database, app.clock))
    assert {"AAPL": False} == {symbol: came.done for symbol, came in phase(app.registry.list()).items()}
    with streaming(app):
        replay.stream.wait_for_subscribers()
        until(lambda: phase(app.registry.list())["AAPL"].done, "the hand-over")
        app.registry.add(SymbolRegistry("MSFT", IngestionStrategy.SNAPSHOT_STREAM))
        until(lambda: phase(app.registry.list())["MSFT"].done, "the symbol that was added")
        look_at_streams(app)

    entries = {entry.symbol: entry for entry in app.registry.list()}
    assert [app.clock.now()] * 2 == [entry.last_stream for entry in entries.values()]
    assert "streaming" == entries["MSFT"].metadata["stream"]
    assert "waits for a process" in stream_word("AAPL", Streams(app.ledger.database, app.clock).look())


@pytest.mark.parametrize(("key", "words"), [("wrong", "key")])
def test_a_wrong_key_is_an_error_and_no_loop(open_at: OpenAt, key: str, words: str) -> None:
    """It says so at once; nothing is kept open in the ledger's book of streams."""
    app = open_at(POLYGON_API_KEY=key)
    with running(app, "AM.AAPL") as run:
        until(lambda: run.error, "the error")

    assert words in str(run.error)
    (left,) = Streams(app.ledger.database, app.clock).look()
    assert left.worker is None
