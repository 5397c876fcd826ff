"""Which files give way when rows arrive. One owner per (symbol, session date): flat file before REST before stream.

Bars built from trades stand among the rows of the others, and give way to the vendor's next delivery of their day.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date

import polars as pl

from forebay.lake.layout import MIXED, FileName, parse_name
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Source


@dataclass(frozen=True, slots=True)
class Giving:
    """Files that go: `whole` entirely, `partly` after the rows that `stays` selects are written anew."""

    whole: tuple[str, ...]
    partly: tuple[str, ...]
    stays: pl.Expr


def gives_way_to_day(held: Iterable[str], day: date, spared: Collection[str] | None = ()) -> Giving:
    """For a flat file of `day`: its earlier files, and what else has rows of that day.

    Rows from other sources stay for the tickers in `spared` (None: for all), which the file does not answer for.
    """
    found = [(path, parse_name(path)) for path in held]
    hit = [(path, name) for path, name in found if name is None or (day in name.dates and not _spares(name, spared))]
    whole = tuple(path for path, name in hit if name and name.dates.days == 1 and not _may_spare(name, spared))
    left = pl.lit(value=True) if spared is None else pl.col("ticker").is_in(sorted(spared))
    stays = (pl.col("session_date") != day) | (left & (pl.col("source") != Source.FLATFILE))
    return Giving(whole, tuple(path for path, _ in hit if path not in whole), stays)


def gives_way_to_range(held: Iterable[str], symbol: str, dates: Interval, owned: Collection[date] = ()) -> Giving:
    """For REST rows of `symbol` over `dates`: its REST and stream rows there. Flat files and `owned` days stay."""
    found = [(path, parse_name(path)) for path in held]
    hit = [(path, name) for path, name in found if name is None or _may_hold(name, symbol, dates)]
    ours = [(path, name) for path, name in hit if name and symbol in (name.symbol, ALL_SYMBOLS)]
    whole = tuple(path for path, name in ours if _inside(name, dates) and not any(day in name.dates for day in owned))
    theirs = of_symbol(symbol) & pl.col("session_date").is_between(dates.start, dates.end)
    stays = ~theirs | (pl.col("source") == Source.FLATFILE) | pl.col("session_date").is_in(sorted(owned))
    return Giving(whole, tuple(path for path, _ in hit if path not in whole), stays)


def gives_way_to_rows(held: Iterable[str], day: date, keys: pl.DataFrame) -> list[Giving]:
    """For bars with these `keys` (ticker, window_start) on `day`: the rows that bear them, each file by itself.

    By itself, so that what stays of a flat file is still known as one, and owns its day.
    """
    hit = pl.struct("ticker", "window_start").is_in(
        keys.select(pl.struct("ticker", "window_start")).to_series().implode()
    )
    stays = ~((pl.col("session_date") == day) & pl.col("ticker").is_in(keys["ticker"].unique().to_list()) & hit)
    return [Giving((), (path,), stays) for path in of_day(held, day)] if keys.height else []


def of_day(held: Iterable[str], day: date) -> list[str]:
    """The files that may have rows of a session date."""
    names = [(path, parse_name(path)) for path in held]
    return [path for path, name in names if name is None or day in name.dates]


def of_symbol(symbol: str) -> pl.Expr:
    """Whether a row is of `symbol`; every row is of `*`."""
    return pl.lit(value=True) if symbol == ALL_SYMBOLS else pl.col("ticker") == symbol


def flatfile_days(scan: Callable[[Iterable[str]], pl.LazyFrame], held: Iterable[str]) -> set[date]:
    """The session dates that a flat file owns: by the files' names, or by the rows where a name does not tell.

    `scan` reads files of the table.
    """
    names = {path: parse_name(path) for path in held}
    owned = {name.dates.start for name in names.values() if name is not None and name.source is Source.FLATFILE}
    for path in (path for path, name in names.items() if name is None):
        rows = scan([path]).filter(pl.col("source") == Source.FLATFILE)
        owned.update(rows.select(pl.col("session_date").unique()).collect().to_series())
    return owned


def merged_name(paths: Iterable[str], mark: str) -> str:
    """The name of one file with what stays of `paths`; of no form of ours when some are of another program."""
    names = [parse_name(path) for path in paths]
    known = [name for name in names if name is not None]
    if len(known) < len(names):
        return f"{MIXED}{mark}.parquet"
    symbols = {name.symbol for name in known}
    name = FileName(
        Interval(min(name.dates.start for name in known), max(name.dates.end for name in known)),
        min((name.source for name in known), key=lambda source: source.rank),
        symbols.pop() if len(symbols) == 1 else ALL_SYMBOLS,
        mark,
    )
    return str(name)


def _may_hold(name: FileName, symbol: str, dates: Interval) -> bool:
    overlaps = name.dates.start <= dates.end and dates.start <= name.dates.end
    return (
        overlaps
        and name.source is not Source.FLATFILE
        and (name.symbol == symbol or ALL_SYMBOLS in (symbol, name.symbol))
    )


def _spares(name: FileName, spared: Collection[str] | None) -> bool:
    """Whether every row of the file stays when a flat file spares these tickers."""
    if name.source is Source.FLATFILE:
        return False
    return spared is None or (name.symbol != ALL_SYMBOLS and name.symbol in spared)


def _may_spare(name: FileName, spared: Collection[str] | None) -> bool:
    """Whether some of its rows may."""
    return _spares(name, spared) or (bool(spared) and name.source is not Source.FLATFILE and name.symbol == ALL_SYMBOLS)


def _inside(name: FileName, dates: Interval) -> bool:
    return dates.start <= name.dates.start and name.dates.end <= dates.end
