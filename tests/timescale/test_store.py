"""Batches of bars in a table: precedence, replays, positions, and tables that other programs made."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pipes import until

import psycopg
import pytest
from made import ROWS, bar, row

from forebay.errors import CheckFailed, PositionMoved, SinkRefused, SinkUnavailable
from forebay.model.partition import Source
from forebay.model.place import Move, Place
from forebay.settings import TimescaleSettings
from forebay.sinks.timescale.sink import TimescaleSink
from forebay.sinks.timescale.store import Store, Written

SEED = """CREATE TABLE ohlcv_1m (symbol VARCHAR(32) NOT NULL, timestamp TIMESTAMPTZ NOT NULL,
open NUMERIC, high NUMERIC, low NUMERIC, close NUMERIC, volume BIGINT, vwap NUMERIC,
transactions INTEGER, source VARCHAR(20),
PRIMARY KEY (symbol, timestamp))"""
PLACE = Place("chronox.stream.AAPL", 0)


def test_bars_are_stored_as_they_are(store, sql):
    """Every value of a bar is in its row, null where it has none; AAp and NA are symbols like others."""
    bars = [bar("AAP", volume=None, vwap=None), bar("AAp", 1), bar("NA", 2, transactions=7), bar("Ä'\\", 3)]
    assert Written(4, 4, 4, {"ohlcv_1m": 4}) == store.write(bars)
    assert [row(each) for each in bars] == sql(ROWS)


def test_each_size_of_bars_has_its_table(store, sql):
    """Second, minute and day bars go to tables of their own; a size without a table is an error that stores nothing."""
    sizes = [bar(timeframe=size) for size in ("1s", "1m", "1d")]
    assert {"ohlcv_1s": 1, "ohlcv_1m": 1, "ohlcv_1d": 1} == store.write(sizes).tables
    assert [(1,)] * 3 == [sql(f"SELECT count(*) FROM {table}")[0] for table in ("ohlcv_1s", "ohlcv_1m", "ohlcv_1d")]
    with pytest.raises(CheckFailed, match="5m"):
        store.write([bar(minute=1), bar(timeframe="5m")])
    assert [(1,)] == sql("SELECT count(*) FROM ohlcv_1m")


def test_a_replay_changes_nothing(store, sql):
    """The same batch again stores no row, and leaves even the rows' versions alone."""
    bars = [bar(minute=minute) for minute in range(50)]
    assert 50 == store.write(bars).stored
    before = sql('SELECT xmin::text, ctid::text FROM ohlcv_1m ORDER BY "timestamp"')
    assert Written(50, 50, 0, {"ohlcv_1m": 50}) == store.write(bars)
    assert before == sql('SELECT xmin::text, ctid::text FROM ohlcv_1m ORDER BY "timestamp"')


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two"])
def test_the_better_source_wins(store, sql, together):
    """Of two bars of a minute the better source's stays, whichever came first; of one source the later."""
    pairs = list(enumerate(product(list(Source)[:4], repeat=2)))
    first = [bar(minute=minute, close=10.0, source=source) for minute, (source, _) in pairs]
    second = [bar(minute=minute, close=10.5, source=source) for minute, (_, source) in pairs]
    for batch in [[*first, *second]] if together else [first, second]:
        store.write(batch)
    better = (two if two.source.rank >= one.source.rank else one for one, two in zip(first, second, strict=True))
    assert [row(each) for each in better] == sql(ROWS)


def test_positions_move_with_the_rows_or_not_at_all(store, sql):
    """A position is moved by the batch that stands there; a batch from elsewhere stores nothing, a second first too."""
    store.write([bar()], [Move(PLACE, None, 5)])
    store.write([bar(minute=1)], [Move(PLACE, 5, 6), Move(Place("other", 1), None, 1)])
    for expected in (5, 7, None):
        with pytest.raises(PositionMoved, match="1 of 2 positions"):
            store.write([bar(minute=2)], [Move(PLACE, expected, 8), Move(Place("other", 1), 1, 2)])
    assert {PLACE: 6, Place("other", 1): 1} == store.positions([PLACE, Place("other", 0), Place("other", 1)])
    assert [row(bar()), row(bar(minute=1))] == sql(ROWS)


