"""What a query can touch of each table, read from DuckDB's own parse of it: dates and tickers that its WHERE demands.

Only what is certain counts: conditions that are joined by AND, on a table that stands alone in its FROM and is named
once. Whatever else there is, the whole table is offered.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from forebay.lake.log.snapshot import ANY_DAY
from forebay.model.intervals import Interval

Node = Any
"""A part of the parsed query: a dict, a list or a plain value."""
_EQUAL, _IN, _BETWEEN = "COMPARE_EQUAL", "COMPARE_IN", "COMPARE_BETWEEN"
_FROM = ("COMPARE_GREATERTHANOREQUALTO", "COMPARE_GREATERTHAN")
_UNTIL = ("COMPARE_LESSTHANOREQUALTO", "COMPARE_LESSTHAN")
_NO_DAY = Interval(date.min, date.min)
"""Asked of no row at all: the dates contradict each other."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows of a table that a query can touch."""

    table: str
    dates: Interval = ANY_DAY
    tickers: tuple[str, ...] | None = None


def scopes_of(connection: duckdb.DuckDBPyConnection, query: str, held: Sequence[str]) -> list[Scope]:
    """The tables that a query names, and what it can touch of them; all of `held` where it cannot be taken apart."""
    ((parsed,),) = connection.execute("SELECT json_serialize_sql(?)", [query]).fetchall()
    tree = json.loads(parsed)
    if tree["error"]:  # EXPLAIN, for one, has no such form
        return [Scope(table) for table in held]
    named = Counter(_name(node) for node in _nodes(tree) if node.get("type") == "BASE_TABLE")
    certain = {scope.table: scope for node in _nodes(tree) if (scope := _scope(node))}
    return [certain[table] if count == 1 and table in certain else Scope(table) for table, count in named.items()]


def _nodes(tree: Node) -> Iterator[dict[str, Node]]:
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for each in tree:
            yield from _nodes(each)


def _name(table: dict[str, Node]) -> str:
    return f"{table['schema_name']}/{table['table_name']}".lower()


def _scope(select: dict[str, Node]) -> Scope | None:
    """What a SELECT of one table demands of it."""
    table = select.get("from_table") if select.get("type") == "SELECT_NODE" else None
    if not isinstance(table, dict) or table.get("type") != "BASE_TABLE" or table["column_name_alias"]:
        return None
    dates, tickers, called = ANY_DAY, None, table["alias"] or table["table_name"]
    for condition in _conditions(select.get("where_clause")):
        dates, tickers = _narrowed(condition, called, dates, tickers)
    return Scope(_name(table), dates, tickers)


def _conditions(where: Node) -> Iterator[dict[str, Node]]:
    if isinstance(where, dict) and where.get("type") == "CONJUNCTION_AND":
        for each in where["children"]:
            yield from _conditions(each)
    elif isinstance(where, dict):
        yield where


def _narrowed(
    condition: dict[str, Node], called: str, dates: Interval, tickers: tuple[str, ...] | None
) -> tuple[Interval, tuple[str, ...] | None]:
    """The scope that also this condition leaves; `called` is what the query calls the table."""
    kind = str(condition.get("type"))
    column, *values = _sides(condition)
    name, texts = _column(column, called), [_text(value) for value in values]
    if name == "ticker" and kind in (_EQUAL, _IN) and tickers is None and None not in texts:
        return dates, tuple(text for text in texts if text is not None)
    days = [_day(text) for text in texts]
    known = [day for day in days if day]
    if name != "session_date" or not known or len(known) < len(days):
        return dates, tickers
    first = max(dates.start, min(known)) if kind in (_EQUAL, _IN, _BETWEEN, *_FROM) else dates.start
    last = min(dates.end, max(known)) if kind in (_EQUAL, _IN, _BETWEEN, *_UNTIL) else dates.end
    return (Interval(first, last) if first <= last else _NO_DAY), tickers


def _sides(condition: dict[str, Node]) -> list[Node]:
    """What is compared, and with what."""
    if condition.get("type") == _IN:
        return list(condition["children"])
    names = ("input", "lower", "upper") if condition.get("type") == _BETWEEN else ("left", "right")
    return [condition.get(name) for name in names]


def _column(side: Node, called: str) -> str | None:
    """A column of the table; None for anything else, such as a column of a query around this one."""
    if not isinstance(side, dict) or side.get("type") != "COLUMN_REF":
        return None
    *qualifiers, name = (str(each).lower() for each in side["column_names"])
    return name if not qualifiers or qualifiers == [called.lower()] else None


def _text(side: Node) -> str | None:
    """A text as it stands in the query, be it marked as a date."""
    if isinstance(side, dict) and side.get("type") == "OPERATOR_CAST" and side["type_expr"]["type_name"] == "date":
        side = side["child"]
    if isinstance(side, dict) and side.get("type") == "VALUE_CONSTANT" and side["literal"]["kind"] == "STRING":
        return str(side["literal"]["text"])
    return None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
