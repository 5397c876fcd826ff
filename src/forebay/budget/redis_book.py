"""The book of the shared rate budget in Redis: one script, atomic, by the server's clock. Needs the redis library.

Redis may lose its memory: it is flushed, restarted, fails over. A book that is found empty is believed only where the
server can show that it never forgot anything; otherwise the last minute counts as used up, and nothing is granted for
one. So a loss costs a minute and never a call too many.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from forebay.budget.line import SOON
from forebay.budget.pace import WINDOW
from forebay.budget.shared import Promise, Standing
from forebay.clock import Clock
from forebay.errors import BudgetUnavailable, UsageError

try:
    import redis
    from redis.backoff import ConstantBackoff
    from redis.retry import Retry
except ModuleNotFoundError as error:
    raise UsageError(
        "REDIS_URL is set, but the redis library is not installed",
        remedy="install it: pip install 'forebay[distributed]', or remove REDIS_URL",
    ) from error

_TIMEOUT = 5.0
"""Seconds that Redis may take to accept a connection, and to answer."""
_AGAIN = 15.0
"""Seconds after which a call that Redis did not count may be tried again."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


class RedisBook:
    """For whoever shares the server and the account at the vendor. Usable from several threads, and after a fork.

    With `server_time` the server's clock is everybody's, else `clock`: one under test control stays in control.
    `vendor` is the vendor's address and `api_key` the account's: their hash names the keys, so that two accounts have
    two budgets and no key is ever shown. Raises UsageError for an address that is none. Every method raises
    BudgetUnavailable while Redis is away, and UsageError when it refuses us.
    """

    def __init__(
        self, url: str, vendor: str, api_key: str, calls_per_minute: int, clock: Clock, *, server_time: bool
    ) -> None:
        self.limit = calls_per_minute
        self._clock = None if server_time else clock
        self._client = _client(url)
        self.name = _name(self._client)
        account = sha256(f"{urlsplit(vendor).netloc}\n{api_key}".encode()).hexdigest()[:20]
        # the braces keep both keys on one machine of a cluster
        self._keys = [f"forebay:budget:{{{account}}}:calls", f"forebay:budget:{{{account}}}:pace"]
        self._script = self._client.register_script(files(__package__).joinpath("book.lua").read_text("utf-8"))

    def reserve(self, patience: timedelta | None, *, interactive: bool) -> Promise:
        """The first free moment, not farther off than `patience`."""
        ticket = ("i" if interactive else "b") + uuid4().hex
        longest = "" if patience is None else max(patience, SOON) // _TICK
        promised, wait = self._run("reserve", ticket, longest)
        return Promise(ticket if promised else None, wait * _TICK)

    def look(self, ticket: str) -> timedelta | None:
        """How far off a promised moment is by now, negative once it is over; None: it was taken back."""
        left = self._run("look", ticket)
        return None if left is None else left * _TICK

    def slow_down(self, pause: timedelta) -> None:
        """Grant nothing for `pause`, take promises back, and lower the limit for a while."""
        self._run("slow_down", pause // _TICK)

    def standing(self) -> Standing:
        """The budget at a glance."""
        effective, used, waiting, paused = self._run("standing")
        return Standing(self.limit, effective, used, waiting, paused / 1e6)

    def version(self) -> str:
        """What the server calls itself."""
        with self._translated():
            return str(self._client.info("server")["redis_version"])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _run(self, verb: str, *arguments: Any) -> Any:
        now = "" if self._clock is None else (self._clock.now() - _EPOCH) // _TICK
        with self._translated():
            return self._script(self._keys, [verb, now, self.limit, WINDOW // _TICK, SOON // _TICK, *arguments])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
            raise UsageError(
                f"Redis at {self.name} refuses this login: {error}",
                remedy="look at the user and password of REDIS_URL; the budget runs a script and reads INFO",
            ) from error
        except redis.RedisError as error:
            raise BudgetUnavailable(
                f"Redis at {self.name}, which counts the calls of all workers, does not answer: {error}",
                remedy="start it or correct REDIS_URL; without it nothing is asked of the vendor",
                retry_after=_AGAIN,
            ) from error


def _client(url: str) -> redis.Redis:
    retry = Retry(ConstantBackoff(0.1), retries=2)
    try:
        return redis.Redis.from_url(url, socket_connect_timeout=_TIMEOUT, socket_timeout=_TIMEOUT, retry=retry)
    except ValueError:
        # The address may hold a password: neither it nor the parser's words go into the message or its cause.
        raise UsageError(
            "REDIS_URL is not the address of a Redis server",
            remedy="write redis://host:6379/0, or rediss://:password@host:6379/0 with TLS",
        ) from None


def _name(client: redis.Redis) -> str:
    """Host, port and database as messages may show them."""
    where = client.connection_pool.connection_kwargs
    server = where.get("path") or f"{where.get('host', 'localhost')}:{where.get('port', 6379)}"
    return f"{server}/{where.get('db') or 0}"
