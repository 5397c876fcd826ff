"""`forebay files`: files of tickers, ours and those of other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import Json, Timeframes, load_settings
from forebay.cli.output import ExitCode, print_json, print_table, say, tell
from forebay.errors import UsageError
from forebay.model.timeframe import DERIVED, TIMEFRAMES, timeframes_named

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.files.names import TickerFile
    from forebay.orchestration.files_adopt import FileAdopter, Refused, Taken

app = typer.Typer(help="Look at files of tickers, and take over those of other programs.")


@app.callback()
def _files() -> None:
    """Look at files of tickers, and take over those of other programs."""


@app.command("list")
def list_files(
    ctx: typer.Context,
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="FOREBAY_HOME unless named.")] = None,
    *,
    json: Json = False,
) -> int:
    """List the files of tickers in a folder: rows, first and last bar, and whether the lake has more or newer.

    Example: forebay files list
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.orchestration.files_list import listed

    with open_app(settings) as wired:
        place = folder or settings.folders.home
        kept = wired.ticker_files()
        found = [listed(file, kept, wired.ledger.coverage) for file in _find(place, TIMEFRAMES)]
    if json:
        print_json(found)
    else:
        heads = ("ticker", "size", "rows", "first", "last", "lake", "path")
        print_table(
            heads, [(one.ticker, one.timeframe, one.rows, one.first, one.last, one.lake, one.path) for one in found]
        )
    return ExitCode.OK


@app.command("adopt")
def adopt(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where AAPL/AAPL.1m.parquet and the like are.")],
    timeframes: Timeframes = None,
    sample: Annotated[
        int, typer.Option("--sample", min=0, metavar="CALLS", help="Calls for each file that compare it; 0 for none.")
    ] = 1,
    *,
    json: Json = False,
) -> int:
    """Take files of another program into the lake, compared with the vendor on a sample.

    The next plan asks only for the rest. The files stay as they are. Exit code 3 when some were refused, each with
    its reason.

    Example: forebay files adopt data --timeframes 1m,1d --sample 2
    """
    settings = load_settings(ctx)
    from forebay.app import open_app

    files = list(_find(folder, timeframes_named(timeframes or TIMEFRAMES)))
    if not files:
        raise UsageError(f"{folder} has no files such as AAPL/AAPL.1m.parquet", remedy="name the folder they are in")
    with open_app(settings) as wired:
        wired.recover()
        _announce(files, sample, settings.vendor.rate_limit)
        found = list(_adopt(_adopter(wired, sample), files))
    if json:
        print_json(found)
    else:
        _show(found)
    return ExitCode.PARTIAL if any(_is_fault(one) for one in found) else ExitCode.OK


def _find(folder: Path, timeframes: Sequence[str]) -> Iterator[TickerFile]:
    from forebay.files.names import find_files

    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", remedy="name the folder that holds the tickers' folders")
    return (file for file in find_files(folder) if file.timeframe in timeframes)


def _announce(files: Sequence[TickerFile], sample: int, calls_per_minute: int) -> None:
    """What the comparison may take, before it begins."""
    calls = sample * sum(file.timeframe not in DERIVED for file in files)
    if calls:
        minutes = f", about {calls / calls_per_minute:,.0f} minutes" if calls_per_minute else ""
        tell(f"note: comparing takes up to {calls:,} calls{minutes}; --sample 0 leaves it out")


def _adopter(wired: App, sample: int) -> FileAdopter:
    """Raises UsageError when a comparison is asked for and there is no API key."""
    from forebay.orchestration.files_adopt import FileAdopter

    return FileAdopter(wired.tables, wired.ledger, wired.clock, wired.rest if sample else None, sample)


def _adopt(adopter: FileAdopter, files: Sequence[TickerFile]) -> Iterator[Taken | Refused]:
    """File by file, behind a progress bar."""
    from forebay.telemetry.progress import open_board

    with open_board() as board:
        row = board.row("files taken over", len(files), "files")
        for one in adopter.each(files):
            row.advance(1, one.file.path.name)
            yield one


def _is_fault(one: Taken | Refused) -> bool:
    from forebay.orchestration.files_adopt import Refused

    return isinstance(one, Refused) and not one.derived


def _show(found: Sequence[Taken | Refused]) -> None:
    from forebay.orchestration.files_adopt import Taken

    taken = [one for one in found if isinstance(one, Taken)]
    sessions, rows, known = (sum(getattr(one, name) for one in taken) for name in ("sessions", "rows", "known"))
    left, compared = sum(one.left for one in taken), sum(one.compared for one in taken)
    say(f"{len(taken):,} files: {sessions:,} sessions with {rows:,} rows taken over, {compared:,} compared")
    say(f"{known:,} sessions were held already; {left:,} are left to the next plan")
    for one in found:
        if not isinstance(one, Taken):
            say(f"{'skipped' if one.derived else 'refused'}: {one.reason}\n  next: {one.remedy}")
