"""Who may come in, and with how much: looked at before anything is read or routed."""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forebay.service.faults import Refusal, answer

OPEN = frozenset({"/health", "/ready", "/openapi.json"})
"""Answered without a token: probes have none, and the description is no secret."""
MOST_BYTES = 1_000_000
"""Of a request's body: a few thousand symbols."""
_TOO_LARGE = (f"a body has {MOST_BYTES:,} bytes at most", "send less at once")
_SPACE = " "


class Doors:
    """ASGI middleware. With a token it must be shown; without one only this machine, and no web page, is answered.

    A web page can send requests to the machine it is read on, under the name of a site of its own: that is why a
    tokenless service looks at Host and Origin too.
    """

    def __init__(self, inside: ASGIApp, token: str | None) -> None:
        self._inside = inside
        self._token = token.encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            await self._inside(scope, receive, send)
            return
        refusal = self._refusal(scope, Headers(scope=scope))
        if refusal is None:
            await self._inside(scope, _bounded(receive), send)
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        if any(char < _SPACE for char in scope["path"]):
            return answer(
                HTTPStatus.BAD_REQUEST, "bad_request", "the path has a control character in it", "leave it out"
            )
        if not _declared(headers) <= MOST_BYTES:
            return answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", *_TOO_LARGE)
        if self._token is None:
            return _stranger(scope, headers)
        if scope["path"] in OPEN or _shows(headers, self._token):
            return None
        return answer(
            HTTPStatus.UNAUTHORIZED,
            "unauthorized",
            "the token is missing or wrong",
            "send `Authorization: Bearer` and the FOREBAY_API_TOKEN of the service",
            {"WWW-Authenticate": "Bearer"},
        )


def _shows(headers: Headers, token: bytes) -> bool:
    scheme, _, shown = headers.get("authorization", "").partition(" ")
    return compare_digest(shown.strip().encode("latin-1"), token) and scheme.lower() == "bearer"


def _stranger(scope: Scope, headers: Mapping[str, str]) -> Response | None:
    client = (scope.get("client") or ("", 0))[0]
    origin = headers.get("origin")
    host = f"//{headers.get('host', '')}"
    if is_loopback(client) and _is_here(host) and (origin is None or _is_here(origin)):
        return None
    return answer(
        HTTPStatus.FORBIDDEN,
        "forbidden",
        "without a token this service answers programs of its own machine alone",
        "set FOREBAY_API_TOKEN and start it again",
    )


def _is_here(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether a host's name or address means this very machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _declared(headers: Headers) -> float:
    """The bytes that a body is said to have; endless where that is no number."""
    said = headers.get("content-length", "0")
    return int(said) if said.isascii() and said.isdigit() else float("inf")


def _bounded(receive: Receive) -> Receive:
    """A body that does not say its size is cut off where it becomes too large."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BYTES:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, *_TOO_LARGE, kind="too_large")
        return message

    return bounded
