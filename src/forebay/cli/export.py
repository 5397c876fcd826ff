"""`forebay export`: files of tickers, written from the lake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import End, Json, Start, Tickers, Timeframes, load_settings
from forebay.cli.output import ExitCode, print_json, say, tell
from forebay.errors import UsageError
from forebay.files.names import Form
from forebay.model.intervals import Interval
from forebay.model.timeframe import TIMEFRAMES, timeframes_named

if TYPE_CHECKING:
    from forebay.orchestration.files_export import Exported, Exporter

_LONGEST_LIST = 12
"""Files named to a person; --json has all."""


def export(
    ctx: typer.Context,
    universes: Annotated[
        list[str] | None, typer.Argument(metavar="[UNIVERSE.json...]", help="Files of tickers, or quoted globs.")
    ] = None,
    tickers: Tickers = None,
    timeframes: Timeframes = None,
    start: Start = None,
    end: End = None,
    form: Annotated[Form | None, typer.Option("--format", help="parquet or csv (FILES_FORMAT).")] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Where to, instead of FOREBAY_HOME.")
    ] = None,
    *,
    json: Json = False,
) -> int:
    """Write a file for each ticker and timeframe from the lake, or bring it up to date; of every ticker unless named.

    Rows of the dates that the lake has are replaced, other rows of a file stay. Exit code 3 when a file was not written
    or the lake has nothing for it.

    Example: forebay export --tickers AAPL,MSFT --timeframes 5m,1d --format csv
    """
    settings = load_settings(ctx)
    from forebay.app import open_app
    from forebay.orchestration.files_export import Exporter

    _refuse_address(folder)
    sizes = timeframes_named(timeframes or TIMEFRAMES)
    dates = _dates(start, end)
    with open_app(settings) as app:
        exporter = Exporter(app.ticker_files(folder, form), app.ledger.coverage)
        found = list(_export(exporter, _names(exporter, universes, tickers, sizes), sizes, dates))
    failed, empty = [one for one in found if one.error], [one for one in found if not one.rows and not one.error]
    if json:
        print_json({"files": found, "changed": sum(one.changed for one in found)})
    else:
        _show(found, failed, empty)
    return ExitCode.PARTIAL if failed or empty or not found else ExitCode.OK


def _refuse_address(folder: Path | None) -> None:
    if folder and folder.parts and folder.parts[0].endswith(":"):  # of s3://bucket/prefix
        raise UsageError(
            f"{folder} is no folder of this machine", remedy="export into a folder, and copy it from there"
        )


def _dates(start: date | None, end: date | None) -> Interval:
    first, last = start or date.min, end or date.max
    if last < first:
        raise UsageError(f"the dates are reversed: {first} is after {last}", remedy="swap --start and --end")
    return Interval(first, last)


def _names(
    exporter: Exporter, universes: Sequence[str] | None, tickers: Sequence[str] | None, sizes: Sequence[str]
) -> list[str]:
    if universes:
        from forebay.symbols.universe_file import read_listings

        tickers = [*(tickers or ()), *(listing.ticker for listing in read_listings(universes))]
    return list(dict.fromkeys(tickers)) if tickers else exporter.held(sizes)


def _export(exporter: Exporter, tickers: Sequence[str], sizes: Sequence[str], dates: Interval) -> Iterator[Exported]:
    """Ticker by ticker, behind a progress bar."""
    from forebay.telemetry.progress import open_board

    with open_board() as board:
        row = board.row("files from the lake", len(tickers), "tickers")
        for ticker in tickers:
            yield from exporter.export(ticker, sizes, dates)
            row.advance(1, ticker)


def _show(found: Sequence[Exported], failed: Sequence[Exported], empty: Sequence[Exported]) -> None:
    changed, rows = sum(one.changed for one in found), sum(one.rows for one in found)
    same = len(found) - changed - len(failed) - len(empty)
    say(f"{changed:,} files written, {same:,} were up to date, {rows:,} rows in all")
    for one in failed:
        tell(f"error: {one.error}\nnext: {one.remedy}")
    for one in empty[:_LONGEST_LIST]:
        tell(f"note: the lake has no {one.timeframe} bars of {one.ticker}; `forebay status {one.ticker}` says why")
    if len(empty) > _LONGEST_LIST:
        tell(f"note: and nothing for {len(empty) - _LONGEST_LIST} more files: --json has all")
