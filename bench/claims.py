"""What a claim costs with ten tasks queued and with a million, in turns, on SQLite and PostgreSQL.

Each turn adds a task, claims one and finishes it, so that a queue keeps its length; only the claim is timed.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from forebay.clock import SystemClock
from forebay.ledger import Ledger
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Source
from forebay.model.task import Done, TaskDraft, TaskKind

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from postgres_server import create_database, postgresql

SHORT, LONG = 10, 1_000_000
TURNS = 1500
TARGET = 1.3
"""A claim from the long queue may cost so many times one from the short queue."""

_DRAFT = TaskDraft(
    kind=TaskKind.MIRROR,
    key="queued",
    dataset="us_stocks_sip/minute_aggs_v1",
    partition=Partition("stocks/bars_1m", ALL_SYMBOLS, Interval(date(2024, 1, 2), date(2024, 1, 2))),
    destination="archive",
    source=Source.FLATFILE,
)


def run() -> dict[str, object]:
    """Claims a second from either queue, by the median claim, and the ratio of the two costs."""
    results: dict[str, object] = {"target_ratio": TARGET}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        results["sqlite"] = _compare(*(f"sqlite:///{folder}/{length}.db" for length in (SHORT, LONG)))
        try:
            server = stack.enter_context(postgresql())
        except pytest.skip.Exception as missing:
            results["postgresql"] = str(missing)
        else:
            urls = (create_database(server, f"queue_{length}") for length in (SHORT, LONG))
            results["postgresql"] = _compare(*urls)
    return results


def _compare(short_url: str, long_url: str) -> dict[str, float]:
    with Ledger.open(short_url, SystemClock()) as short, Ledger.open(long_url, SystemClock()) as long:
        _queue(short, SHORT)
        _queue(long, LONG)
        turns = [(_turn(short, number), _turn(long, number)) for number in range(TURNS)][TURNS // 10 :]
    quick, slow = (statistics.median(costs) for costs in zip(*turns, strict=True))
    return {
        f"claims_per_second_{SHORT}": round(1 / quick),
        f"claims_per_second_{LONG}": round(1 / slow),
        "cost_ratio": round(slow / quick, 2),
    }


def _queue(ledger: Ledger, length: int) -> None:
    """Queue one task the usual way, and the rest as copies of its row within the database."""
    ledger.tasks.add([_DRAFT])
    with ledger.database.write() as connection:
        columns = [column["name"] for column in sa.inspect(connection).get_columns("tasks")]
        names = [name for name in columns if name not in ("id", "key")]
        listed = ", ".join(names)
        if connection.dialect.name == "sqlite":
            numbers = "(WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n)"
        else:
            numbers = "(SELECT generate_series(2, %d) AS i)"
        copies = f"SELECT 'queued' || i, {listed} FROM tasks, {numbers % length} AS numbers"
        connection.exec_driver_sql(f'INSERT INTO tasks ("key", {listed}) {copies}')
    if ledger.database.dialect == "postgresql":
        _settle(ledger)


def _settle(ledger: Ledger) -> None:
    """What the server does by itself a little later."""
    with ledger.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE tasks")


def _turn(ledger: Ledger, number: int) -> float:
    ledger.tasks.add([replace(_DRAFT, key=f"more/{number}")])
    started = time.perf_counter()
    lease = ledger.tasks.claim("bench")
    cost = time.perf_counter() - started
    assert lease is not None
    ledger.tasks.finish(lease, Done(()))
    return cost
