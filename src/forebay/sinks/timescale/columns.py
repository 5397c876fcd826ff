"""What a table of bars consists of, and what another program's table must have to be taken as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forebay.model.partition import Source

TABLES = {"1s": "ohlcv_1s", "1m": "ohlcv_1m", "1d": "ohlcv_1d"}
"""Timeframe to table; larger bars are views of minutes."""

_REALS = ("double precision", "numeric")
_WHOLES = ("bigint", "integer")
_WORDS = ("text", "character varying")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, the type that we give it, and those that it may have where a table is there already."""

    name: str
    type: str
    also: tuple[str, ...] = ()
    needed: bool = False


COLUMNS = (
    Column("symbol", "text", _WORDS, needed=True),
    Column("timestamp", "timestamp with time zone", needed=True),
    Column("open", "double precision", _REALS, needed=True),
    Column("high", "double precision", _REALS, needed=True),
    Column("low", "double precision", _REALS, needed=True),
    Column("close", "double precision", _REALS, needed=True),
    Column("volume", "double precision", (*_REALS, *_WHOLES)),
    Column("vwap", "double precision", _REALS),
    Column("transactions", "bigint", _WHOLES),
    Column("source", "text", _WORDS, needed=True),
)
KEY = ("symbol", "timestamp")
VALUES = tuple(column.name for column in COLUMNS if column.name not in KEY)
SOURCES = tuple(source for source in Source if source is not Source.LAKE)
"""Of rows of bars, the least first; any other word in a table's column `source` is less than all of them."""


def names(of: str = "") -> str:
    """The columns as a list in SQL, each of the table `of` if one is named."""
    return ", ".join(f'{of}."{column.name}"' if of else f'"{column.name}"' for column in COLUMNS)


def definition() -> str:
    """The columns as `CREATE TABLE` takes them."""
    return ", ".join(f'"{each.name}" {each.type}{" NOT NULL" if each.needed else ""}' for each in COLUMNS)


def rank(of: str) -> str:
    """SQL for how good a table's source is: 1 for the least of SOURCES, 0 for a word that is none of them."""
    known = ", ".join(f"'{source}'" for source in SOURCES)
    return f"coalesce(array_position(ARRAY[{known}], {of}.source::text), 0)"


def difference(found: Mapping[str, str], keys: Sequence[Sequence[str]]) -> list[str]:
    """What keeps a table with the columns `found` (name to type) and unique `keys` from being one of bars."""
    wanted = {column.name: column for column in COLUMNS}
    lacks = [f"it has no column {name} ({column.type})" for name, column in wanted.items() if name not in found]
    others = [f"it has a column {name}, which is none of a bar's" for name in found if name not in wanted]
    types = [
        f"its column {name} is {found[name]}, not {' or '.join((column.type, *_others(column)))}"
        for name, column in wanted.items()
        if name in found and found[name] not in (column.type, *column.also)
    ]
    keyed = any(sorted(key) == sorted(KEY) for key in keys)
    return [*lacks, *others, *types, *([] if keyed else ["it has no primary key or unique index (symbol, timestamp)"])]


def _others(column: Column) -> list[str]:
    return [name for name in column.also if name != column.type]


def holds_exactly(found: Mapping[str, str]) -> bool:
    """Whether every value of ours is the same in a table with these columns; else each batch is compared."""
    return all(found[column.name] == column.type for column in COLUMNS)
