"""`forebay health`: whether what runs on this machine for long still goes round."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import ExitCode, print_json, say
from forebay.errors import PermanentError


class NoPulse(PermanentError):
    """A process that ought to run here gives no sign of life."""

    kind = "no_pulse"


def health(
    ctx: typer.Context,
    within: Annotated[float, typer.Option("--within", min=1, metavar="SECONDS", help="The oldest sign of life.")] = 60,
    *,
    json: Json = False,
) -> int:
    """Say whether `worker`, `ingest --daemon`, `stream` and `consume` of this machine or container live. No network.

    Exit code 1 when one of them was killed or hangs, and when none runs. The service has /health and /ready instead.

    Example: forebay health --within 60
    """
    settings = load_settings(ctx)
    from forebay.clock import SystemClock
    from forebay.telemetry.pulse import pulses

    found = pulses(settings.folders.services, SystemClock().now())
    if json:
        print_json({role: round(age.total_seconds(), 1) for role, age in found.items()})
    _raise_for(found, timedelta(seconds=within))
    if not json:
        for role, age in found.items():
            say(f"{role}: alive, {age.total_seconds():.0f} s ago")
    return ExitCode.OK


def _raise_for(found: dict[str, timedelta], longest: timedelta) -> None:
    """Raise NoPulse for what is silent."""
    silent = [f"{role} for {age.total_seconds():.0f} s" for role, age in found.items() if age > longest]
    if silent:
        raise NoPulse(
            "silent: " + ", ".join(silent),
            remedy="its log says where it stopped; start it again: what it was at is taken over by whoever comes next",
        )
    if not found:
        raise NoPulse(
            "nothing that runs for long gives a sign of life here",
            remedy="start it with the FOREBAY_HOME of this command: `forebay worker`",
        )
