"""The command line's door: finds the command, runs it, and turns every way of ending into words and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from forebay.cli.frame import Command, Frame, Late, LateGroup, as_command, dashed
from forebay.cli.output import ExitCode, ReaderGone, finish, say, tell
from forebay.errors import ForebayError, UsageError

COMMANDS = {
    "init": Late("forebay.cli.init:init", "Make folders, ledger and a commented forebay.toml."),
    "sync": Late("forebay.cli.sync:sync", "Fetch, check and store everything that is missing."),
    "plan": Late("forebay.cli.plan:plan", "Show what is missing, from where, and what it takes."),
    "discover": Late("forebay.cli.discover:discover", "Ask who is listed: a universe file and the universe table."),
    "discover-all": Late("forebay.cli.discover:discover_all", "The same for every category."),
    "universe": Late("forebay.cli.universe:app", "List, show, compare and merge universes."),
    "run-once": Late("forebay.cli.run_once:run_once", "Fetch the bars of a few tickers, now."),
    "enqueue": Late("forebay.cli.enqueue:enqueue", "Fetch the bars of a universe, now or by Celery workers."),
    "enqueue-batch": Late("forebay.cli.enqueue:enqueue_batch", "Queue a universe, some tickers at a time."),
    "discoverer": Late("forebay.cli.discoverer:app", "Queue flat files: historical, daily, on-demand."),
    "worker": Late("forebay.cli.worker:worker", "Run queued tasks; any number of workers, on any machines."),
    "workers": Late("forebay.cli.workers:app", "Start, watch and stop Celery workers on this machine."),
    "archive": Late("forebay.cli.archive:app", "Look at the archive, verify it, get files out of it."),
    "archive-bars": Late(
        "forebay.cli.archive_bars:app", "Write bars of tickers as csv.lzo objects with tags.", default="run"
    ),
    "ingest": Late("forebay.cli.ingest:ingest", "Run the symbols of the registry, once or as a daemon."),
    "consume": Late("forebay.cli.consume:consume", "Store what Kafka carries in TimescaleDB or PostgreSQL."),
    "stream": Late("forebay.cli.stream:app", "Live data into the lake and the other sinks.", default="run"),
    "status": Late("forebay.cli.status:status", "Show what is held, what is missing, and why."),
    "bars": Late("forebay.cli.query:bars", "Print bars from the lake."),
    "trades": Late("forebay.cli.trades:app", "Build bars from trades, check the lake by them, repair it."),
    "query": Late("forebay.cli.query:query", "Ask the lake in SQL."),
    "actions": Late("forebay.cli.actions:app", "Splits, dividends and renames: what bars are adjusted by."),
    "export": Late("forebay.cli.export:export", "Write files of tickers from the lake."),
    "files": Late("forebay.cli.files:app", "List files of tickers; adopt those of other programs."),
    "feeds": Late("forebay.cli.feeds:app", "List feeds, and forget remembered ones."),
    "registry": Late("forebay.cli.registry:app", "The symbols that the service keeps, each by its strategy."),
    "tasks": Late("forebay.cli.tasks:app", "List tasks; retry, pause, cancel and reorder them."),
    "ledger": Late("forebay.cli.ledger:app", "Move the ledger, or rebuild it from storage."),
    "lake": Late("forebay.cli.lake:app", "Load, compact, verify and list the tables of the lake."),
    "gaps": Late("forebay.cli.gaps:app", "Find traded minutes that are not held; fetch them again."),
    "quarantine": Late("forebay.cli.quarantine:app", "Look at what failed a check, replay or dismiss it."),
    "config": Late("forebay.cli.config:app", "Show the settings and where each came from."),
    "doctor": Late("forebay.cli.doctor:doctor", "Check keys, plan, clock, disk, ledger and lake."),
    "health": Late("forebay.cli.health:health", "Say whether what runs here for long lives."),
    "alerts": Late("forebay.cli.alerts:app", "Look for what is wrong, and tell it to people.", default="run"),
    "serve": Late("forebay.cli.serve:serve", "Answer over HTTP: symbols, bars, tasks, coverage."),
    "demo": Late("forebay.cli.demo:demo", "Do the main job on a simulated market."),
    "sandbox": Late("forebay.cli.sandbox:sandbox", "Run a simulated vendor on this machine."),
}
"""Every command, in the order in which a newcomer needs them."""

_HELP = """A complete, verified, query-ready copy of your market data, on your own storage.

