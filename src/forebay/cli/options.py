"""Options that several commands share, as annotated types, and the settings of a command's run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forebay.cli.frame import Frame
from forebay.errors import UsageError

if TYPE_CHECKING:
    from forebay.settings import Settings


def as_date(text: str) -> date | None:
    """`2024-01-31` as a date; None for any other spelling, and for days that do not exist."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        return None


def parse_date(text: str) -> date:
    """As `as_date`. Raises typer.BadParameter for what is no date."""
    day = as_date(text)
    if day is None:
        raise typer.BadParameter(f"{text!r} is not a date of the form YYYY-MM-DD, such as 2024-01-31")
    return day


def parse_time(text: str) -> time:
    """`16:00` as a time of day. Raises typer.BadParameter for any other spelling."""
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - whoever asks has the zone
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time of the form HH:MM, such as 16:00") from None


def next_at(moment: time, now: datetime) -> datetime:
    """When it is so late in New York next, after `now` (aware)."""
    from forebay.model.calendar import NEW_YORK

    today = datetime.combine(now.astimezone(NEW_YORK).date(), moment, NEW_YORK)
    return today if today > now else datetime.combine(today.date() + timedelta(days=1), moment, NEW_YORK)


Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Start = Annotated[
    date | None,
    typer.Option(
        "--start", "--start-date", "--from", parser=parse_date, metavar="DATE", help="First day, included (YYYY-MM-DD)."
    ),
]
End = Annotated[
    date | None,
    typer.Option(
        "--end", "--end-date", "--to", parser=parse_date, metavar="DATE", help="Last day, included (YYYY-MM-DD)."
    ),
]
Tickers = Annotated[
    list[str] | None,
    typer.Option("--tickers", "--ticker", metavar="TICKER...", help="Case-sensitive: A B, or A,B, or the flag again."),
]
Datasets = Annotated[
    list[str] | None,
    typer.Option(
        "--datasets", "--dataset", metavar="NAME...", help="us_stocks_sip/minute_aggs_v1, or a table: stocks/bars_1m."
    ),
]
Timeframes = Annotated[
    list[str] | None,
    typer.Option(
        "--timeframes", "--timeframe", metavar="SIZE...", help="1m 5m 15m 1h 1d; all but 1d are made from minute bars."
    ),
]
Into = Annotated[
    list[str] | None,
    typer.Option("--into", metavar="DESTINATION...", help="Where to: archive, lake, files, csv_lzo, kafka, timescale."),
]
Source = Annotated[str | None, typer.Option("--source", metavar="SOURCE", help="auto, flatfiles or rest.")]


def load_settings(ctx: typer.Context, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings of this run, with its logs set up: call it once, first thing in a command.

    `overrides` are the command's own flags by variable name: `{"WORKER_CONCURRENCY": workers}`; None is a flag that was
    not given. Raises UsageError for a setting that is wrong and a log file that cannot be written.
    """
    from forebay.settings import load
    from forebay.settings.tracing import traces_wanted
    from forebay.telemetry.logs import configure_logs
    from forebay.telemetry.redact import Redactor
    from forebay.telemetry.tracing import configure_traces

    frame = ctx.ensure_object(Frame)
    flags = {"LOG_LEVEL": frame.log_level, "LOG_FILE": frame.log_file}
    settings = load(frame.env_file, overrides={**flags, **(overrides or {})})
    frame.redact = Redactor(settings.secrets())
    log = settings.log
    frame.log_level = log.level
    try:
        configure_logs(log.level, file=log.file, style=log.format, redact=frame.redact)
    except OSError as error:
        raise UsageError(
            f"the log file {log.file} cannot be written: {error.strerror}",
            remedy="Correct LOG_FILE (or --log-file), or leave it out.",
        ) from error
    if traces_wanted():
        configure_traces(frame.redact)
    _warn(settings.notes)
    return settings


def _warn(notes: tuple[str, ...]) -> None:
    import structlog

    for note in notes:
        structlog.get_logger(__name__).warning(note)
