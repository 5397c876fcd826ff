"""`forebay lake coverage` and `forebay lake gaps`: what the tables hold of which session date, read from themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import End, Json, Start, Tickers
from forebay.cli.output import ExitCode
from forebay.cli.query import AsOf, AssetClass, opened
from forebay.cli.rows_out import Form, Format, show_frame

if TYPE_CHECKING:
    import polars as pl


def coverage(
    ctx: typer.Context,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="stocks/bars_1m, for example.")],
    tickers: Tickers = None,
    start: Start = None,
    end: End = None,
    as_of: AsOf = None,
    form: Format = Form.TABLE,
    *,
    json: Json = False,
) -> int:
    """Count rows, tickers, sources and files of each session date that a table holds.

    Example: forebay lake coverage stocks/bars_1m --start 2024-03-01 --end 2024-03-31
    """
    with opened(ctx) as lake:
        frame = lake.coverage(table, start, end, tickers=tickers, as_of=as_of)
    show_frame(frame if json or form is Form.JSON else _flat(frame), Form.JSON if json else form)
    return ExitCode.OK


def gaps(
    ctx: typer.Context,
    tickers: Annotated[list[str], typer.Argument(metavar="TICKER...", help="Case-sensitive.")],
    timeframe: Annotated[str, typer.Option("--timeframe", metavar="SIZE", help="1d, or any size from 1m up.")] = "1d",
    start: Start = None,
    end: End = None,
    asset_class: AssetClass = None,
    form: Format = Form.TABLE,
    *,
    json: Json = False,
) -> int:
    """List the sessions of the calendar of which the lake holds no bar of a ticker. Exit code 3 if there are any.

    A ticker that did not trade on a date has a gap here too; `forebay status TICKER` says what the vendor knows.

    Example: forebay lake gaps AAPL --timeframe 1m --start 2024-03-01 --end 2024-03-31
    """
    with opened(ctx) as lake:
        frame = lake.gaps(tickers, timeframe, start, end, asset_class=asset_class)
    show_frame(frame, Form.JSON if json else form)
    return ExitCode.PARTIAL if frame.height else ExitCode.OK


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """A list in a cell as one text."""
    return frame.with_columns(frame["sources"].list.join(" "))
