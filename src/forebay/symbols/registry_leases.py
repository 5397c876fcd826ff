"""Who runs which symbol of the registry, and until when. Two workers never run one symbol."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import sqlalchemy as sa

from forebay.db.tables import symbol_registry as table
from forebay.model.registry import IngestionStatus, IngestionStrategy, Phase, SymbolRegistry
from forebay.symbols.registry_rows import ENABLED, LEASE, NOT_HELD, SUCCEEDED, is_so, read_entry, said

FIRST_WAIT = timedelta(minutes=1)
"""Before a symbol that failed once is run again; doubled for each further failure, up to LONGEST_WAIT."""
LONGEST_WAIT = timedelta(hours=6)

_LAST = {Phase.BACKFILL: "last_backfill", Phase.SNAPSHOT: "last_snapshot", Phase.STREAM: "last_stream"}


@dataclass(frozen=True, slots=True)
class Claimed:
    """A symbol that this process may run until `expires_at` (UTC), unless it renews."""

    entry: SymbolRegistry
    """As the claim found it, but running."""
    token: str
    worker_id: str
    expires_at: datetime

    @property
    def symbol(self) -> str:
        """Which one."""
        return self.entry.symbol


def wanted(
    now: datetime, *, due_only: bool, not_since: datetime | None, phases: Collection[Phase] = ()
) -> sa.Select[Any]:
    """The symbols that may be run now, those whose last run is longest ago first."""
    stale = _stale(now)
    running = is_so(table.c.status, IngestionStatus.RUNNING)
    query = sa.select(table.c.symbol).where(ENABLED, sa.or_(sa.not_(running), stale))
    if due_only:
        query = query.where(sa.or_(table.c.retry_at.is_(None), table.c.retry_at <= now))
    if not_since is not None:  # what a dead worker began was not run
        query = query.where(sa.or_(stale, _lacks(phases, not_since) if phases else _not_begun(not_since)))
    return query.order_by(table.c.claimed_at.asc().nulls_first(), table.c.symbol)


def _not_begun(since: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(table.c.claimed_at.is_(None), table.c.claimed_at < since)


def _lacks(phases: Collection[Phase], since: datetime) -> sa.ColumnElement[bool]:
    """Of a symbol that did not complete one of `phases` from `since` on, nor failed then. A stream never completes."""
    strategy = sa.func.lower(table.c.strategy)
    lacking = []
    for phase in set(phases) - {Phase.STREAM}:
        having = [one.value for one in IngestionStrategy if phase in one.phases]
        last = table.c[_LAST[phase]]
        lacking.append(sa.and_(strategy.in_(having), sa.or_(last.is_(None), last < since)))
    failed = sa.or_(is_so(table.c.status, IngestionStatus.ERROR), strategy.not_in(list(IngestionStrategy)))
    return sa.or_(sa.and_(failed, _not_begun(since)), sa.and_(sa.not_(failed), sa.or_(*lacking)))


def _stale(now: datetime) -> sa.ColumnElement[bool]:
    """Of a symbol whose worker vanished, or that another program says is running."""
    expired = sa.or_(table.c.lease_expires_at.is_(None), table.c.lease_expires_at <= now)
    return sa.and_(is_so(table.c.status, IngestionStatus.RUNNING), expired)


def claim(connection: sa.Connection, query: sa.Select[Any], worker_id: str, now: datetime) -> list[Claimed]:
    """Take the symbols of `query`, in its order; those that somebody else is taking at this moment are passed over.

    PostgreSQL lets claimers pass each other; on SQLite `Database.write` holds the only write lock already.
    """
    symbols = list(connection.scalars(query.with_for_update(skip_locked=True)))
    taking = (
        sa.update(table)
        .where(table.c.symbol.in_(symbols))
        .values(
            status=IngestionStatus.RUNNING.value,
            worker_id=worker_id,
            lease_token=table.c.lease_token + 1,
            lease_expires_at=now + LEASE,
            claimed_at=now,
            updated_at=now,
        )
        .returning(table)
    )
    rows = {row["symbol"]: row for row in connection.execute(taking).mappings()}
    return [
        Claimed(read_entry(rows[symbol]), str(rows[symbol]["lease_token"]), worker_id, now + LEASE)
        for symbol in symbols
    ]


def renew(connection: sa.Connection, claims: Iterable[Claimed], now: datetime) -> None:
    """Put off the end of these leases."""
    marks = [_marks(claimed) for claimed in claims]
    if marks:
        connection.execute(_HELD.values(lease_expires_at=now + LEASE), marks)


def finish(
    connection: sa.Connection,
    claimed: Claimed,
    done: Mapping[Phase, datetime],
    error: str | None,
    *,
    now: datetime,
    rng: Random,
) -> bool:
    """Write down how a run ended; whether it was still this worker's to end.

    A lease that expired unnoticed is still good: nobody else has begun.
    """
    ended = SUCCEEDED if error is None else _failed(claimed.entry.failures + 1, error, now, rng)
    times = {_LAST[phase]: at for phase, at in done.items()}
    values = {**ended, **times, **NOT_HELD, "updated_at": now}
    return connection.execute(_HELD.values(**values), _marks(claimed)).rowcount == 1


def clear_stale(connection: sa.Connection, now: datetime) -> list[str]:
    """Give back what nobody renews any more. The run that was broken off counts as none."""
    before = sa.case(
        (table.c.failures > 0, IngestionStatus.ERROR.value),
        else_=IngestionStatus.IDLE.value,
    )
    freeing = sa.update(table).where(_stale(now))
    values = {"status": before, "claimed_at": None, "updated_at": now, **NOT_HELD}
    return sorted(connection.scalars(freeing.values(**values).returning(table.c.symbol)), key=str.encode)


def _failed(failures: int, error: str, now: datetime, rng: Random) -> dict[str, Any]:
    return {
        "status": IngestionStatus.ERROR.value,
        "error_message": said(error),
        "failures": failures,
        "retry_at": now + _wait(failures, rng),
    }


def _wait(failures: int, rng: Random) -> timedelta:
    """With up to a half taken off by chance: what failed together is not tried again together."""
    doubled = FIRST_WAIT * (1 << min(failures - 1, 20))
    return min(doubled, LONGEST_WAIT) * rng.uniform(0.5, 1.0)


_HELD = sa.update(table).where(
    table.c.symbol == sa.bindparam("held_symbol"),
    table.c.lease_token == sa.bindparam("held_token"),
    table.c.status == IngestionStatus.RUNNING.value,
)


def _marks(claimed: Claimed) -> dict[str, Any]:
    return {"held_symbol": claimed.symbol, "held_token": int(claimed.token)}
