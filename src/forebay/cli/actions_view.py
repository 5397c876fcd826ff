"""What `forebay actions` shows of a company, and of the overrides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebay.cli.output import print_table, say
from forebay.errors import UsageError

if TYPE_CHECKING:
    from forebay.lake.actions.overrides import Override
    from forebay.lake.reading.reader import Lake

_SHOWN = {
    "splits": ("ticker", "execution_date", "split_from", "split_to", "counts", "flag", "override", "id"),
    "dividends": (
        "ticker",
        "ex_dividend_date",
        "cash_amount",
        "currency",
        "previous_close",
        "counts",
        "flag",
        "override",
        "id",
    ),
    "names": ("ticker", "first_date", "last_date", "instrument", "name"),
}

Rows = Mapping[str, list[dict[str, Any]]]


def of_ticker(lake: Lake, ticker: str) -> Rows:
    """The actions and names of a company by any ticker that it bore: `splits`, `dividends` and `names`."""
    import polars as pl

    from forebay.lake.actions.adjusting import names_of
    from forebay.lake.actions.counted import judged, of_tickers
    from forebay.lake.actions.overrides import overrides_of
    from forebay.lake.actions.shape import DIVIDENDS, EVENTS, SPLITS
    from forebay.lake.actions.tables import read

    entries, family = overrides_of(lake.home), names_of(lake.home).family([ticker])
    found: dict[str, list[dict[str, Any]]] = {}
    for shape, said in ((SPLITS, entries.splits), (DIVIDENDS, entries.dividends), (EVENTS, None)):
        rows = read(lake.home, shape)
        told = shape.columns.to_frame() if rows is None else rows
        told = told if said is None else judged(told, said, shape)
        name = "names" if said is None else shape.table.partition("/")[2]
        found[name] = of_tickers(told.with_columns(pl.col(pl.Datetime).dt.to_string("iso")), family).to_dicts()
    return found


def show_actions(found: Rows) -> None:
    """Each list as a table."""
    for title, rows in found.items():
        if rows:
            say(f"{title}:")
            print_table(_SHOWN[title], [[row[name] for name in _SHOWN[title]] for row in rows])


def overrides_in(file: Path | None, lake: Lake) -> dict[str, Sequence[Override]]:
    """The entries of a file, or of the lake's own. Raises UsageError with the line of what is wrong."""
    from forebay.lake.actions.overrides import overrides_of, parse_overrides

    try:
        found = overrides_of(lake.home) if file is None else parse_overrides(file.read_bytes(), str(file))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", remedy="check the path") from error
    return {"splits": found.splits, "dividends": found.dividends}


def show_overrides(found: Mapping[str, Sequence[Override]]) -> None:
    """One line for each entry."""
    heads = ("kind", "do", "ticker", "date", "what", "why", "by")
    rows = [
        (kind[:-1], one.do, one.ticker, one.day, _what(one), one.why, one.by)
        for kind, several in found.items()
        for one in several
    ]
    if rows:
        print_table(heads, rows)
    say(f"overrides: {len(rows)}, well formed" if rows else "no overrides")


def _what(one: Override) -> str:
    if one.old and one.new:
        return f"{one.old:g}:{one.new:g}"
    return f"{one.cash:g} a share" if one.cash else one.id or "all of the day"
