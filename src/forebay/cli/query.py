"""`forebay bars` and `forebay query`: the lake, read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import End, Json, Start, load_settings, parse_date
from forebay.cli.output import ExitCode, tell
from forebay.cli.rows_out import Form, Format, deliver, show_frame

if TYPE_CHECKING:
    from forebay.lake.reading.reader import Lake


def parse_as_of(text: str) -> int | datetime:
    """A version's number, or a moment in ISO 8601, in UTC unless it says otherwise."""
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is neither a version's number nor a time such as 2024-03-07T21:00"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


AsOf = Annotated[
    int | None,
    typer.Option(
        "--as-of",
        parser=parse_as_of,
        metavar="VERSION|TIME",
        help="What a table held then: a version's number, or a time (UTC).",
    ),
]
AssetClass = Annotated[
    str | None,
    typer.Option(
        "--asset-class", metavar="CLASS", help="Else the tickers' prefixes say it; futures have none: futures_cme."
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write all rows to a .parquet, .csv or .arrow file.")
]


def query(
    ctx: typer.Context,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="Tables are called stocks.bars_1d, crypto.bars_1m, ...")],
    form: Format = Form.TABLE,
    as_of: AsOf = None,
    out: Out = None,
    *,
    json: Json = False,
) -> int:
    """Ask the lake in SQL (DuckDB's), read only. Times are UTC.

    Example: forebay query "select ticker, avg(close) from stocks.bars_1d group by ticker"
    """
    with opened(ctx) as lake:
        if out:
            with lake.sql_rows(sql, as_of=as_of) as rows:
                deliver(rows, out)
        else:
            show_frame(lake.sql(sql, as_of=as_of), Form.JSON if json else form)
    return ExitCode.OK


def bars(
    ctx: typer.Context,
    tickers: Annotated[list[str], typer.Argument(metavar="TICKER...", help="Case-sensitive.")],
    timeframe: Annotated[
        str, typer.Option("--timeframe", metavar="SIZE", help="Any size from 1m up: 5m, 45m, 2h, 1d, 1w, 1M.")
    ] = "1d",
    start: Start = None,
    end: End = None,
    asset_class: AssetClass = None,
    session: Annotated[
        str, typer.Option("--session", metavar="HOURS", help="all, regular (09:30-16:00) or extended (04:00-20:00).")
    ] = "all",
    adjust: Annotated[
        str | None, typer.Option("--adjust", metavar="HOW", help="For splits, or total_return: dividends too.")
    ] = None,
    adjust_as_of: Annotated[
        date | None,
        typer.Option(
            "--adjust-as-of", parser=parse_date, metavar="DATE", help="In the shares of that day instead of today's."
        ),
    ] = None,
    fill: Annotated[
        str | None, typer.Option("--fill", metavar="HOW", help="previous: a bar of volume 0 where nothing was traded.")
    ] = None,
    as_of: AsOf = None,
    form: Format = Form.TABLE,
    out: Out = None,
    *,
    json: Json = False,
) -> int:
    """Print bars from the lake, or write them to a file: raw prices, times in UTC, dates included at both ends.

    Example: forebay bars AAPL MSFT --timeframe 5m --start 2026-03-02 --end 2026-03-06 --session regular
    """
    with opened(ctx) as lake:
        found = lake.bars(
            tickers,
            timeframe,
            start,
            end,
            asset_class=asset_class,
            adjust=adjust,
            adjust_as_of=adjust_as_of,
            session=session,
            as_of=as_of,
            fill=fill,
        )
        if out:
            deliver(found, out)
        else:
            show_frame(found.collect(), Form.JSON if json else form)
        for line in lake.missing(tickers, timeframe, start, end, asset_class=asset_class, session=session, as_of=as_of):
            tell(line)
    return ExitCode.OK


@contextmanager
def opened(ctx: typer.Context) -> Iterator[Lake]:
    """The lake of this run's settings. What an engine says of it while it is read becomes an error of ours."""
    settings = load_settings(ctx)
    from forebay.lake.home.address import home_at
    from forebay.lake.reading.reader import Lake

    lake = Lake(home_at(settings.lake.uri, aws=settings.aws), warns=False)
    with lake.explained():
        yield lake
