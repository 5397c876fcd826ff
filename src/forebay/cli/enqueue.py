"""`forebay enqueue` and `enqueue-batch`: the bars of a universe, now or by workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import End, Into, Json, Source, Start, Timeframes, load_settings
from forebay.cli.output import ExitCode, tell
from forebay.cli.wishes import Asked
from forebay.errors import UsageError

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.model.task import TaskDraft
    from forebay.orchestration.celery.broker import Broker

Files = Annotated[
    list[str], typer.Argument(metavar="UNIVERSE.json...", help="Files, or a quoted glob: 'universe/us_*.json'.")
]


def enqueue(
    ctx: typer.Context,
    files: Files,
    timeframes: Timeframes = None,
    start: Start = None,
    end: End = None,
    source: Source = None,
    into: Into = None,
    *,
    by_workers: Annotated[bool, typer.Option("--async", help="Queue, and let Celery workers fetch.")] = False,
    json: Json = False,
) -> int:
    """Fetch the bars of every ticker of a universe and wait for them; with --async queue them for Celery workers.

    Several files are one list, each ticker once. Exit codes as of sync; with --async 1 when Redis is down, and then
    nothing is queued.

    Example: forebay enqueue universe/us_equities_20241201.json --timeframes 1m,1d --start 2024-01-01 --async
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.cli.order import broker_of, prospect_of, queue, run_now, say_queued

    asked = Asked(None, None, tickers_of(files), start, end, source, into, timeframes)
    if not by_workers:
        with open_app(settings) as app:
            return run_now(app, asked, json=json)
    broker = broker_of(settings)
    with open_app(settings) as app:
        plan = prospect_of(app, asked).plan
        say_queued(app, queue(app, plan, broker), broker, json=json)
    return ExitCode.PARTIAL if plan.notes else ExitCode.OK


def enqueue_batch(
    ctx: typer.Context,
    files: Files,
    timeframes: Timeframes = None,
    start: Start = None,
    end: End = None,
    source: Source = None,
    into: Into = None,
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", min=1, help="Tickers that are queued at once (BATCH_SIZE)."),
    ] = None,
    start_batch: Annotated[int, typer.Option("--start-batch", min=0, help="The first batch, counted from 0.")] = 0,
    max_batches: Annotated[int | None, typer.Option("--max-batches", min=1, help="Stop after so many.")] = None,
    delay: Annotated[float, typer.Option("--delay", min=0, help="Seconds between two batches.")] = 0,
    *,
    json: Json = False,
) -> int:
    """Queue the bars of a universe, some tickers at a time, so that workers begin before all is queued.

    With Redis configured Celery workers are told; the tasks are the same for `forebay worker`.

    Example: forebay enqueue-batch 'universe/us_equities_*.json' --batch-size 25 --max-batches 5 --delay 60
    """
    settings = load_settings(ctx, {"BATCH_SIZE": batch_size})
    from forebay.app import open_app
    from forebay.cli.order import broker_of, say_queued

    batches = _batches(tickers_of(files), settings.worker.batch_size, start_batch, max_batches)
    tickers = [ticker for batch in batches.values() for ticker in batch]
    asked = Asked(None, None, tickers, start, end, source, into, timeframes)
    broker = broker_of(settings) if settings.queue.url else None
    with open_app(settings) as app:
        queued = _queue_batches(app, asked, batches, broker, delay)
        say_queued(app, queued, broker, json=json)
    return ExitCode.OK


def tickers_of(files: list[str]) -> list[str]:
    """The tickers of universe files and globs, each once, in byte order. Raises UsageError."""
    from forebay.symbols.universe_file import read_listings

    return list(dict.fromkeys(listing.ticker for listing in read_listings(files)))


def _batches(tickers: list[str], size: int, first: int, most: int | None) -> dict[int, list[str]]:
    """By number, from `first` on, at most so many. Raises UsageError when there is none."""
    batches = dict(enumerate(tickers[at : at + size] for at in range(0, len(tickers), size)))
    if first not in batches:
        raise UsageError(
            f"there is no batch {first}: {len(tickers)} tickers make {len(batches)}, counted from 0",
            remedy=f"give --start-batch up to {len(batches) - 1}, or a smaller --batch-size",
        )
    last = len(batches) if most is None else first + most
    return {number: batch for number, batch in batches.items() if first <= number < last}


def _queue_batches(app: App, asked: Asked, batches: dict[int, list[str]], broker: Broker | None, delay: float) -> int:
    """Plan all batches together, then queue one after the other; how many tasks were queued.

    Together, because what few tickers would ask for one by one, many get cheaper from a file or call that holds them
    all; such tasks go with the first batch.
    """
    from forebay.cli.order import prospect_of, queue

    plan = prospect_of(app, asked).plan
    number_of = {ticker: number for number, batch in batches.items() for ticker in batch}
    tasks: dict[int, list[TaskDraft]] = {number: [] for number in batches}
    for draft in plan.each():
        tasks[number_of.get(draft.partition.symbol, min(batches))].append(draft)
    queued = 0
    for number, batch in batches.items():
        if number > min(batches):
            app.clock.sleep(delay)
        count = queue(app, plan, broker, tasks[number])
        tell(f"batch {number}: {len(batch)} tickers, {batch[0]} to {batch[-1]}: {count:,} tasks queued")
        queued += count
    return queued
