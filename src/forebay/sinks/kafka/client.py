"""What every client of Kafka is told of the settings, and what its errors mean to a person."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from forebay.errors import SinkError, SinkRefused, SinkUnavailable, UsageError
from forebay.settings.servers import KafkaSettings

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

_unheard = logging.getLogger(__name__)
_unheard.disabled = True  # the library's own lines repeat, several a second, what our errors say once


def library() -> ModuleType:
    """confluent_kafka. Raises UsageError where it is not installed."""
    try:
        import confluent_kafka
    except ImportError as error:
        raise UsageError("Kafka needs a library that is not installed", remedy='pip install "forebay[live]"') from error
    return confluent_kafka


def configuration(settings: KafkaSettings) -> dict[str, Any]:
    """What producers, consumers and administrators share. It holds passwords: for the library alone.

    Raises UsageError where no server is named.
    """
    given = {
        "security.protocol": settings.security_protocol,
        "sasl.mechanism": settings.sasl_mechanism,
        "sasl.username": settings.sasl_username,
        "sasl.password": settings.sasl_password and settings.sasl_password.get_secret_value(),
        "ssl.ca.location": settings.ssl_ca_location and str(settings.ssl_ca_location),
        "ssl.certificate.location": settings.ssl_certificate_location and str(settings.ssl_certificate_location),
        "ssl.key.location": settings.ssl_key_location and str(settings.ssl_key_location),
        "ssl.key.password": settings.ssl_key_password and settings.ssl_key_password.get_secret_value(),
    }
    return {
        "bootstrap.servers": settings.require_servers(),
        "client.id": "forebay",
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 2000,
        "logger": _unheard,
        **{name: value for name, value in given.items() if value is not None},
    }


def open_client(kind: str, conf: dict[str, Any]) -> Any:
    """A `Producer`, `Consumer` or `AdminClient`. Raises UsageError for settings that the library refuses."""
    kafka = library()
    from confluent_kafka.admin import AdminClient

    made = AdminClient if kind == "AdminClient" else getattr(kafka, kind)
    try:
        return made(conf)
    except kafka.KafkaException as error:
        raise UsageError(
            f"Kafka's library refuses the settings: {error.args[0].str()}",
            remedy="Correct the KAFKA_* settings: `forebay config show` lists them.",
        ) from error


def ask_for_topics(client: Any, hear: Callable[[], None], seconds: float, servers: str) -> dict[str, Any]:
    """Topic to what the cluster says of it, within `seconds`.

    It is asked briefly at first: why it does not answer is told by the library only in between, where `hear` raises
    what waiting does not help. Raises SinkUnavailable.
    """
    until, wait = time.monotonic() + seconds, 0.5
    while True:
        try:
            found: dict[str, Any] = client.list_topics(timeout=max(0.1, min(wait, until - time.monotonic()))).topics
        except library().KafkaException as error:
            hear()
            if time.monotonic() >= until:
                raise translated(error.args[0], "was asked for its topics", servers) from error
            wait *= 2
        else:
            return found


def translated(error: KafkaError, doing: str, servers: str) -> SinkError:
    """An error of the library as ours; `doing` says what was asked for."""
    code = error.name()
    said = f"Kafka at {servers} {doing}: {error.str()}"
    if remedy := _REFUSALS.get(code):
        return SinkRefused(said, remedy=remedy)
    return SinkUnavailable(said, remedy=_AWAY)


_AWAY = (
    "See that Kafka runs, that KAFKA_BOOTSTRAP_SERVERS names it and KAFKA_SECURITY_PROTOCOL is what that port speaks; "
    "it is tried again."
)
_USER = "Correct KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD, KAFKA_SASL_MECHANISM and KAFKA_SECURITY_PROTOCOL."
_CREATE = (
    "Create the topic by hand (kafka-topics.sh --create --topic NAME), or give the user of KAFKA_SASL_USERNAME the "
    "right to create, describe and write to topics that begin with KAFKA_TOPIC_PREFIX; KAFKA_TOPICS=channel needs a "
    "handful of topics instead of one for each symbol."
)
_REFUSALS = {
    "_AUTHENTICATION": _USER,
    "SASL_AUTHENTICATION_FAILED": _USER,
    "UNSUPPORTED_SASL_MECHANISM": _USER,
    "ILLEGAL_SASL_STATE": _USER,
    "_SSL": "Correct KAFKA_SECURITY_PROTOCOL and the KAFKA_SSL_* settings.",
    "TOPIC_AUTHORIZATION_FAILED": _CREATE,
    "CLUSTER_AUTHORIZATION_FAILED": _CREATE,
    "POLICY_VIOLATION": _CREATE,
    "UNKNOWN_TOPIC_OR_PART": _CREATE,
    "_UNKNOWN_TOPIC": _CREATE,
    "INVALID_REPLICATION_FACTOR": "Set KAFKA_REPLICATION to the number of brokers at most.",
    "INVALID_PARTITIONS": "Correct KAFKA_PARTITIONS.",
    "INVALID_TOPIC_EXCEPTION": "Correct KAFKA_TOPIC_PREFIX.",
    "TOPIC_EXCEPTION": "Correct KAFKA_TOPIC_PREFIX.",
}
