"""Topics of the cluster: which are there, and those that are missing created."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from typing import TYPE_CHECKING, Any

from structlog import get_logger

from forebay.errors import SinkRefused, SinkUnavailable
from forebay.settings.servers import KafkaSettings
from forebay.sinks.kafka.client import ask_for_topics, library, open_client, translated

if TYPE_CHECKING:
    from concurrent.futures import Future

    from confluent_kafka import KafkaError

log = get_logger(__name__)

_AT_ONCE = 500
"""Topics that one request creates."""


class TopicAdmin:
    """Sees to it that topics are there. Asks the cluster once, and again only for what it did not know."""

    def __init__(self, settings: KafkaSettings, conf: dict[str, Any]) -> None:
        self._settings = settings
        self._conf = conf | {"error_cb": self._hear}
        self._known: set[str] = set()
        self._client: Any = None
        self._refusal: SinkRefused | None = None

    def ensure(self, topics: Collection[str], seconds: float) -> None:
        """Create those of `topics` that are not there, within `seconds`.

        Raises SinkUnavailable, and SinkRefused naming the topic where it must not be created.
        """
        if self._known.issuperset(topics):
            return
        if self._client is None:
            self._client = open_client("AdminClient", self._conf)
        servers = self._settings.require_servers()
        self._known |= ask_for_topics(self._client, self._raise_refusal, seconds, servers).keys()
        missing = iter(sorted(set(topics) - self._known))
        while several := list(islice(missing, _AT_ONCE)):
            self._create(several, seconds)
            self._known.update(several)

    def forget(self) -> None:
        """Look again: a topic was removed."""
        self._known.clear()

    def close(self) -> None:
        """Let its connection go; `ensure` makes another."""
        self._client = None

    def _hear(self, error: KafkaError) -> None:
        """The library says why connections fail while it is polled."""
        why = translated(error, "was asked for its topics", self._settings.require_servers())
        if isinstance(why, SinkRefused):
            self._refusal = why

    def _raise_refusal(self) -> None:
        self._client.poll(0.1)
        refusal, self._refusal = self._refusal, None
        if refusal is not None:
            raise refusal

    def _create(self, names: Collection[str], seconds: float) -> None:
        from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

        own = self._settings
        wanted = [NewTopic(name, num_partitions=own.partitions, replication_factor=own.replication) for name in names]
        asked = self._client.create_topics(wanted, operation_timeout=seconds, request_timeout=seconds)
        made = [name for name, answer in asked.items() if self._is_made(name, answer, seconds)]
        if made:
            log.info("kafka_topics_created", topics=len(made), first=min(made))

    def _is_made(self, name: str, answer: Future[None], seconds: float) -> bool:
        """Whether a topic is there through us: somebody may have been faster."""
        servers = self._settings.require_servers()
        try:
            answer.result(seconds)
        except TimeoutError as error:
            said = f"Kafka at {servers} did not create topic {name} within {seconds:g} s"
            raise SinkUnavailable(said, remedy="See that Kafka is well; it is tried again.") from error
        except library().KafkaException as error:
            if error.args[0].name() == "TOPIC_ALREADY_EXISTS":
                return False
            raise translated(error.args[0], f"was asked to create topic {name}", servers) from error
        return True
