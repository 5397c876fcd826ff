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


class TimescaleSettings(Group):
    """A TimescaleDB. When its host is set and `DATABASE_URL` is not, the ledger lives there too."""

    host: str = setting("TIMESCALE_HOST", default="localhost", about="Its host.")
    port: int = setting("TIMESCALE_PORT", default=5432, ge=1, le=65535, about="Its port.")
    database: str = setting("TIMESCALE_DB", default="chronox", about="Its database.")
    user: str = setting("TIMESCALE_USER", default="chronox", about="Its user.")
    password: SecretStr = setting("TIMESCALE_PASSWORD", default="", verbatim=True, about="The user's password.")