Data goes to stdout, logs to stderr. Exit codes: 0 done, 1 error, 2 wrong usage, 3 done in part.
"""


class Forebay(LateGroup):
    """The command `forebay`."""

    late = COMMANDS


def main(argv: Sequence[str] | None = None, group: type[LateGroup] = Forebay) -> int:
    """Run one command line (`sys.argv` by default) and return its exit code. Prints no traceback unless asked to."""
    args = list(sys.argv[1:] if argv is None else argv)
    frame = Frame()
    try:
        code = _run(args, frame, group)
        finish()
    except ReaderGone:
        return _reader_gone()
    except (KeyboardInterrupt, typer.Abort):
        tell("stopped")
        return ExitCode.INTERRUPTED
    except typer.Exit as end:
        return end.exit_code
    except (TyperException, ForebayError) as error:
        return _known_error(error, frame)
    except Exception as error:  # noqa: BLE001 - the last door: everything becomes one line and an exit code
        return _unknown_error(error, frame)
    return code


def _root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        _say_version()
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        say(ctx.get_help())


def _say_version() -> None:
    from importlib.resources import files

    from forebay import __version__

    built = files("forebay").joinpath("REVISION")  # hatch_build.py writes it; a checkout has none
    say(f"forebay {__version__}" + (f" (build {built.read_text('utf-8').strip()})" if built.is_file() else ""))


def _run(args: list[str], frame: Frame, kind: type[LateGroup]) -> int:
    if args == ["--version"]:  # asked often, by scripts; parsing a flag would load pydantic
        _say_version()
        return ExitCode.OK
    app = typer.Typer(
        cls=kind,
        help=_HELP,
        invoke_without_command=True,
        context_settings={"token_normalize_func": dashed, "help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    group = as_command("forebay", app, Command)
    with group.make_context("forebay", args, obj=frame) as context:
        result = group.invoke(context)
    return result if isinstance(result, int) else ExitCode.OK


def _known_error(error: TyperException | ForebayError, frame: Frame) -> int:
    """What Forebay or the parser of the command line can name."""
    if isinstance(error, ForebayError):
        _report(frame.redact(str(error)), frame.redact(error.remedy), error, frame)
        return ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.ERROR
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "forebay"
    _report(
        error.format_message().replace("Value error, ", ""), f"`{command} --help` shows what it takes.", error, frame
    )
    return error.exit_code


def _unknown_error(error: Exception, frame: Frame) -> int:
    """A fault of Forebay's own: one line, where the rest is, and how to report it."""
    from forebay.telemetry.logs import write_to_log_file

    file = write_to_log_file(f"unexpected {type(error).__name__}", error)
    where = f"The traceback is in {file}" if file else "Run it again with --log-level DEBUG to see the traceback"
    what = frame.redact(f"unexpected {type(error).__name__}: {error}".splitlines()[0])
    _report(what, f"This is a fault in Forebay. {where}; please report it with that.", error, frame)
    return ExitCode.ERROR


def _report(what: str, remedy: str, error: BaseException, frame: Frame) -> None:
    if frame.debug:
        tell(frame.redact("".join(traceback.format_exception(error))).rstrip())
    tell(f"error: {what}")
    if remedy:
        tell(f"next: {remedy}")


def _reader_gone() -> int:
    """Nobody is left to complain to, at the interpreter's own last flush either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.BROKEN_PIPE
