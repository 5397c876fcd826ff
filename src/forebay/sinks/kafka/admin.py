"""Topics of the cluster: which are there, and those that are missing created."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from typing import TYPE_CHECKING, Any

from structlog import get_logger

from forebay.errors import SinkUnavailable
from forebay.settings.servers import KafkaSettings
from forebay.sinks.kafka.client import library, open_client, translated

if TYPE_CHECKING:
    from concurrent.futures import Future

log = get_logger(__name__)

_AT_ONCE = 500
"""Topics that one request creates."""


class TopicAdmin:
    """Sees to it that topics are there. Asks the cluster once, and again only for what it did not know."""

    def __init__(self, settings: KafkaSettings, conf: dict[str, Any]) -> None:
        self._settings = settings
        self._conf = conf
        self._known: set[str] = set()
        self._client: Any = None

    def ensure(self, topics: Collection[str], seconds: float) -> None:
        """Create those of `topics` that are not there, within `seconds`.

        Raises SinkUnavailable, and SinkRefused naming the topic where it must not be created.
        """
        if self._known.issuperset(topics):
            return
        if self._client is None:
            self._client = open_client("AdminClient", self._conf)
        self._known |= self._listed(seconds)
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

    def _listed(self, seconds: float) -> set[str]:
        kafka = library()
        try:
            return set(self._client.list_topics(timeout=seconds).topics)
        except kafka.KafkaException as error:
            raise translated(error.args[0], "was asked for its topics", self._settings.require_servers()) from error

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
