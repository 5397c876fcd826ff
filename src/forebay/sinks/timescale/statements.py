"""The statements that bring a batch into its table, at once or over a staging table, and count what is there then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg

from forebay.sinks.timescale.columns import COLUMNS, KEY, VALUES, definition, names, rank

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows that lie in the staging table of `table`; their times lie between two, in Unix milliseconds."""

    table: str
    rows: int
    first: int
    last: int

    @property
    def source(self) -> str:
        """The staging table: of this session, empty at the start of each transaction."""
        return staging_table(self.table)

    @property
    def span(self) -> list[datetime]:
        """The two, for those who look for rows in large tables."""
        return [_moment(self.first), _moment(self.last)]


class Lacks(NamedTuple):
    """What a table lacks of the rows that it should have."""

    missing: int
    lesser: int
    """Rows that are there of a lesser source, or with other values."""


def _moment(millis: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=millis)


def staging_table(table: str) -> str:
    """The name of a table's staging table."""
    return f"forebay_staged_{table}"


def make_staging_table(connection: psycopg.Connection, table: str) -> None:
    """Once for a connection: it is empty at the start of each transaction."""
    made = f"CREATE TEMPORARY TABLE IF NOT EXISTS {staging_table(table)} ({definition()}) ON COMMIT DELETE ROWS"
    connection.execute(made)


def copy_into(connection: psycopg.Connection, table: str, data: bytes) -> int:
    """Append rows in the bytes of binary COPY; how many there are more.

    Raises psycopg's UniqueViolation where the table has a row of such a key.
    """
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {table} ({names()}) FROM STDIN (FORMAT binary)") as copy:
            copy.write(data)
        return cursor.rowcount


def any_between(connection: psycopg.Connection, table: str, spans: Iterable[tuple[str, int, int]]) -> bool:
    """Whether the table has a row of any symbol between its first and last time, in Unix milliseconds."""
    symbols, firsts, lasts = zip(*spans, strict=True)
    each = [list(symbols), [_moment(first) for first in firsts], [_moment(last) for last in lasts]]
    whole = [_moment(min(firsts)), _moment(max(lasts))]  # which chunks of a large table to look into
    return connection.execute(_any_between(table), [*each, *whole]).fetchone() is not None


def merge(connection: psycopg.Connection, batch: Staged) -> int:
    """Rows that were new, or other than before.

    Where the table has no row of these keys yet, they are inserted as they are, in half the time of an upsert. Raises
    psycopg's UniqueViolation when another session was faster with one: another attempt finds it.
    """
    if connection.execute(_any_there(batch), batch.span).fetchone() is None:
        return connection.execute(_insert(batch)).rowcount
    return connection.execute(_upsert(batch)).rowcount


def present(connection: psycopg.Connection, batch: Staged) -> int:
    """Staged rows that are in the table as they came, or are beaten there by a better source."""
    row = connection.execute(_present(batch), batch.span).fetchone()
    return int(row[0]) if row else 0


def lacking(connection: psycopg.Connection, batch: Staged) -> dict[str, Lacks]:
    """What the table lacks of the staged rows, by symbol; those that lack nothing are left out."""
    rows = connection.execute(_lacking(batch), batch.span).fetchall()
    return {symbol: Lacks(missing, lesser) for symbol, missing, lesser in rows}


def _insert(batch: Staged) -> str:
    """In the order of the key, so that two writers wait for each other and never for both."""
    return (
        f"INSERT INTO {batch.table} AS held ({names()}) SELECT {names()} FROM {batch.source} "
        'ORDER BY symbol COLLATE "C", "timestamp"'
    )


def _upsert(batch: Staged) -> str:
    held, new = (", ".join(f'{of}."{name}"' for name in VALUES) for of in ("held", "excluded"))
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in VALUES)
    key = ", ".join(f'"{name}"' for name in KEY)
    return (
        f"{_insert(batch)} ON CONFLICT ({key}) DO UPDATE SET {changes} "
        f"WHERE {rank('excluded')} >= {rank('held')} AND ({held}) IS DISTINCT FROM ({new})"
    )


def _joined(batch: Staged, how: str = "CROSS JOIN") -> str:
    """Each staged row with that of its key. OFFSET 0 keeps it a look-up for each, whatever is thought of the sizes."""
    return (
        f"FROM {batch.source} staged {how} LATERAL (SELECT * FROM {batch.table} held "
        'WHERE held.symbol = staged.symbol AND held."timestamp" = staged."timestamp" '
        'AND held."timestamp" BETWEEN %s AND %s OFFSET 0) held'
    )


def _any_between(table: str) -> str:
    """A look into the index for each symbol. OFFSET 0 keeps it one, whatever is thought of the sizes."""
    return (
        "SELECT 1 FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[]) AS staged(symbol, first, last) "
        f"CROSS JOIN LATERAL (SELECT 1 FROM {table} held WHERE held.symbol = staged.symbol "
        'AND held."timestamp" BETWEEN staged.first AND staged.last AND held."timestamp" BETWEEN %s AND %s '
        "OFFSET 0 LIMIT 1) held LIMIT 1"
    )


def _any_there(batch: Staged) -> str:
    return f"SELECT 1 {_joined(batch)} LIMIT 1"


def _present(batch: Staged) -> str:
    return f"SELECT count(*) {_joined(batch)} WHERE {_AS_GOOD}"


def _lacking(batch: Staged) -> str:
    return (
        "SELECT staged.symbol, count(*) FILTER (WHERE held.symbol IS NULL), "
        f"count(*) FILTER (WHERE held.symbol IS NOT NULL AND NOT ({_AS_GOOD})) "
        f"{_joined(batch, 'LEFT JOIN')} ON true WHERE held.symbol IS NULL OR NOT ({_AS_GOOD}) GROUP BY 1"
    )


_TYPED = [column for column in COLUMNS if column.name in VALUES]
_HELD = ", ".join(f'held."{column.name}"::{column.type}' for column in _TYPED)
_NEW = ", ".join(f'staged."{column.name}"' for column in _TYPED)
_AS_GOOD = f"{rank('held')} > {rank('staged')} OR ({_HELD}) IS NOT DISTINCT FROM ({_NEW})"
"""The row of the table is the staged one, or beats it."""
