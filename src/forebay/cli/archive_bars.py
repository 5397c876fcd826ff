"""`forebay archive-bars`: minute bars of chosen tickers as csv.lzo objects with tags, and as CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.archive_bars_view import cat, list_objects
from forebay.cli.options import End, Json, Source, Start, Tickers, Timeframes, load_settings
from forebay.cli.output import ExitCode, tell
from forebay.cli.wishes import Asked
from forebay.errors import UsageError
from forebay.files.names import Form
from forebay.model.csv_lzo import Window
from forebay.model.intervals import Interval
from forebay.model.timeframe import timeframes_named

if TYPE_CHECKING:
    from forebay.app import App

_TICKERS_CSV = Path("tickers.csv")

app = typer.Typer(help="Minute bars of chosen tickers as csv.lzo objects with tags.")
app.command("list")(list_objects)
app.command("cat")(cat)


@app.callback()
def _archive_bars() -> None:
    """Minute bars of chosen tickers as csv.lzo objects with tags."""


@app.command("run")
def run(
    ctx: typer.Context,
    tickers: Tickers = None,
    file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="A CSV file with a column ticker; tickers.csv.")
    ] = None,
    start: Start = None,
    end: End = None,
    timeframes: Timeframes = None,
    bucket: Annotated[
        str | None,
        typer.Option("--bucket", metavar="NAME", help="A bucket's name, s3://.. or file://.. (CSV_LZO_BUCKET)."),
    ] = None,
    window: Annotated[
        Window | None, typer.Option("--window", help="What one object covers (CSV_LZO_WINDOW): hour, day or all.")
    ] = None,
    source: Source = None,
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="Where <ticker>_historical.csv files go.")
    ] = Path("output"),
    *,
    no_output: Annotated[bool, typer.Option("--no-output", help="Write no CSV files, only objects.")] = False,
    json: Json = False,
) -> int:
    """Fetch what is missing into the lake, and write it from there as csv.lzo objects and as CSV files.

    Tickers come from --tickers, or from a file; bars are 1m unless named. What is there already is not sent again.
    Exit code 3 when something is left, which is listed. `archive-bars list` shows the objects, `archive-bars cat`
    unpacks some.

    Example: forebay archive-bars --tickers AAPL MSFT --start 2026-03-02 --end 2026-03-06
    """
    settings = load_settings(ctx, {"CSV_LZO_BUCKET": bucket, "CSV_LZO_WINDOW": window})
    import forebay.lzop.writing  # noqa: F401 - without its library nothing is begun
    from forebay.app import open_app
    from forebay.cli.order import run_now
    from forebay.symbols.ticker_csv import read_tickers

    if tickers and file:
        raise UsageError("--tickers and --csv both say which tickers", remedy="give one of them")
    names = list(dict.fromkeys(tickers)) if tickers else read_tickers(file or _TICKERS_CSV)
    sizes = timeframes_named(timeframes or ["1m"])
    with open_app(settings) as wired:
        place = str(wired.bar_archive())
        code = run_now(wired, Asked(None, None, names, start, end, source, [place], sizes), json=json)
        if no_output:
            return code
        dates = Interval(start or date.min, end or date.max)
        return code if _write_files(wired, output, names, sizes, dates) else ExitCode.PARTIAL


def _write_files(app: App, folder: Path, tickers: Sequence[str], sizes: Sequence[str], dates: Interval) -> bool:
    """CSV files of what the lake has of these dates; whether all were written."""
    from forebay.orchestration.files_export import Exporter
    from forebay.tasks.ticker_files import HistoricalFiles

    exporter = Exporter(HistoricalFiles(app.lake, folder, Form.CSV, app.clock), app.ledger.coverage)
    done = [each for ticker in tickers for each in exporter.export(ticker, sizes, dates)]
    for one in done:
        if one.error:
            tell(f"error: {one.error}\nnext: {one.remedy}")
        elif one.changed:
            tell(f"{one.path}: {one.rows:,} rows")
    return not any(one.error for one in done)
