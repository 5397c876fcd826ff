"""`forebay consume`: from Kafka into TimescaleDB or PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json, say
from forebay.cli.signals import stopping

if TYPE_CHECKING:
    from forebay.orchestration.consume.figures import Figures


def consume(
    ctx: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="End when nothing is left to read.")] = False,
    json: Json = False,
) -> int:
    """Store the bars of Kafka's topics in the database of TIMESCALE_*, each once, until told to stop.

    Start as many as you like: they share the topics. SIGTERM (or Ctrl-C) ends after the batch under way. Exit code 3
    when messages could not be used: they are in the topic of dead letters, each with its reason.

    Example: forebay consume --once --json
    """
    settings = load_settings(ctx)
    from forebay.app.consuming import open_consumer, told
    from forebay.clock import SystemClock
    from forebay.telemetry.pulse import pulse

    clock = SystemClock()
    consumer = open_consumer(settings, clock, once=once)
    try:
        with (
            stopping(consumer.stop),
            told(consumer, settings, clock),
            pulse(settings.folders.services, "consume", clock.now) as consumer.beat,
        ):
            figures = consumer.run()
    finally:
        consumer.close()
    return _show(figures, json=json)


def _show(figures: Figures, *, json: bool) -> int:
    if json:
        print_json(figures)
    else:
        say(f"{figures.messages:,} messages of {figures.topics:,} topics: {figures.stored:,} rows new or changed")
        if figures.dead_letters:
            say(f"{figures.dead_letters:,} could not be used, and are in the topic of dead letters with the reason")
        for kind, count in figures.passed_over.items():
            say(f"{count:,} of kind {kind} have no table, and were passed over")
        if figures.missed:
            say(f"{figures.missed:,} had expired in Kafka: `forebay gaps scan --in timescale` finds what lacks")
    return ExitCode.PARTIAL if figures.dead_letters or figures.missed else ExitCode.OK
