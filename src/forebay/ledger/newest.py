"""The newest session date that is held, or listed, of each table: by seeks in the order of keys, not by a scan."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa

from forebay.db.engine import Database
from forebay.db.tables import coverage, files_upstream
from forebay.model.coverage import Verdict

_destination, _table, _symbol = coverage.c.destination, coverage.c.table_name, coverage.c.symbol


def newest_held(database: Database) -> dict[tuple[str, str], date]:
    """Destination and table to the newest session date of which anything is completely held. Raises LedgerError.

    What it costs grows with the symbols that are recorded one by one, not with their days.
    """
    found: dict[tuple[str, str], date] = {}
    with database.read() as connection:
        for destination, table in _pairs(connection):
            newest = connection.scalar(_NEWEST, {"destination": destination, "table": table})
            if newest is not None:
                found[destination, table] = newest
    return found


def newest_listed(database: Database) -> dict[str, date]:
    """Dataset to the newest session date whose file the vendor has listed. Raises LedgerError."""
    newest = sa.func.max(files_upstream.c.day).label("newest")
    query = sa.select(files_upstream.c.dataset, newest).group_by(files_upstream.c.dataset)
    with database.read() as connection:
        return {row.dataset: row.newest for row in connection.execute(query)}


def _pairs(connection: sa.Connection) -> list[tuple[str, str]]:
    """Every destination and table of which something is recorded."""
    first = sa.select(_destination, _table).order_by(_destination, _table).limit(1)
    found: list[tuple[str, str]] = []
    while row := connection.execute(
        first.where(sa.tuple_(_destination, _table) > found[-1]) if found else first
    ).one_or_none():
        found.append((row[0], row[1]))
    return found


def _newest() -> sa.Select[Any]:
    """From symbol to symbol, and of each its last complete row."""
    ours = (_destination == sa.bindparam("destination"), _table == sa.bindparam("table"))
    following = sa.select(_symbol).where(*ours).order_by(_symbol).limit(1)
    walk = sa.select(following.scalar_subquery().label("symbol")).cte("walk", recursive=True)
    after = following.where(_symbol > walk.c.symbol).scalar_subquery()
    walk = walk.union_all(sa.select(after).where(walk.c.symbol.is_not(None)))
    last = (
        sa.select(coverage.c.end_date)
        .where(*ours, _symbol == walk.c.symbol, coverage.c.verdict == Verdict.COMPLETE.value)
        .order_by(coverage.c.start_date.desc())
        .limit(1)
    )
    return sa.select(sa.func.max(last.scalar_subquery())).select_from(walk)


_NEWEST = _newest()
