"""Numbers for a monitor: what the service was asked, beside what is kept."""

from __future__ import annotations

import time
from http import HTTPStatus

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forebay.telemetry.tracing import span

_UNKNOWN = "unknown"
"""In place of a path that no endpoint has: else anybody could make a thousand names."""


class Metrics:
    """The numbers of one service."""

    def __init__(self, figures: Collector) -> None:
        """`figures` are those that are read when a monitor asks."""
        self._registry = CollectorRegistry()
        self._registry.register(figures)
        labels = ("method", "route")
        self._answers = Counter(
            "forebay_http_answers", "Requests answered.", (*labels, "status"), registry=self._registry
        )
        self._seconds = Histogram("forebay_http_seconds", "Time to the last byte.", labels, registry=self._registry)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note an answer."""
        self._answers.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


class Counted:
    """ASGI middleware that counts each answer under its endpoint's path."""

    def __init__(self, inside: ASGIApp, metrics: Metrics) -> None:
        self._inside = inside
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, and count it at its end."""
        if scope["type"] != "http":
            await self._inside(scope, receive, send)
            return
        status, began = int(HTTPStatus.INTERNAL_SERVER_ERROR), time.perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        method = scope["method"] if scope["method"] in _METHODS else _UNKNOWN
        with span(method, {"http.request.method": method}, asked_by=Headers(scope=scope)) as traced:
            try:
                await self._inside(scope, receive, noted)
            finally:
                route = getattr(scope.get("route"), "path", _UNKNOWN)
                known = {"http.route": route, "http.response.status_code": status}
                traced.note(known, name=f"{method} {route}")
                self._metrics.count(method, route, status, time.perf_counter() - began)
