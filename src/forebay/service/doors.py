"""Who may come in, and with how much: looked at before anything is read or routed."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from forebay.service.dashboard.session import Role, Sessions, Tokens, Visitor
from forebay.service.faults import Refusal, answer, answer_to, wants_page

OPEN = frozenset({"/health", "/ready", "/openapi.json", "/login"})
"""Answered without a token: probes have none, the description is no secret, and where a person shows the token."""
_LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({"/login", "/logout", "/theme"})
"""Actions on one's own browser alone."""
MOST_BYTES = 1_000_000
"""Of a request's body: a few thousand symbols."""
_TOO_LARGE = (f"a body has {MOST_BYTES:,} bytes at most", "send less at once")
_SPACE = " "


class Doors:
    """ASGI middleware. With a token it must be shown; without one only this machine, and no web page, is answered.

    A web page can send requests to the machine it is read on, under the name of a site of its own: that is why a
    tokenless service looks at Host and Origin too. Whom it lets in it notes as `visitor` in the request's state.
    """

    def __init__(self, inside: ASGIApp, tokens: Tokens, sessions: Sessions) -> None:
        self._inside = inside
        self._tokens = tokens
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            await self._inside(scope, receive, send)
            return
        headers = Headers(scope=scope)
        visitor = self._visitor(scope, headers)
        scope.setdefault("state", {})["visitor"] = visitor
        refusal = self._refusal(scope, headers, visitor)
        if refusal is None:
            await self._inside(scope, _bounded(receive), send)
        else:
            await refusal(scope, receive, send)

    def _visitor(self, scope: Scope, headers: Headers) -> Visitor:
        """Who asks. A cookie opens pages alone: what programs ask takes the token in its header."""
        shown = _bearer(headers)
        if shown is not None and self._tokens.any:
            return Visitor(self._tokens.role(shown), by_cookie=False)
        found = self._sessions.visitor(Request(scope).cookies)
        if not self._tokens.any:
            return Visitor(Role.OWNER, found.id)
        return Visitor(Role.NOBODY) if _for_programs(scope["path"]) else found

    def _refusal(self, scope: Scope, headers: Headers, visitor: Visitor) -> Response | None:
        if any(char < _SPACE for char in scope["path"]):
            return answer(
                HTTPStatus.BAD_REQUEST, "bad_request", "the path has a control character in it", "leave it out"
            )
        if not _declared(headers) <= MOST_BYTES:
            return answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", *_TOO_LARGE)
        if not self._tokens.any:
            return _stranger(scope, headers)
        return _barred(scope, visitor.role)


def _barred(scope: Scope, role: Role) -> Response | None:
    """What is answered in place of what a visitor must not have."""
    path, acts = scope["path"], scope["method"] not in _LOOKS
    if path in OPEN or path.startswith("/static/"):
        return None
    if role is Role.NOBODY:
        return _unknown(scope, acts=acts)
    if acts and role is Role.READER and path not in _OWN:
        return answer_to(Request(scope), HTTPStatus.FORBIDDEN, "read_only", *_READ_ONLY)
    return None


_READ_ONLY = ("this token is for looking alone", "an action takes FOREBAY_API_TOKEN")


def _for_programs(path: str) -> bool:
    return path == "/metrics" or path.startswith("/api/")


def _bearer(headers: Headers) -> bytes | None:
    """The token in the header; None where there is no such header."""
    if "authorization" not in headers:
        return None
    scheme, _, shown = headers["authorization"].partition(" ")
    return shown.strip().encode("latin-1") if scheme.lower() == "bearer" else b""


def _unknown(scope: Scope, *, acts: bool) -> Response:
    """A person is led to where the token is shown; a program is told."""
    if wants_page(Request(scope)):
        asked = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        return RedirectResponse("/login" if acts else f"/login?next={quote(asked)}", HTTPStatus.SEE_OTHER)
    return answer(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        "the token is missing or wrong",
        "send `Authorization: Bearer` and the FOREBAY_API_TOKEN of the service",
        {"WWW-Authenticate": "Bearer"},
    )


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
