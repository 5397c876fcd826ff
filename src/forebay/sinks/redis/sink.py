"""Redis' pub/sub as a sink: best effort. It never keeps anybody waiting, and counts what nobody got."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import Empty, Full, Queue
from threading import Event, Thread

from structlog import get_logger

from forebay.errors import UsageError
from forebay.model.message import Message

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ModuleNotFoundError as error:
    raise UsageError(
        f"Redis needs {error.name}, which is not installed", remedy="install it: pip install 'forebay[live]'"
    ) from error

log = get_logger(__name__)

_ROOM = 100
"""Batches that wait at most."""
_ANSWER, _PAUSE = 1.0, 2.0
"""Seconds that Redis may take to answer, and for which it is left alone after it did not."""
_CLOSING = 2.0


class RedisSink:
    """A `Sink` that loses what Redis cannot take now: whoever needs every bar reads Kafka or the database.

    Counts: `published` messages somebody listened to, `unheard` ones nobody did, `lost` ones because Redis was away
    or behind.
    """

    name = "redis"

    def __init__(self, url: str, encode: Callable[[Message], bytes], prefix: str = "chronox") -> None:
        """Connects when there is something to send. Raises UsageError for an address that is none."""
        self.published = self.unheard = self.lost = 0
        self._encode, self._prefix = encode, prefix
        self._waiting: Queue[Sequence[Message]] = Queue(_ROOM)
        self._stopped, self._away = Event(), False
        try:
            self._client = redis.Redis.from_url(
                url, socket_timeout=_ANSWER, socket_connect_timeout=_ANSWER, retry=Retry(NoBackoff(), 0)
            )
        except ValueError as error:
            raise UsageError(f"REDIS_URL is no address: {error}", remedy="redis://host:6379/0") from error
        self._thread = Thread(target=self._work, name="redis", daemon=True)
        self._thread.start()

    def send(self, messages: Sequence[Message]) -> None:
        """Take them if there is room; returns at once, and raises nothing."""
        try:
            self._waiting.put_nowait(messages)
        except Full:
            self.lost += len(messages)

    def flush(self, seconds: float) -> None:
        """Wait until all that was taken is sent or lost, `seconds` at most; raises nothing."""
        with self._waiting.all_tasks_done:
            self._waiting.all_tasks_done.wait_for(lambda: not self._waiting.unfinished_tasks, seconds)

    def close(self) -> None:
        """Send what waits, if that is possible soon, and let the connection go."""
        self.flush(_CLOSING)
        self._stopped.set()
        self._thread.join(_CLOSING)
        self._client.close()

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                messages = self._waiting.get(timeout=0.1)
            except Empty:
                continue
            self._publish(messages)
            self._waiting.task_done()

    def _publish(self, messages: Sequence[Message]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for message in messages:
            pipeline.publish(f"{self._prefix}.stream.{message.symbol}", self._encode(message))
        try:
            heard = [bool(listeners) for listeners in pipeline.execute()]
        except redis.RedisError as error:
            self.lost += len(messages)
            if not self._away:
                log.warning("redis_away", why=str(error), detail="live bars are not published until it is back")
            self._away = True
            self._stopped.wait(_PAUSE)
            return
        if self._away:
            log.info("redis_back", lost=self.lost)
        self._away = False
        self.published += sum(heard)
        self.unheard += len(heard) - sum(heard)
