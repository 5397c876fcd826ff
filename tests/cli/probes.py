"""Commands that only say what reached them."""

from __future__ import annotations

from typing import Annotated

import typer

from forebay.cli.options import Datasets, End, Into, Json, Start, Tickers, load_settings
from forebay.cli.output import ExitCode, print_json, say
from forebay.errors import ForebayError, UsageError


def echo(
    ctx: typer.Context,
    ticker: Annotated[str | None, typer.Argument()] = None,
    *,
    tickers: Tickers = None,
    datasets: Datasets = None,
    into: Into = None,
    start: Start = None,
    end: End = None,
    json: Json = False,
) -> None:
    """Print the flags."""
    load_settings(ctx)
    print_json(
        {
            "ticker": ticker,
            "tickers": tickers,
            "datasets": datasets,
            "into": into,
            "start": start,
            "end": end,
            "json": json,
        }
    )


def partial() -> int:
    """End with 3."""
    return ExitCode.PARTIAL


def leave() -> None:
    """End with 3 by exception."""
    raise typer.Exit(ExitCode.PARTIAL)


def fail(ctx: typer.Context) -> None:
    """Fail in a way that has a name, with a secret in its words."""
    key = load_settings(ctx).vendor.require_api_key()
    try:
        open("/", "wb")  # noqa: PTH123, SIM115 - fails at once
    except OSError as error:
        raise ForebayError(f"cannot write for {key}", remedy=f"Free some space, {key}.") from error


def misuse() -> None:
    """Fail by the user's fault."""
    raise UsageError("there is no feed 'x'", remedy="Name another.")


def crash(ctx: typer.Context) -> None:
    """Fail by a fault of our own, with a secret in its words."""
    raise KeyError(load_settings(ctx).vendor.require_api_key() + "\nsecond line")


def interrupt() -> None:
    """As Ctrl-C."""
    raise KeyboardInterrupt


def unplugged() -> None:
    """A broken pipe that is not stdout's."""
    raise BrokenPipeError(32, "Broken pipe")


def chatter() -> None:
    """More lines than a pipe holds."""
    for _ in range(200_000):
        say("line")


group = typer.Typer(help="A group.")


@group.callback()
def _group() -> None:
    """A group."""


@group.command()
def inner_echo(ctx: typer.Context, *, tickers: Tickers = None) -> None:
    """A command in a group."""
    print_json({"tickers": tickers, "log_level": load_settings(ctx).log.level})
