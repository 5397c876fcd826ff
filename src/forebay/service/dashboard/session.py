"""Who is looking: the two tokens, the cookie that stands for one of them, and what its bearer may do."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import scrypt, sha256
from typing import Any

from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request

from forebay.clock import Clock
from forebay.settings.service import ServiceSettings

COOKIE = "forebay_session"
LASTS = timedelta(days=7)
"""After that a visitor shows the token again."""
_MOST_CLOSED = 10_000
_ID = re.compile(r"[\w-]{22}", re.ASCII)
_ID_BYTES = 16


class Role(StrEnum):
    """What a visitor may do."""

    NOBODY = "nobody"
    READER = "reader"
    """Look at everything."""
    OWNER = "owner"
    """And order work."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request."""

    role: Role
    id: str | None = None
    """Of the session in the cookie; None where a request brought none."""
    by_cookie: bool = True
    """A browser sends cookies unasked: an action must carry the form's mark as well. A header is sent on purpose."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of the settings; None where one is not set."""

    owner: bytes | None
    reader: bytes | None

    @classmethod
    def of(cls, settings: ServiceSettings) -> Tokens:
        """Those that are set."""
        owner, reader = settings.token, settings.read_token
        return cls(
            owner.get_secret_value().encode() if owner else None, reader.get_secret_value().encode() if reader else None
        )

    @property
    def any(self) -> bool:
        """Whether a token must be shown at all."""
        return bool(self.owner or self.reader)

    def role(self, shown: bytes) -> Role:
        """What this token opens."""
        if self.owner and hmac.compare_digest(shown, self.owner):
            return Role.OWNER
        return Role.READER if self.reader and hmac.compare_digest(shown, self.reader) else Role.NOBODY


class Sessions:
    """Cookies: a signed one for whoever has shown a token, a bare number before that. Nothing of them is stored.

    The key is made from both tokens: when one of them is changed every session is over.
    """

    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        self._clock = clock
        self._signer = URLSafeSerializer(
            _key(tokens), salt="forebay session", signer_kwargs={"key_derivation": "hmac", "digest_method": sha256}
        )
        self._closed: dict[str, datetime] = {}

    def begin(self, role: Role) -> tuple[str, str]:
        """A new session's id and its cookie."""
        name = new_id()
        until = self._clock.now() + LASTS
        return name, str(self._signer.dumps([name, role.value, until.timestamp()]))

    def visitor(self, cookies: Mapping[str, str]) -> Visitor:
        """Who a browser's cookie says that it is: nobody, where it is forged, too old or logged out."""
        shown = cookies.get(COOKIE, "")
        if _ID.fullmatch(shown):
            return Visitor(Role.NOBODY, shown)
        try:
            name, role, until = self._signer.loads(shown)
        except BadData:
            return Visitor(Role.NOBODY)
        if name in self._closed or until <= self._clock.now().timestamp():
            return Visitor(Role.NOBODY)
        return Visitor(Role(role), name)

    def end(self, name: str) -> None:
        """Log a session out: its cookie opens nothing in this process any more."""
        now = self._clock.now()
        for over in [each for each, until in self._closed.items() if until <= now]:
            del self._closed[over]
        if len(self._closed) >= _MOST_CLOSED:
            self._closed.pop(next(iter(self._closed)))
        self._closed[name] = now + LASTS


def _key(tokens: Tokens) -> bytes:
    """Slow to make on purpose: whoever has a cookie shall not find the token by trying words."""
    both = (tokens.owner or b"") + b"\0" + (tokens.reader or b"")
    return scrypt(both, salt=b"forebay dashboard", n=2**14, r=8, p=1)


def new_id() -> str:
    """A number that nobody guesses."""
    return secrets.token_urlsafe(_ID_BYTES)


def form_mark(session: str) -> str:
    """What each form of a session carries: only who knows the session's id can make it."""
    return hmac.new(session.encode(), b"forebay form", sha256).hexdigest()


def visitor_of(request: Request) -> Visitor:
    """Whom the door let in."""
    found: Any = request.scope.get("state", {}).get("visitor")
    return found if isinstance(found, Visitor) else Visitor(Role.NOBODY)
