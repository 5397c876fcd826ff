"""The Redis that carries hints, spoken to directly: is it there, how full are its queues, whose turn is it to sweep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from forebay.errors import BrokerUnavailable, UsageError

if TYPE_CHECKING:
    from redis import Redis

_CONNECT, _ANSWER = 3.0, 10.0
"""Seconds that Redis may take to let us in, and to answer."""
_SWEEP = "forebay:sweep"
"""Set while a sweep is under way or has just been: one worker's is enough for all."""
_ASKED = 60
"""Seconds after which a sweep that was asked for is taken to be lost."""


class Broker:
    """One Redis. Every method raises BrokerUnavailable, at once when nobody listens there."""

    def __init__(self, url: str) -> None:
        """`url` may hold a password. Raises UsageError without the client library."""
        self._redis = _connect(url)

    def ping(self) -> None:
        """Return if it answers."""
        with _broker_errors():
            self._redis.ping()

    def depth(self, queue: str) -> int:
        """Messages in a queue that no worker has taken yet."""
        with _broker_errors():
            return int(self._redis.llen(queue))

    def hinted(self, queue: str) -> set[int]:
        """The ledger rows that the messages in a queue name."""
        with _broker_errors():
            messages = self._redis.lrange(queue, 0, -1)
        return {row for message in messages if (row := row_of(message))}

    def may_sweep(self) -> bool:
        """Whether it is time for a sweep; then nobody else is told so for a while."""
        with _broker_errors():
            return bool(self._redis.set(_SWEEP, 1, nx=True, ex=_ASKED))

    def swept(self, pause: float) -> None:
        """A sweep has ended: the next may come after `pause` seconds."""
        with _broker_errors():
            self._redis.set(_SWEEP, 1, px=round(pause * 1000))

    def close(self) -> None:
        """Let go of the connections."""
        self._redis.close()


def row_of(message: str | bytes) -> int | None:
    """The ledger row that a message in a queue is about; None for the sweep, and for what is none of ours."""
    try:
        row, _, _ = json.loads(message)["headers"]["id"].partition("-")
    except (ValueError, KeyError, TypeError):
        return None
    return int(row) if row.isdigit() else None


def _connect(url: str) -> Redis:
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ModuleNotFoundError as error:
        raise UsageError(
            "Redis is configured, and its client library is not installed", remedy="pip install 'forebay[distributed]'"
        ) from error
    return Redis.from_url(
        url, socket_connect_timeout=_CONNECT, socket_timeout=_ANSWER, retry=Retry(NoBackoff(), 0), decode_responses=True
    )


@contextmanager
def _broker_errors() -> Iterator[None]:
    """Redis' own errors as ours."""
    from redis.exceptions import RedisError

    try:
        yield
    except (RedisError, OSError) as error:
        raise BrokerUnavailable(
            f"Redis does not answer: {error}",
            remedy="start it, or correct REDIS_URL; `forebay worker` runs the same tasks without it",
        ) from error