def test_consumers_of_other_names_have_their_own_positions(store, database):
    """Two consumers of one topic do not move each other."""
    store.write([], [Move(PLACE, None, 5)])
    other = Store(database, "other")
    other.write([], [Move(PLACE, None, 3)])
    other.close()
    assert {PLACE: 5} == store.positions([PLACE])


def test_a_table_of_the_seed_is_adopted(store, sql):
    """A table of that name with a bar's columns in other types stays as it is, and is written to."""
    sql(SEED)
    sql("INSERT INTO ohlcv_1m VALUES ('OLD', '2020-01-02 15:00+00', 1, 1, 1, 1, 1, 1, 1, 'polygon')")
    bars = [bar(volume=100.0, transactions=3), bar(minute=1, volume=7.0)]
    assert 2 == store.write(bars).stored
    assert 0 == store.write(bars).stored
    assert [("AAPL", 100, 3), ("AAPL", 7, None), ("OLD", 1, 1)] == sql(
        "SELECT symbol, volume, transactions FROM ohlcv_1m ORDER BY 1, timestamp"
    )
    assert [("bigint",)] == sql(
        "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attname = 'volume' AND "
        "attrelid = 'ohlcv_1m'::regclass"
    )


def test_a_word_that_is_no_source_of_ours_gives_way(store, sql):
    """In an adopted table, a row of an unknown source is replaced by any of ours, and never replaces one."""
    sql(SEED)
    sql("INSERT INTO ohlcv_1m VALUES ('AAPL', '2024-01-02 14:30+00', 1, 1, 1, 1, 1, 1, 1, 'polygon')")
    assert 1 == store.write([bar(volume=100.0)]).stored
    assert [("stream",)] == sql("SELECT source FROM ohlcv_1m")


def test_a_value_that_an_adopted_column_cannot_hold_stops_the_batch(store, sql):
    """Half a share in a column of whole numbers is not rounded: the batch is rolled back, its position too."""
    sql(SEED)
    store.write([], [Move(PLACE, None, 0)])
    with pytest.raises(SinkRefused, match="1 of 2 rows would not be in ohlcv_1m as they came"):
        store.write([bar(volume=100.0), bar(minute=1, volume=0.5)], [Move(PLACE, 0, 2)])
    assert [(0,)] == sql("SELECT count(*) FROM ohlcv_1m")
    assert {PLACE: 0} == store.positions([PLACE])


@pytest.mark.parametrize(
    ("table", "difference"),
    [
        (SEED.replace("vwap NUMERIC,", ""), "it has no column vwap"),
        (SEED.replace("vwap NUMERIC,", "vwap NUMERIC, feed TEXT,"), "it has a column feed"),
        (SEED.replace("TIMESTAMPTZ", "TIMESTAMP"), "its column timestamp is timestamp without time zone"),
        (SEED.replace("PRIMARY KEY (symbol, timestamp)", "PRIMARY KEY (symbol)"), "no primary key or unique index"),
        ("CREATE VIEW ohlcv_1m AS SELECT 1 AS symbol", "it is no table"),
    ],
)
def test_a_table_of_another_form_is_refused(store, sql, table, difference):
    """A table of that name with other columns is left as it is: the error names the difference and what to do."""
    sql(table)
    with pytest.raises(SinkRefused, match=difference) as refused:
        store.write([bar()])
    assert "ALTER TABLE ohlcv_1m RENAME" in refused.value.remedy
    assert [(None,)] == sql("SELECT to_regclass('forebay_positions')::text")


def test_larger_bars_are_views_of_the_same_names(store, sql):
    """5m, 15m, 1h and days are there on either kind of database, and made of minutes alone."""
    store.write([bar(minute=minute, close=9.0 + minute, transactions=2) for minute in range(-1, 6)])
    expected = [(9.0, 13.0, 8.0, 13.0, 502.5, 9.5, 10, 5), (9.0, 14.0, 8.0, 14.0, 100.5, 9.5, 2, 1)]
    columns = "open, high, low, close, volume, vwap, transactions, minutes"
    assert expected == sql(f"""SELECT {columns} FROM ohlcv_5m WHERE "timestamp" >= '2024-01-02 14:30+00' ORDER BY
                           "timestamp" """)
    assert [(2,), (1,), (1,)] == [
        sql(f"SELECT count(*) FROM {view}")[0] for view in ("ohlcv_15m", "ohlcv_1h", "ohlcv_1d_of_minutes")
    ]


