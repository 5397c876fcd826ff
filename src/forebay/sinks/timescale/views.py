"""Larger bars of minutes: continuous aggregates over a hypertable, else plain views of the same names."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from structlog import get_logger

log = get_logger(__name__)

_ZONE = "America/New_York"
"""Whose midnights begin a day: evening trading is then of its own day."""


@dataclass(frozen=True, slots=True)
class View:
    """A size of bars."""

    name: str
    width: str
    plain: str
    """Where its window begins, in PostgreSQL's own words."""
    zone: str = ""

    @property
    def bucket(self) -> str:
        """The same in TimescaleDB's."""
        zone = f", '{self.zone}'" if self.zone else ""
        return f"""time_bucket(INTERVAL '{self.width}', "timestamp"{zone})"""


def _binned(width: str) -> str:
    return f"""date_bin(INTERVAL '{width}', "timestamp", TIMESTAMPTZ '2000-01-01 00:00+00')"""


VIEWS = (
    View("ohlcv_5m", "5 minutes", _binned("5 minutes")),
    View("ohlcv_15m", "15 minutes", _binned("15 minutes")),
    View("ohlcv_1h", "1 hour", _binned("1 hour")),
    View("ohlcv_1d_of_minutes", "1 day", f"""date_trunc('day', "timestamp", '{_ZONE}')""", _ZONE),
)

_OF_WINDOW = """max(high) AS high, min(low) AS low, {last} AS close, sum(volume) AS volume,
    CASE WHEN bool_and(vwap IS NOT NULL OR volume = 0) AND sum(volume) > 0
         THEN sum(vwap * volume) / sum(volume) END AS vwap,
    sum(transactions)::bigint AS transactions, count(*) AS minutes"""


def make(connection: psycopg.Connection, table: str, *, continuous: bool) -> None:
    """Make those that are not there; whatever bears such a name is left alone."""
    for view in VIEWS:
        if connection.execute("SELECT to_regclass(%s)::text", [view.name]).fetchone() != (None,):
            continue
        if not (continuous and _aggregate(connection, view, table)):
            connection.execute(f"CREATE VIEW {view.name} AS {_query(view.plain, table, plain=True)}")


def _aggregate(connection: psycopg.Connection, view: View, table: str) -> bool:
    """Whether it could be made; the extension's free edition has none."""
    try:
        with connection.transaction():
            connection.execute(
                f"CREATE MATERIALIZED VIEW {view.name} WITH (timescaledb.continuous, "
                f"timescaledb.materialized_only = false) AS {_query(view.bucket, table, plain=False)} WITH NO DATA"
            )
            connection.execute(
                f"SELECT add_continuous_aggregate_policy('{view.name}', start_offset => NULL, "
                f"end_offset => INTERVAL '{view.width}', schedule_interval => INTERVAL '{view.width}')"
            )
    except psycopg.errors.FeatureNotSupported as error:
        log.info("no_continuous_aggregates", view=view.name, reason=str(error).partition("\n")[0])
        return False
    return True


def _query(bucket: str, table: str, *, plain: bool) -> str:
    first, last = 'first(open, "timestamp")', 'last(close, "timestamp")'
    if plain:
        first = '(array_agg(open ORDER BY "timestamp"))[1]'
        last = '(array_agg(close ORDER BY "timestamp" DESC))[1]'
    rest = _OF_WINDOW.format(last=last)
    return f'SELECT symbol, {bucket} AS "timestamp", {first} AS open, {rest} FROM {table} GROUP BY 1, 2'
