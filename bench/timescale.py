"""Bars from Kafka into PostgreSQL, beside psql's COPY of the same rows and upserts row by row.

The broker and the database are real; the database waits for its disk in none of the ways. COPY and consumer take
turns, and the fastest of each counts. On a busy machine rates say little, for the consumer needs three processes and
COPY two: the processor time of client and database tells what each would reach with a core of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from forebay.app.consuming import open_consumer
from forebay.clock import SystemClock
from forebay.model.instrument import AssetClass
from forebay.model.message import BarMessage
from forebay.model.partition import Source
from forebay.model.registry import Phase
from forebay.settings import Settings, load
from forebay.sinks.kafka.codec import encode

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from kafka_server import Broker, tansu
from postgres_server import create_database, postgresql

ROWS, SYMBOLS, PARTITIONS, TURNS = 300_000, 1000, 4, 3
SINGLE = 3_000
"""Rows that are upserted one by one."""
TARGET = 0.5
"""Of COPY's rate into the same table."""
START = 1_704_205_800_000
COLUMNS = (
    "symbol text, timestamp timestamptz, open float8, high float8, low float8, close float8, volume float8, "
    "vwap float8, transactions bigint, source text"
)
UPSERT = """INSERT INTO single VALUES (%s, to_timestamp(%s), %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (symbol, timestamp) DO UPDATE SET open = excluded.open, high = excluded.high, low = excluded.low,
close = excluded.close, volume = excluded.volume, vwap = excluded.vwap, transactions = excluded.transactions,
source = excluded.source"""


def run() -> dict[str, object]:
    """Rows a second of each way, and the consumer's rate as a multiple of the others'."""
    with postgresql() as server, tansu() as broker, tempfile.TemporaryDirectory() as folder:
        create_database(server, "bars")
        bars = _bars()
        csv = Path(folder, "bars.csv")
        csv.write_text("".join(map(_line, bars)))
        best: dict[str, float] = {}
        cpu: dict[str, list[float]] = {}
        for turn in range(TURNS):
            _send(broker, f"turn{turn}", bars)
            settings = _settings(server, broker, f"turn{turn}", folder)
            ways = {
                "consume": lambda settings=settings: _consume(settings),
                "replay": lambda settings=settings: _replay(settings),
            }
            ways |= {
                "copy": lambda: _copy(server, csv, ", PRIMARY KEY (symbol, timestamp)"),
                "copy_without_key": lambda: _copy(server, csv, ""),
            }
            for name, way in ways.items():
                with processor_time(server) as spent:
                    took = way()
                best[name] = max(best.get(name, 0.0), ROWS / took)
                cpu[name] = min(cpu.get(name, spent), spent, key=max)
        best["upsert_each_in_one_transaction"] = SINGLE / _single(server, bars, each=False)
        best["upsert_each_in_its_own"] = SINGLE / _single(server, bars, each=True)
    rate, own, copying = best["consume"], cpu["consume"], cpu["copy"]
    return {
        "rows": ROWS,
        "rows_per_second": {name: round(value) for name, value in best.items()},
        "consume_over_copy": round(rate / best["copy"], 2),
        "target_over_copy": TARGET,
        "microseconds_of_processor_per_row": {
            name: {"client": round(client, 2), "database": round(database, 2)}
            for name, (client, database) in cpu.items()
        },
        "consume_over_copy_by_processor_time_of_the_slower_side": round(max(copying) / max(own), 2),
        "consume_over_copy_without_key": round(rate / best["copy_without_key"], 2),
        "consume_over_upsert_each_in_one_transaction": round(rate / best["upsert_each_in_one_transaction"], 1),
        "consume_over_upsert_each_in_its_own": round(rate / best["upsert_each_in_its_own"], 1),
    }


