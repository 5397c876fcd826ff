"""What the extension adds; skipped, and said, where it is not installed."""

import pytest
from made import ROWS, bar, row

from forebay.model.partition import Source


@pytest.fixture
def extended(server, sql):
    if not server.has_timescaledb:
        pytest.skip("the extension TimescaleDB is not installed (FOREBAY_POSTGRES_PROGRAMS names another PostgreSQL)")
    sql("CREATE EXTENSION timescaledb")
    return sql


def test_tables_are_hypertables_with_their_policies(extended, store):
    """Minutes are a hypertable that is compressed by symbol, and larger bars are continuous aggregates of it."""
    assert store.prepare().timescaledb
    tables = extended("SELECT hypertable_name, compression_enabled FROM timescaledb_information.hypertables ORDER BY 1")
    assert [(f"ohlcv_{size}", True) for size in ("1d", "1m", "1s")] == [
        each for each in tables if each[0].startswith("ohlcv")
    ]
    assert [("ohlcv_15m",), ("ohlcv_1d_of_minutes",), ("ohlcv_1h",), ("ohlcv_5m",)] == extended(
        "SELECT view_name FROM timescaledb_information.continuous_aggregates ORDER BY 1"
    )
    jobs = dict(extended("SELECT proc_name, count(*) FROM timescaledb_information.jobs GROUP BY 1"))
    assert (3, 4) == (jobs["policy_compression"], jobs["policy_refresh_continuous_aggregate"])


def test_a_compressed_chunk_takes_a_repair(extended, store):
    """Rows of a compressed chunk are replaced by a better source, others are added, and a replay changes nothing."""
    bars = [bar(minute=minute) for minute in range(200)]
    store.write(bars)
    extended("SELECT compress_chunk(c) FROM show_chunks('ohlcv_1m') c")
    repaired = [bar(minute=minute, close=10.5, source=Source.REST) for minute in range(100, 300)]
    assert 200 == store.write(repaired).stored
    assert (0, 0) == (store.write(repaired).stored, store.write(bars).stored)
    assert [row(each) for each in [*bars[:100], *repaired]] == extended(ROWS)


def test_aggregates_show_what_is_not_refreshed_yet(extended, store):
    """A view of larger bars shows a minute at once, and one of an old day after its refresh."""
    store.write([bar(), bar(minute=1)])
    count = "SELECT sum(minutes)::int FROM ohlcv_5m"
    assert [(2,)] == extended(count)
    extended("CALL refresh_continuous_aggregate('ohlcv_5m', NULL, NULL)")
    store.write([bar(minute=-1440)])
    extended("CALL refresh_continuous_aggregate('ohlcv_5m', NULL, NULL)")
    assert [(3,)] == extended(count)
