"""Which files give way when rows arrive. One owner per (symbol, session date): flat file before REST before stream.

Bars built from trades stand among the rows of the others, and give way to the vendor's next delivery of their day.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date

import polars as pl

from forebay.lake.format.layout import MIXED, FileName, compacted_name, is_compacted, is_live, live_name, parse_name
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Source


@dataclass(frozen=True, slots=True)
class Giving:
    """Files that go: `whole` entirely, `partly` without the rows that `goes` selects, the others written anew."""

    whole: tuple[str, ...]
    partly: tuple[str, ...]
    goes: pl.Expr


def gives_way_to_day(held: Iterable[str], day: date, spared: Collection[str] | None = ()) -> list[Giving]:
    """For a flat file of `day`: its earlier files, and what else has rows of that day.

    Rows from other sources stay for the tickers in `spared` (None: for all), which the file does not answer for.
    """
    found = [(path, parse_name(path)) for path in held]
    hit = [(path, name) for path, name in found if name is None or (name.holds(day) and not _spares(name, spared))]
    whole = [path for path, name in hit if name and name.dates.days == 1 and not _may_spare(name, spared)]
    left = pl.lit(value=True) if spared is None else pl.col("ticker").is_in(sorted(spared))
    goes = (pl.col("session_date") == day) & ~(left & (pl.col("source") != Source.FLATFILE))
    return _givings(whole, [path for path, _ in hit if path not in whole], goes)


def gives_way_to_range(held: Iterable[str], symbol: str, dates: Interval, owned: Collection[date] = ()) -> list[Giving]:
    """For REST rows of `symbol` over `dates`: its REST and stream rows there. Flat files and `owned` days stay."""
    found = [(path, parse_name(path)) for path in held]
    hit = [(path, name) for path, name in found if name is None or _may_hold(name, symbol, dates)]
    ours = [(path, name) for path, name in hit if name and symbol in (name.symbol, ALL_SYMBOLS)]
    whole = [path for path, name in ours if _inside(name, dates) and not any(name.holds(day) for day in owned)]
    goes = of_symbol(symbol) & pl.col("session_date").is_between(dates.start, dates.end)
    goes &= (pl.col("source") != Source.FLATFILE) & ~pl.col("session_date").is_in(sorted(owned))
    return _givings(whole, [path for path, _ in hit if path not in whole], goes)


def gives_way_to_rows(held: Iterable[str], day: date, keys: pl.DataFrame) -> list[Giving]:
    """For bars with these `keys` (ticker, window_start) on `day`: the rows that bear them, each file by itself.

    By itself, so that what stays of a flat file is still known as one, and owns its day.
    """
    hit = pl.struct("ticker", "window_start").is_in(
        keys.select(pl.struct("ticker", "window_start")).to_series().implode()
    )
    goes = (pl.col("session_date") == day) & pl.col("ticker").is_in(keys["ticker"].unique().to_list()) & hit
    return [Giving((), (path,), goes) for path in of_day(held, day)] if keys.height else []


def _givings(whole: Iterable[str], partly: Iterable[str], goes: pl.Expr) -> list[Giving]:
    """What stays of a compacted file has the same tickers, of a live one the same quarter; the others become one."""
    alone = [path for path in partly if is_compacted(path) or is_live(path)]
    others = tuple(path for path in partly if path not in alone)
    return [Giving(tuple(whole), others, goes), *(Giving((), (path,), goes) for path in alone)]


def of_day(held: Iterable[str], day: date) -> list[str]:
    """The files that may have rows of a session date."""
    names = [(path, parse_name(path)) for path in held]
    return [path for path, name in names if name is None or name.holds(day)]


def of_symbol(symbol: str) -> pl.Expr:
    """Whether a row is of `symbol`; every row is of `*`."""
    return pl.lit(value=True) if symbol == ALL_SYMBOLS else pl.col("ticker") == symbol


def flatfile_days(scan: Callable[[Iterable[str]], pl.LazyFrame], held: Iterable[str]) -> set[date]:
    """The session dates that a flat file owns: by the files' names, or by the rows where a name does not tell.

    `scan` reads files of the table.
    """
    names = {path: parse_name(path) for path in held}
    flat = [name for name in names.values() if name is not None and name.source is Source.FLATFILE]
    owned = {day for name in flat for day in name.held()}
    for path in (path for path, name in names.items() if name is None):
        rows = scan([path]).filter(pl.col("source") == Source.FLATFILE)
        owned.update(rows.select(pl.col("session_date").unique()).collect().to_series())
    return owned


def merged_name(paths: Iterable[str], days: Collection[date], mark: str) -> str:
    """The name of one file with what stays of `paths`, on `days`; of no form of ours when some are another program's.

    A compacted file comes alone, and so does a live one.
    """
    names = [parse_name(path) for path in paths]
    known = [name for name in names if name is not None]
    if len(known) == len(names) == 1 and known[0].compacted:
        return str(compacted_name(days, known[0].source, mark))
    if len(known) == len(names) == 1 and known[0].quarter:
        return str(live_name(known[0].dates.start, known[0].quarter, mark))
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
    return (
        name.meets(dates)
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