def test_a_database_that_is_not_there_is_said_so():
    """Nobody at the port is worth another try; the error names the place and the settings."""
    absent = Store(TimescaleSettings(host="127.0.0.1", port=1, password="hush"))
    with pytest.raises(SinkUnavailable, match=r"chronox at 127\.0\.0\.1:1 does not answer") as away:
        absent.prepare()
    assert "TIMESCALE_HOST" in away.value.remedy
    assert "hush" not in str(away.value)


def test_a_database_of_another_name_is_refused(database):
    """A database that the server does not have is no matter of waiting."""
    wrong = Store(database.model_copy(update={"database": "nobody"}))
    with pytest.raises(SinkRefused, match="is not there") as refused:
        wrong.prepare()
    assert "createdb" in refused.value.remedy


def test_a_server_that_hangs_is_given_up(store, sql):
    """A server process that is stopped, and answers nothing any more, costs no more than the deadline."""
    store.write([bar()])
    (pid,) = sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'forebay'")[0]
    store.deadline = 0.3
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(SinkUnavailable, match="does not answer"):
            store.write([bar(minute=1)])
    finally:
        os.kill(pid, signal.SIGCONT)
    store.write([bar(minute=1)])
    assert [row(bar()), row(bar(minute=1))] == sql(ROWS)


def test_as_a_sink_it_stores_what_it_is_given(store, sql):
    """What `send` returned of is in the table."""
    sink = TimescaleSink(store)
    sink.send([bar(), bar(minute=1)])
    sink.flush(1)
    sink.close()
    assert 2 == sink.stored
    assert [(2,)] == sql("SELECT count(*) FROM ohlcv_1m")


def test_a_row_of_another_session_is_seen_by_the_next_attempt(store, database, sql):
    """Two that store a bar at once: the slower one is told to try again, and then finds the better source there."""
    store.prepare()
    better = bar(source=Source.REST, close=10.5)
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(host=database.host, dbname=database.database, user=database.user) as other,
    ):
        other.execute("INSERT INTO ohlcv_1m VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", row(better))
        attempt = pool.submit(store.write, [bar(), bar(minute=1)])
        until(lambda: attempt.done() or sql("SELECT 1 FROM pg_locks WHERE NOT granted"))
        other.commit()
        with pytest.raises(SinkUnavailable, match="duplicate key"):
            attempt.result(60)
    assert 1 == store.write([bar(), bar(minute=1)]).stored
    assert [row(better), row(bar(minute=1))] == sql(ROWS)


def test_a_trigger_that_keeps_rows_out_stops_the_batch(store, sql):
    """Rows that a table's own rules drop are not passed off as stored."""
    store.prepare()
    sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    sql("CREATE TRIGGER refuse BEFORE INSERT ON ohlcv_1m FOR EACH ROW WHEN (NEW.symbol = 'MSFT') EXECUTE FUNCTION "
        "refuse()")  # fmt: skip
    with pytest.raises(SinkRefused, match="1 of 2 rows would not be in ohlcv_1m as they came"):
        store.write([bar(), bar("MSFT")])
    assert [(0,)] == sql("SELECT count(*) FROM ohlcv_1m")


def test_a_table_with_rules_of_rows_is_written_to(database, sql):
    """Where row-level security stands, which COPY does not take, rows go in by INSERT."""
    owner = Store(database)
    owner.prepare()
    owner.close()
    sql("CREATE ROLE writer LOGIN")
    sql("GRANT ALL ON SCHEMA public TO writer")
    sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO writer")
    sql("ALTER TABLE ohlcv_1m ENABLE ROW LEVEL SECURITY")
    sql("CREATE POLICY everything ON ohlcv_1m USING (true)")
    writer = Store(database.model_copy(update={"user": "writer"}))
    assert 2 == writer.write([bar(), bar(minute=1)]).stored
    writer.close()
    assert [row(bar()), row(bar(minute=1))] == sql(ROWS)
    sql("DROP OWNED BY writer")
    sql("DROP ROLE writer")
