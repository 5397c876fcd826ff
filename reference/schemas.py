"""docs/reference/schemas.md: the columns of the lake's tables and of the ledger's, as the code declares them."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

import polars as pl
import sqlalchemy as sa

from forebay.db import tables
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.rows import row_schema

_HEAD = """# Tables

Made from the code (`make reference`).

## The lake

What the columns mean, and what may enter: [the lake](../lake.md#columns). Tables with the same columns stand together.
Splits, dividends and changes of ticker: [adjusting](../adjusting.md#the-tables). Snapshots:
[snapshots](../snapshots.md#the-tables).
"""
_LEDGER = """
## The ledger

The same in SQLite and PostgreSQL. Instants are UTC, dates are session dates; what the tables are for:
[the ledger](../ledger.md). Read them as you like; write by commands.
"""


def schemas_page() -> str:
    """The page."""
    return "".join([_HEAD, *_lake(), _LEDGER, *_ledger()])


def _lake() -> Iterator[str]:
    alike: dict[tuple[tuple[str, pl.DataType], ...], list[str]] = {}
    for table, dataset in LAKE_DATASETS.items():
        alike.setdefault(tuple(row_schema(dataset).items()), []).append(table)
    for columns, names in alike.items():
        yield f"\n### {', '.join(names)}\n\n| column | type |\n|---|---|\n"
        yield "".join(f"| `{name}` | {_type(kind)} |\n" for name, kind in columns)


def _type(kind: pl.DataType) -> str:
    words = {pl.String: "text", pl.Float64: "float64", pl.Int64: "int64", pl.Date: "date"}
    return words.get(kind.base_type(), "timestamp, microseconds, UTC")


def _ledger() -> Iterator[str]:
    source = inspect.getsource(tables)
    about, said = _about(source), _comments(source)
    for name, table in tables.metadata.tables.items():
        keys = {column.name for column in table.primary_key}
        yield f"\n### {name}\n\n{about.get(name, '')}\n\n| column | type | key | empty | |\n|---|---|---|---|---|\n"
        yield "".join(_row(column, keys, said.get((name, column.name), "")) for column in table.columns)


def _row(column: sa.Column, keys: set[str], said: str) -> str:
    own = isinstance(column.type, sa.types.TypeDecorator)
    kind = _WORDS.get(type(column.type).__name__, "") if own else str(column.type).lower()
    key, empty = "yes" if column.name in keys else "", "may be" if column.nullable else ""
    return f"| `{column.name}` | {kind} | {key} | {empty} | {said} |\n"


_WORDS: Mapping[str, str] = {
    "Instant": "instant",
    "JsonValue": "json",
    "JsonByAnybody": "json",
    "ByteOrdered": "text, in byte order",
    "RowId": "number",
}


def _about(source: str) -> dict[str, str]:
    """Table to the text below its definition."""
    found, body = {}, ast.parse(source).body
    for table, below in pairwise(body):
        name = _table_name(table)
        if name and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[name] = " ".join(str(below.value.value).split())
    return found


def _table_name(node: ast.stmt) -> str:
    call = node.value if isinstance(node, ast.Assign) else None
    first = call.args[0] if isinstance(call, ast.Call) and call.args else None
    is_table = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "Table"
    return str(first.value) if is_table and isinstance(first, ast.Constant) else ""


def _comments(source: str) -> dict[tuple[str, str], str]:
    """(table, column) to the comment behind the column."""
    found, table = {}, ""
    for line in source.splitlines():
        if named := re.fullmatch(r'    "(\w+)",', line):
            table = named[1]
        elif column := re.match(r'\s+sa\.Column\("(\w+)".*?  # (?!noqa)(.*)$', line):
            found[table, column[1]] = column[2].replace("|", "\\|")
    return found
