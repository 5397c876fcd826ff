"""The groups of settings for servers that data go to, or through: Redis, Kafka, TimescaleDB."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, SecretStr

from forebay.errors import UsageError
from forebay.settings import checks
from forebay.settings.fields import Group, SecretUrl, setting


class QueueSettings(Group):
    """Redis: broker of hints and home of the shared rate budget. Not needed on one machine."""

    host: str | None = setting("REDIS_HOST", default=None, about="Redis by host instead of by URL.")
    port: Annotated[int, BeforeValidator(checks.service_port)] = setting(
        "REDIS_PORT", default=6379, ge=1, le=65535, about="Its port, when REDIS_HOST is set."
    )
    password: SecretStr | None = setting(
        "REDIS_PASSWORD", default=None, verbatim=True, about="Its password, when REDIS_HOST is set."
    )
    url: Annotated[SecretUrl | None, BeforeValidator(checks.broker_url)] = setting(
        "REDIS_URL",
        "CELERY_BROKER_URL",
        default=None,
        about="redis:// or rediss:// (TLS), with the password in it; not set = no Redis.",
    )
    results: Annotated[SecretUrl | None, BeforeValidator(checks.broker_url)] = setting(
        "CELERY_RESULT_BACKEND",
        default=None,
        about="The Redis, or another database of the same, where Celery keeps results; not set = REDIS_URL. "
        "Set alone it is REDIS_URL, too.",
    )

    def require_url(self) -> str:
        """Redis' address, its password in it. Raises UsageError when none is set."""
        if self.url is None:
            raise UsageError(
                "no Redis: REDIS_URL (or CELERY_BROKER_URL, or REDIS_HOST) is not set",
                remedy="Put REDIS_URL=redis://127.0.0.1:6379/0 into .env: `forebay workers up` starts a Redis there if "
                "none answers. On one machine `forebay worker` needs no Redis at all.",
            )
        return self.url.get_secret_value()

    @property
    def results_url(self) -> str:
        """Where results are kept, a password in it. Raises UsageError when no Redis is set."""
        return self.results.get_secret_value() if self.results else self.require_url()


class KafkaSettings(Group):
    """Where bars are sent on to Kafka."""

    bootstrap_servers: str | None = setting(
        "KAFKA_BOOTSTRAP_SERVERS", default=None, about="host:port, several with commas; not set = no Kafka."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] | None = setting(
        "KAFKA_SECURITY_PROTOCOL", default=None, about="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."
    )
    sasl_mechanism: str | None = setting("KAFKA_SASL_MECHANISM", default=None, about="PLAIN, SCRAM-SHA-256, ...")
    sasl_username: str | None = setting("KAFKA_SASL_USERNAME", default=None, about="The SASL user.")
    sasl_password: SecretStr | None = setting(
        "KAFKA_SASL_PASSWORD", default=None, verbatim=True, about="The SASL user's password."
    )
    ssl_ca_location: Annotated[Path | None, BeforeValidator(checks.at_home)] = setting(
        "KAFKA_SSL_CA_LOCATION", default=None, about="File of trusted authorities."
    )
    ssl_certificate_location: Annotated[Path | None, BeforeValidator(checks.at_home)] = setting(
        "KAFKA_SSL_CERTIFICATE_LOCATION", default=None, about="File of the client's certificate."
    )
    ssl_key_location: Annotated[Path | None, BeforeValidator(checks.at_home)] = setting(
        "KAFKA_SSL_KEY_LOCATION", default=None, about="File of the client's key."
    )
    ssl_key_password: SecretStr | None = setting(
        "KAFKA_SSL_KEY_PASSWORD", default=None, verbatim=True, about="Password of that key file."
    )
    partitions: int = setting("KAFKA_PARTITIONS", default=1, ge=1, about="Partitions of a topic that is created.")
    replication: int = setting("KAFKA_REPLICATION", default=1, ge=1, about="Copies of a topic that is created.")
    topics: Literal["symbol", "channel"] = setting(
        "KAFKA_TOPICS",
        default="symbol",
        about="symbol: a topic for each phase and symbol. channel: one for each phase and kind of data, keyed by "
        "symbol; better for thousands of symbols.",
    )
    prefix: Annotated[str, BeforeValidator(checks.topic_prefix)] = setting(
        "KAFKA_TOPIC_PREFIX", default="chronox", about="What the names of topics begin with."
    )
    buffer: Annotated[int, BeforeValidator(checks.size)] = setting(
        "KAFKA_BUFFER",
        default=64_000_000,
        ge=1_000_000,
        le=2_000_000_000,
        about="Bytes of memory for messages that Kafka has not acknowledged, such as 64MB. When it is full, senders "
        "wait.",
    )
    timeout: float = setting(
        "KAFKA_TIMEOUT",
        default=60,
        gt=0,
        allow_inf_nan=False,
        about="Seconds that a sender waits for room in that buffer, or for an answer, before it says that Kafka is "
        "away.",
    )
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = setting(
        "KAFKA_COMPRESSION", default="lz4", about="How batches of messages are packed."
    )

    def require_servers(self) -> str:
        """Where Kafka is. Raises UsageError when that is not set."""
        if not self.bootstrap_servers:
            raise UsageError(
                "no Kafka: KAFKA_BOOTSTRAP_SERVERS is not set",
                remedy="Put KAFKA_BOOTSTRAP_SERVERS=host:9092 into .env.",
            )
        return self.bootstrap_servers


class TimescaleSettings(Group):
    """A TimescaleDB. When its host is set and `DATABASE_URL` is not, the ledger lives there too."""

    host: str = setting("TIMESCALE_HOST", default="localhost", about="Its host.")
    port: int = setting("TIMESCALE_PORT", default=5432, ge=1, le=65535, about="Its port.")
    database: str = setting("TIMESCALE_DB", default="chronox", about="Its database.")
    user: str = setting("TIMESCALE_USER", default="chronox", about="Its user.")
    password: SecretStr = setting("TIMESCALE_PASSWORD", default="", verbatim=True, about="The user's password.")
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = setting(
        "TIMESCALE_SSLMODE", default="prefer", about="How TLS is used: disable, prefer, require, verify-full, ..."
    )
    chunk_days: int = setting(
        "TIMESCALE_CHUNK_DAYS",
        default=7,
        ge=1,
        le=3650,
        about="Days in one chunk of a hypertable that is made; 1 is better for a whole market.",
    )
    compress_days: int = setting(
        "TIMESCALE_COMPRESS_DAYS",
        default=7,
        ge=0,
        le=3650,
        about="Days after which chunks of a hypertable that is made are compressed; 0 = never.",
    )
