"""`forebay stream`: live data, for as long as it runs; and how the streams are."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import time
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forebay.cli.options import Json, Tickers, load_settings, next_at, parse_time
from forebay.cli.output import ExitCode, print_json, print_table, tell
from forebay.cli.stream_view import health_json, health_line, health_row, noted_json, noted_row
from forebay.errors import ForebayError, UsageError
from forebay.model.live import Cluster, Subscription

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.orchestration.live.crew import Crew
    from forebay.telemetry.pulse import Beat

_SAID = 5.0
"""Seconds between two lines of status."""
_PATIENCE = 30.0
"""Seconds that the look-up of one ticker has when the stream is over."""
_NOTHING_YET = (
    "nothing to stream yet, waiting: no ticker is named, and no enabled symbol of the registry has a stream. Next: "
    "`forebay registry add AAPL --strategy flatpack_snapshot_stream`, or `forebay stream --tickers AAPL`"
)
Named = Annotated[
    Cluster | None, typer.Option("--cluster", help="stocks, options, indices, forex or crypto; else by the tickers.")
]

app = typer.Typer(help="Live data into the lake, Kafka, TimescaleDB and Redis.")


@app.callback()
def _stream() -> None:
    """Live data into the lake, Kafka, TimescaleDB and Redis."""


@app.command("run")
def run(
    ctx: typer.Context,
    cluster: Named = None,
    channels: Annotated[
        list[str] | None,
        typer.Option("--channels", metavar="NAME...", help="AM (minute bars), A, T, Q...; minute bars without it."),
    ] = None,
    tickers: Tickers = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every symbol of the cluster.")] = False,
    seconds: Annotated[
        float | None,
        typer.Option("--for", min=0, metavar="SECONDS", help="End after so long; else at SIGTERM, Ctrl-C."),
    ] = None,
    until: Annotated[
        time | None,
        typer.Option("--until", parser=parse_time, metavar="HH:MM", help="End when it is so late in New York."),
    ] = None,
) -> int:
    """Listen to the vendor's stream, send on what comes, and make good what was missed. Ends in order at SIGTERM.

    Minute bars go into the lake; everything goes to Kafka, or without it to TimescaleDB, and to Redis, where they are
    set. Without tickers it streams the minute bars of the registry's symbols whose strategy says so, follows it, and
    waits while there are none.

    Example: forebay stream --cluster stocks --channels AM A --tickers AAPL MSFT
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.app.streams import wanted_by_registry

    if until is not None and seconds is not None:
        raise UsageError("--for and --until say different things", remedy="leave one of them out")
    named = _named(cluster, channels, tickers, every=every)
    with open_app(settings) as wired:
        settings.vendor.require_api_key()
        wanted = (lambda: named) if named else partial(wanted_by_registry, wired)
        if not wanted():
            tell(_NOTHING_YET)
        if until is not None:
            seconds = (next_at(until, wired.clock.now()) - wired.clock.now()).total_seconds()
        with _looking_up(wired, [each for several in named.values() for each in several]):
            drained = asyncio.run(_listen(wired, wanted, follow=not named, seconds=seconds))
    tell("stopped" if drained else "stopped; a sink did not take everything, which the next start makes good")
    return ExitCode.OK if drained else ExitCode.PARTIAL


@app.command("status")
def status(ctx: typer.Context, *, json: Json = False) -> int:
    """Show each cluster's stream: who listens, to how much, the last message, lag, reconnects, and sinks that wait.

    Example: forebay stream status
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.ledger.streams import Streams

    with open_app(settings) as wired:
        found = Streams(wired.ledger.database, wired.clock).look()
    if json:
        print_json([health_json(each) for each in found])
    else:
        print_table(
            ["cluster", "state", "process", "subscriptions", "last message", "lag", "reconnects", "gaps", "messages"],
            (health_row(each) for each in found),
        )
    return ExitCode.OK


@app.command("interruptions")
def interruptions(
    ctx: typer.Context,
    cluster: Named = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many, the latest first.")] = 50,
    *,
    only_open: Annotated[bool, typer.Option("--open", help="Those that are not made good yet.")] = False,
    json: Json = False,
) -> int:
    """List when live data were not heard, why, and how that was made good. Exit code 3 while any is open.

    Example: forebay stream interruptions --open
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.ledger.interruptions import Interruptions

    with open_app(settings) as wired:
        book = Interruptions(wired.ledger.database, wired.clock)
        owed = book.open(cluster)
        found = owed[:limit] if only_open else book.find(cluster, limit=limit)
    if json:
        print_json([noted_json(each) for each in found])
    else:
        print_table(["cluster", "cause", "began", "ended", "made good", "how"], (noted_row(each) for each in found))
    return ExitCode.PARTIAL if owed else ExitCode.OK


def _named(
    cluster: Cluster | None, channels: Iterable[str] | None, tickers: Iterable[str] | None, *, every: bool
) -> dict[Cluster, list[Subscription]]:
    """What the flags ask for. Raises UsageError for tickers of several clusters, and flags that do not fit."""
    from forebay.model.live import WILDCARD
    from forebay.orchestration.live.subscribing import cluster_of, minutes_of

    names = [WILDCARD] if every else list(tickers or ())
    found = {cluster_of(name) for name in tickers or ()} if cluster is None else {cluster}
    if (channels or cluster) and not names:
        raise UsageError("no symbols are named", remedy="add --tickers AAPL,MSFT, or --all")
    if every and tickers:
        raise UsageError("--all and --tickers say different things", remedy="leave one of them out")
    if not names:
        return {}
    if every and cluster is None:
        found = {Cluster.STOCKS}
    if len(found) > 1 or None in found:
        raise UsageError("these tickers are not of one cluster", remedy="run one `forebay stream` for each cluster")
    (one,) = (each for each in found if each)
    split = [channel for text in channels or () for channel in text.split(",") if channel]
    chosen = [Subscription(channel, name) for channel in split for name in names]
    return {one: chosen or [minutes_of(one, name) for name in names]}


@contextmanager
def _looking_up(wired: App, subscriptions: Iterable[Subscription]) -> Iterator[None]:
    """Names misspelt tickers meanwhile: REST may be slow, or away, and the stream does not wait for it."""
    from forebay.app.streams import misspelt

    over = Event()

    def look() -> None:
        try:
            for symbol in misspelt(wired, subscriptions, over.is_set):
                tell(f"note: the vendor knows no {symbol}; it acknowledges it all the same, and nothing will ever come")
        except ForebayError as error:
            tell(f"note: whether the tickers exist could not be found out: {error}")

    thread = Thread(target=look, name="tickers", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_PATIENCE)


async def _listen(
    wired: App, wanted: Callable[[], Mapping[Cluster, Any]], *, follow: bool, seconds: float | None
) -> bool:
    from forebay.app.streams import open_stream
    from forebay.orchestration.live.crew import Crew
    from forebay.telemetry.pulse import pulse

    crew = Crew(partial(open_stream, wired), wanted, follow=follow)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, crew.stop)
    if seconds is not None:
        loop.call_later(seconds, crew.stop)
    with pulse(wired.settings.folders.services, "stream", wired.clock.now) as beat:
        telling = asyncio.create_task(_tell_health(crew, beat))
        try:
            return await crew.run()
        finally:
            telling.cancel()


async def _tell_health(crew: Crew, beat: Beat) -> None:
    last: dict[Cluster, str] = {}
    while True:
        await asyncio.sleep(_SAID)
        beat()
        for stream in crew.streams:
            line = health_line(stream.health())
            if last.get(stream.cluster) != line:
                tell(line)
            last[stream.cluster] = line
