"""`forebay bars` and `forebay query`: the lake, read."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import End, Json, Start, load_settings
from forebay.cli.output import ExitCode, print_table, say, tell

if TYPE_CHECKING:
    import polars as pl


class Form(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


_ROWS_SHOWN = 50
"""Rows of a printed table; CSV and JSON have all."""
Format = Annotated[Form, typer.Option("--format", help="table shows the first rows; csv and json print all.")]


def query(
    ctx: typer.Context,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="Tables are called stocks.bars_1d, crypto.bars_1m, ...")],
    form: Format = Form.TABLE,
    *,
    json: Json = False,
) -> int:
    """Ask the lake in SQL (DuckDB's), read only. Times are UTC.

    Example: forebay query "select ticker, avg(close) from stocks.bars_1d group by ticker"
    """
    settings = load_settings(ctx)
    from forebay.lake.address import home_at
    from forebay.lake.home import explained
    from forebay.lake.reader import Lake

    lake = Lake(home_at(settings.lake.uri, aws=settings.aws))
    with explained(lake.home):
        frame = lake.sql(sql)
    show_frame(frame, Form.JSON if json else form)
    return ExitCode.OK


def bars(
    ctx: typer.Context,
    tickers: Annotated[list[str], typer.Argument(metavar="TICKER...", help="Case-sensitive.")],
    timeframe: Annotated[str, typer.Option("--timeframe", metavar="SIZE", help="1m, 5m, 15m, 1h or 1d.")] = "1d",
    start: Start = None,
    end: End = None,
    form: Format = Form.TABLE,
    *,
    json: Json = False,
) -> int:
    """Print bars from the lake: raw prices, times in UTC, dates included at both ends.

    Example: forebay bars AAPL MSFT --timeframe 5m --start 2026-03-02 --end 2026-03-06
    """
    settings = load_settings(ctx)
    from forebay.lake.address import home_at
    from forebay.lake.home import explained
    from forebay.lake.reader import Lake

    lake = Lake(home_at(settings.lake.uri, aws=settings.aws))
    with explained(lake.home):
        frame = lake.bars(tickers, timeframe, start, end).collect()
    show_frame(frame, Form.JSON if json else form)
    if frame.is_empty():
        tell("no such bars are in the lake: tickers are case-sensitive, and `forebay status TICKER` says what is held")
    return ExitCode.OK


def show_frame(frame: pl.DataFrame, form: Form) -> None:
    """Rows on stdout, in the form that was asked for."""
    match form:
        case Form.CSV:
            sys.stdout.write(frame.write_csv())
        case Form.JSON:
            sys.stdout.write(frame.write_json() + "\n")
        case Form.TABLE:
            print_table(frame.columns, frame.head(_ROWS_SHOWN).rows())
            if frame.height > _ROWS_SHOWN:
                say(f"... {frame.height:,} rows in all; --format csv prints them")