@contextmanager
def processor_time(server: str) -> Iterator[list[float]]:
    """Microseconds of processor for each row: of this process with its programs, and of the server's ended sessions."""
    postmaster = Path(server, "data", "postmaster.pid").read_text().split()[0]

    def now() -> list[float]:
        fields = Path("/proc", postmaster, "stat").read_text().rpartition(")")[2].split()
        return [sum(os.times()[:4]), (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")]

    before, spent = now(), list[float]()
    yield spent
    spent += [(after - first) / ROWS * 1e6 for first, after in zip(before, now(), strict=True)]


def _bars() -> list[BarMessage]:
    """Minute after minute of every symbol, as a stream has them."""
    return [_bar(number) for number in range(ROWS)]


def _bar(number: int) -> BarMessage:
    minute, symbol = divmod(number, SYMBOLS)
    price = 10 + symbol / 7 + minute / 100
    return BarMessage(
        f"S{symbol:04}", AssetClass.STOCKS, "1m", START + 60_000 * minute, price, price + 0.5, price - 0.5, price + 0.1,
        float(100 + number % 1000), price + 0.05, 5 + number % 50, Source.STREAM, Phase.STREAM,
    )  # fmt: skip


def _values(bar: BarMessage) -> tuple[object, ...]:
    prices = (bar.open, bar.high, bar.low, bar.close)
    return (bar.symbol, bar.timestamp / 1000, *prices, bar.volume, bar.vwap, bar.transactions, bar.source.value)


def _line(bar: BarMessage) -> str:
    symbol, seconds, *rest = _values(bar)
    at = time.strftime("%Y-%m-%d %H:%M:%S+00", time.gmtime(float(str(seconds))))
    return ",".join(map(str, (symbol, at, *rest))) + "\n"


def _send(broker: Broker, prefix: str, bars: list[BarMessage]) -> None:
    topic = f"{prefix}.stream.stocks-bars-1m"
    admin, producer = AdminClient(broker.conf), Producer(broker.conf | {"queue.buffering.max.messages": 2 * ROWS})
    for made in admin.create_topics([NewTopic(topic, num_partitions=PARTITIONS, replication_factor=1)]).values():
        made.result(10)
    for number, bar in enumerate(bars):
        producer.produce(topic, encode(bar), bar.symbol.encode(), partition=number % SYMBOLS % PARTITIONS)
        if number % 1000 == 0:
            producer.poll(0)
    assert producer.flush(120) == 0


def _settings(server: str, broker: Broker, prefix: str, folder: str) -> Settings:
    return load(
        environ={
            "FOREBAY_HOME": folder,
            "KAFKA_BOOTSTRAP_SERVERS": broker.address,
            "KAFKA_TOPIC_PREFIX": prefix,
            "DATABASE_URL": f"sqlite:///{folder}/ledger.db",
            "TIMESCALE_HOST": server,
            "TIMESCALE_DB": "bars",
            "TIMESCALE_USER": "postgres",
            "CONSUME_NAME": prefix,
        }
    )


def _consume(settings: Settings) -> float:
    """Seconds from an empty table to the last row, connections and the search for topics included."""
    with _connect(settings.timescale.host) as connection:
        connection.execute("DROP TABLE IF EXISTS ohlcv_1m CASCADE")
    return _consumed(settings, ROWS)


def _replay(settings: Settings) -> float:
    """The same messages again."""
    with _connect(settings.timescale.host) as connection:
        connection.execute("UPDATE forebay_positions SET next_offset = 0")
    return _consumed(settings, 0)


def _consumed(settings: Settings, stored: int) -> float:
    started = time.perf_counter()
    consumer = open_consumer(settings, SystemClock(), once=True)
    figures = consumer.run()
    took = time.perf_counter() - started
    consumer.close()
    _await_end(settings.timescale.host)
    assert (figures.messages, figures.stored) == (ROWS, stored), figures
    return took


def _copy(server: str, csv: Path, key: str) -> float:
    """psql, its start included."""
    with _connect(server) as connection:
        connection.execute("DROP TABLE IF EXISTS bare")
        connection.execute(f"CREATE TABLE bare ({COLUMNS}{key})")
    started = time.perf_counter()
    command = ["psql", "-q", "-h", server, "-U", "postgres", "-d", "bars", "-c", f"\\copy bare FROM '{csv}' CSV"]
    subprocess.run(command, check=True)
    took = time.perf_counter() - started
    _await_end(server)
    return took


def _await_end(server: str) -> None:
    """Until the server's sessions are over: only then their processor time is known."""
    with _connect(server) as connection:
        busy = "SELECT 1 FROM pg_stat_activity WHERE datname = 'bars' AND pid <> pg_backend_pid()"
        while connection.execute(busy).fetchone():
            time.sleep(0.05)
    time.sleep(0.2)


def _single(server: str, bars: list[BarMessage], *, each: bool) -> float:
    with _connect(server) as connection:
        connection.execute("DROP TABLE IF EXISTS single")
        connection.execute(f"CREATE TABLE single ({COLUMNS}, PRIMARY KEY (symbol, timestamp))")
        started = time.perf_counter()
        if each:
            _upsert(connection.execute, bars)
        else:
            with connection.transaction():
                _upsert(connection.execute, bars)
        return time.perf_counter() - started


def _upsert(execute: Callable[..., object], bars: list[BarMessage]) -> None:
    for bar in bars[:SINGLE]:
        execute(UPSERT, _values(bar))


def _connect(server: str) -> psycopg.Connection:
    return psycopg.connect(host=server, user="postgres", dbname="bars", autocommit=True)
