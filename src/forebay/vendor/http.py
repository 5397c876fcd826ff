"""One question to the vendor's REST service: paced, bounded in time and size, retried a little, translated.

The only file that knows the HTTP library. The key travels in a header, never in an address.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import TypeVar
from urllib.parse import urlsplit

import httpx2

from forebay.clock import Clock
from forebay.errors import PageRejected, RateLimited, UsageError, VendorUnavailable
from forebay.stores.backoff import Backoff, Jitter
from forebay.stores.hosts import is_local
from forebay.telemetry.tracing import Noted, span
from forebay.vendor.addresses import checked_address, origin
from forebay.vendor.answers import refusal
from forebay.vendor.body import BodyCut, read_body
from forebay.vendor.limits import Budget

T = TypeVar("T")

_MINUTE = 60.0
"""The vendor counts calls by the minute."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines of one call, in seconds."""

    connect: float = 10.0
    read: float = 30.0
    """Between two bytes that arrive."""
    total: float = 120.0
    """From the first byte sent to the last byte read."""
    throttled: float = 180.0
    """Waits after 429 answers, together; then the task gives its place to another."""
    budget: float = 900.0
    """For the rate budget: many workers may stand in line at five calls a minute."""


class VendorHttp:
    """A keep-alive pool to one host. Safe to use from several threads."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        budget: Budget,
        clock: Clock,
        *,
        transport: httpx2.BaseTransport | None = None,
        timeouts: Timeouts | None = None,
        jitter: Jitter = random.random,
    ) -> None:
        address = checked_address(base_url, "FOREBAY_REST_URL")
        self._base = address.geturl()
        self._origin = origin(self._base)
        self._budget = budget
        self._clock = clock
        self._limits = timeouts or Timeouts()
        self._backoff = Backoff(jitter=jitter)
        self._client = httpx2.Client(
            headers=_headers(api_key),
            timeout=httpx2.Timeout(self._limits.read, connect=self._limits.connect),
            limits=httpx2.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=30.0),
            transport=transport,
            trust_env=not is_local(address.hostname or ""),  # a proxy cannot reach this machine's own servers
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def is_own(self, url: str) -> bool:
        """Whether an absolute address is on the configured host, so that the key may be sent there."""
        try:
            return origin(url) == self._origin
        except ValueError:
            return False

    def get(self, url: str, params: Mapping[str, str], read: Callable[[bytes], T]) -> T:
        """Ask `url` (a path, or an absolute address on the configured host) and hand the body to `read`.

        A 5xx, a timeout, a cut connection and a PageRejected of `read` are asked again a few times; a 429 slows
        everybody down and is asked again within its deadline; any other error is raised at once, as is RateLimited of
        a budget that grants nothing in time.
        """
        failures, throttled = 0, 0.0
        while True:
            self._budget.acquire(self._limits.budget)
            try:
                return read(self._ask(url, params))
            except RateLimited as error:
                throttled = self._wait_out(error, throttled)
            except (VendorUnavailable, PageRejected):
                failures += 1
                if failures >= self._backoff.attempts:
                    raise
                self._clock.sleep(self._backoff.wait(failures))

    def _wait_out(self, error: RateLimited, waited: float) -> float:
        """Wait as a 429 asks; the seconds waited in all. Raises the error when they would be too many."""
        asked = _MINUTE / 4 if error.retry_after is None else error.retry_after
        seconds = max(asked, min(waited, _MINUTE), 1.0)  # doubles, so that a Retry-After of 0 cannot go on for ever
        self._budget.slow_down(seconds)
        if waited + seconds > self._limits.throttled:
            raise error
        self._clock.sleep(seconds + self._backoff.wait(1))
        return waited + seconds

    def _ask(self, url: str, params: Mapping[str, str]) -> bytes:
        address = url if "://" in url else self._base + url
        if not self.is_own(address):
            raise PageRejected("the vendor pointed to another host than the configured one; it was not asked")
        asked = urlsplit(address).path
        with span("vendor call", {"url.path": asked}) as noted:
            return self._answer(address, asked, params, noted)

    def _answer(self, address: str, asked: str, params: Mapping[str, str], noted: Noted) -> bytes:
        deadline = self._clock.elapsed() + self._limits.total
        try:
            with self._client.stream("GET", address, params=params or None) as answer:
                body = read_body(answer.headers, answer.iter_raw(), late=lambda: self._clock.elapsed() > deadline)
        except (httpx2.HTTPError, httpx2.InvalidURL, BodyCut) as error:
            raise VendorUnavailable(
                f"no whole answer from the vendor to {asked}: {type(error).__name__}: {error}",
                remedy="Check the network and FOREBAY_REST_URL; otherwise try again later.",
            ) from error
        noted.note({"http.response.status_code": answer.status_code, "http.response.body.size": len(body)})
        if answer.status_code != HTTPStatus.OK:
            raise refusal(answer.status_code, answer.headers, body, asked, self._clock.now())
        return body


def _headers(api_key: str) -> dict[str, str]:
    if not (api_key.isascii() and api_key.isprintable()) or " " in api_key or not api_key:
        raise UsageError("the API key is empty or holds blanks", remedy="Set POLYGON_API_KEY to the key alone.")
    return {
        "Authorization": f"Bearer {api_key}",
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": f"forebay/{version('forebay')}",
    }
