"""From a real broker into a real database: what was sent, and consumers of it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Thread

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from made import bar, row

from forebay.app.consuming import open_consumer
from forebay.clock import SystemClock
from forebay.orchestration.consume.consumer import Consumer
from forebay.settings import Settings, TimescaleSettings, load
from forebay.sinks.kafka.codec import encode

_numbers = count(1)


@dataclass
class Pipe:
    """Topics of one test, and its database."""

    broker: object
    database: TimescaleSettings
    folder: object
    prefix: str = field(default_factory=lambda: f"pipe{next(_numbers)}")
    partitions: int = 1
    sent: dict = field(default_factory=dict)
    """Rows that the table is to have, by symbol and time."""

    @property
    def environ(self) -> dict[str, str]:
        return {
            "FOREBAY_HOME": str(self.folder),
            "DATABASE_URL": f"sqlite:///{self.folder}/ledger.db",
            "KAFKA_BOOTSTRAP_SERVERS": self.broker.address,
            "KAFKA_TOPIC_PREFIX": self.prefix,
            "TIMESCALE_HOST": self.database.host,
            "TIMESCALE_DB": self.database.database,
            "TIMESCALE_USER": self.database.user,
            "CONSUME_NAME": self.prefix,
            "CONSUME_BATCH": "150",
            "CONSUME_SECONDS": "0.1",
            "CONSUME_TOPICS_SECONDS": "0.5",
        }

    @property
    def settings(self) -> Settings:
        return load(environ=self.environ)

    def topic(self, name: str) -> str:
        return f"{self.prefix}.stream.{name}"

    def create(self, *names: str, partitions: int = 1) -> None:
        """Make topics."""
        self.partitions = partitions
        wanted = [NewTopic(self.topic(name), num_partitions=partitions, replication_factor=1) for name in names]
        admin = AdminClient(self.broker.conf)
        for answer in admin.create_topics(wanted).values():
            answer.result(10)

    def send(self, minutes: range, *names: str) -> None:
        """A bar of each minute for each symbol, to the topic of its name; the later ones replace earlier ones."""
        producer = Producer(self.broker.conf)
        for minute in minutes:
            for name in names:
                made = bar(name, minute, close=9.0 + len(self.sent) % 5)
                self.sent[name, minute] = row(made)
                producer.produce(self.topic(name), encode(made), partition=minute % self.partitions)
        assert 0 == producer.flush(20)

    def put(self, name: str, *values: bytes | None) -> None:
        """Bytes as they are."""
        producer = Producer(self.broker.conf)
        for value in values:
            producer.produce(self.topic(name), value)
        assert 0 == producer.flush(20)

    @property
    def rows(self) -> list[tuple]:
        """What the table is to hold, in the order of ROWS."""
        return sorted(self.sent.values(), key=lambda each: (each[0].encode(), each[1]))

    def consume(self):
        """All that is there; the figures."""
        consumer = self.open(once=True)
        try:
            return consumer.run()
        finally:
            consumer.close()

    def open(self, *, once: bool = False) -> Consumer:
        return open_consumer(self.settings, SystemClock(), once=once)

    @contextmanager
    def consuming(self):
        """A consumer in the background, stopped at the end."""
        consumer = self.open()
        failed = []

        def run():
            try:
                consumer.run()
            except BaseException as error:  # noqa: BLE001 - told by the test's own thread
                failed.append(error)
            finally:
                consumer.close()

        thread = Thread(target=run)
        thread.start()
        try:
            yield consumer
        finally:
            consumer.stop()
            thread.join(60)
            assert not thread.is_alive()
            assert [] == failed

    def command(self, **environ: str) -> subprocess.CompletedProcess:
        """`forebay consume --once --json` in a process of its own."""
        command = [sys.executable, "-m", "forebay", "consume", "--once", "--json"]
        env = {"PATH": os.environ["PATH"], **self.environ, **environ}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def until(holds, seconds: float = 60) -> None:
    """Return once something holds of real servers."""
    import time

    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


@contextmanager
def small_disk(folder, size: str):
    """A disk of so few bytes, and what makes it larger. Skips where nobody may mount one."""
    folder.mkdir()
    owner = folder.parent.stat()
    options = f"size={size},uid={owner.st_uid},gid={owner.st_gid},mode=700"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder, lambda more: subprocess.run(["mount", "-o", f"remount,size={more}", folder], check=True)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
