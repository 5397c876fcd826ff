"""`forebay sandbox`: the simulated vendor on a port, until it is stopped."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.output import ExitCode, say, tell
from forebay.errors import UsageError

if TYPE_CHECKING:
    from forebay.sandbox.server import Sandbox

_FORMAT = ["%Y-%m-%d"]
_MOMENTS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]
_WAIT = 3600.0
"""Seconds of one wait for the server's end; Ctrl-C interrupts it."""


def sandbox(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any free one.")] = 8787,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="Another seed is another market, with other keys.")] = 1,
    tickers: Annotated[int, typer.Option(help="How many stocks trade.")] = 40,
    vendor_plan: Annotated[
        str, typer.Option(help="What the simulated subscription includes: basic, starter, developer or advanced.")
    ] = "advanced",
    faults: Annotated[Path | None, typer.Option(help="TOML file with rules of what goes wrong.")] = None,
    start: Annotated[datetime | None, typer.Option(formats=_FORMAT, help="First session date (2025-10-01).")] = None,
    end: Annotated[datetime | None, typer.Option(formats=_FORMAT, help="Last session date (the newest one).")] = None,
    extra_files: Annotated[
        Path | None, typer.Option(help="Serve the files of this folder too, laid out as the vendor's keys.")
    ] = None,
    stream_port: Annotated[
        int | None, typer.Option(help="Port of the stream; without it the one after --port.")
    ] = None,
    stream_from: Annotated[
        datetime | None, typer.Option(formats=_MOMENTS, help="Replay from this moment on, UTC: 2026-03-05T14:30.")
    ] = None,
    stream_until: Annotated[
        datetime | None, typer.Option(formats=_MOMENTS, help="Replay up to this moment, UTC, and stand still.")
    ] = None,
    stream_speed: Annotated[
        str | None, typer.Option(help="How fast to replay: 1 to 1000, or max, as fast as it is read.")
    ] = None,
    request_log: Annotated[Path | None, typer.Option(help="Write each request as a line of JSON to this file.")] = None,
    print_env: Annotated[
        bool, typer.Option("--print-env", help="Print the settings that point a client here, and stop.")
    ] = False,
    run: Annotated[
        str | None, typer.Option("--run", metavar="COMMAND", help="Run COMMAND with those settings, then stop.")
    ] = None,
) -> int:
    """Run a simulated vendor on this machine: REST, flat files and stream of a made-up market, with faults on request.

    Example: forebay sandbox --run "forebay sync --datasets stocks/bars_1d --start 2026-03-02"
    """
    from forebay.sandbox.server import DEFAULT_START, Sandbox, environment
    from forebay.sandbox.stream.clock import speed_from

    if print_env:
        for name, value in environment(host, port, seed, vendor_plan, stream_port).items():
            say(f"export {name}={value}")
        return ExitCode.OK
    vendor = Sandbox(
        seed=seed,
        tickers=tickers,
        vendor_plan=vendor_plan,
        faults=faults or (),
        start=start.date() if start else DEFAULT_START,
        end=end.date() if end else None,
        host=host,
        port=port,
        request_log=request_log,
        extra_files=extra_files,
        stream_port=stream_port,
        stream_from=_utc(stream_from),
        stream_until=_utc(stream_until),
        stream_speed=speed_from(stream_speed) if stream_speed else None,
    )
    with vendor:
        if run:
            return _run(run, vendor)
        _serve(vendor, f"--host {host} --seed {seed} --vendor-plan {vendor_plan}")
    return ExitCode.OK


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


def _serve(vendor: Sandbox, flags: str) -> None:
    """Until Ctrl-C. `flags` are what its keys depend on."""
    tell(f"the simulated vendor listens on {vendor.url} (Ctrl-C stops it)")
    tell(f"its stream: {vendor.stream_url}")
    ports = f"--port {vendor.port} --stream-port {vendor.stream_port}"
    tell(f'its keys: eval "$(forebay sandbox {ports} {flags} --print-env)"')
    while not vendor.wait(_WAIT):
        pass


def _run(command: str, vendor: Sandbox) -> int:
    """Run a command line against the vendor; its exit code. Says what the vendor was asked for."""
    try:
        code = subprocess.run(shlex.split(command), env={**os.environ, **vendor.env}, check=False).returncode  # noqa: S603
    except OSError as error:
        raise UsageError(f"--run {command!r} cannot be run: {error.strerror}", remedy="name a program") from error
    kinds = Counter(request.kind for request in vendor.requests)
    tell(
        f"the simulated vendor was asked for: {', '.join(f'{count} x {kind}' for kind, count in sorted(kinds.items()))}"
    )
    return code
