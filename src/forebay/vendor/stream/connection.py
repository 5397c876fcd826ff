"""One connection to a cluster: frames in, requests out. The only file that knows the WebSocket library.

However a connection ends, it ends as `Ended`, with why.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI, WebSocketException
from websockets.frames import CloseCode

from forebay.errors import UsageError
from forebay.model.live import Cause
from forebay.stores.hosts import is_local
from forebay.vendor.stream.events import Status
from forebay.vendor.stream.limits import SessionLimits

_SETTING = "FOREBAY_STREAM_URL"
_WAITING_FRAMES = 8
"""Frames the library holds before ours does: enough to keep it reading."""
_FAREWELL = 2.0
"""Seconds for the closing handshake."""
_CAUSES = {"max_connections": Cause.EVICTED, "slow_consumer": Cause.SLOW, "force_disconnect": Cause.CLOSED}
_log = logging.getLogger("forebay.vendor.stream.wire")
_log.setLevel(logging.WARNING)  # at DEBUG the library writes down what it sends, the key among it


class Ended(Exception):
    """The connection is over."""

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause
        self.detail = detail


class _Direct(connect):
    """Goes nowhere else: what redirects could take the key to another host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Connection:
    """An open connection. Methods raise `Ended`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._said: Status | None = None

    @classmethod
    async def open(cls, url: str, limits: SessionLimits) -> Connection:
        """Connect to a cluster's address. Raises UsageError for one that is none, Ended when nobody answers."""
        try:
            socket = await _Direct(
                url,
                open_timeout=limits.connect,
                ping_interval=limits.ping,
                ping_timeout=limits.ping,
                close_timeout=_FAREWELL,
                max_size=limits.frame,
                max_queue=_WAITING_FRAMES,
                logger=_log,
                proxy=None if is_local(urlsplit(url).hostname or "") else True,
            )
        except InvalidURI as error:
            raise _no_address(url) from error
        except ImportError as error:
            remedy = "Leave this host out of the proxy (NO_PROXY), or install python-socks."
            raise UsageError(f"the stream cannot use the proxy of this environment: {error}", remedy=remedy) from error
        except (OSError, EOFError, ValueError, InvalidHandshake, WebSocketException) as error:
            raise Ended(Cause.CLOSED, f"no connection: {error or type(error).__name__}") from error
        return cls(socket)

    async def receive(self) -> bytes:
        """The next frame."""
        try:
            return await self._socket.recv(decode=False)
        except ConnectionClosed as error:
            raise self._ended(error) from error

    async def send(self, action: str, params: str) -> None:
        """A request of the vendor's form."""
        try:
            await self._socket.send(msgspec.json.encode({"action": action, "params": params}), text=True)
        except ConnectionClosed as error:
            raise self._ended(error) from error

    async def close(self) -> None:
        """Take leave, for two seconds at most; what still comes is read away, for the answer stands behind it."""
        closing = asyncio.ensure_future(self._socket.close())
        with suppress(ConnectionClosed):
            while True:
                await self._socket.recv(decode=False)
        await closing

    def note(self, statuses: Iterable[Status]) -> None:
        """Remember what the server says before it closes: it is why."""
        for status in statuses:
            if status.status in _CAUSES or (status.status.startswith("auth_") and status.status != "auth_success"):
                self._said = status

    def _ended(self, closed: ConnectionClosed) -> Ended:
        frame = closed.rcvd or closed.sent
        how = f"closed with {int(frame.code)} {frame.reason}".strip() if frame else "closed without a word"
        if self._said is not None:
            cause = _CAUSES.get(self._said.status, Cause.CLOSED)
            return Ended(cause, f"{self._said.status}: {self._said.message}; {how}")
        evicted = closed.rcvd is not None and closed.rcvd.code == CloseCode.POLICY_VIOLATION
        return Ended(Cause.EVICTED if evicted else Cause.CLOSED, how)


def checked_url(url: str) -> str:
    """The stream's origin. Raises UsageError for none, and for one that would show the key to everybody on the way."""
    parts = urlsplit(url.rstrip("/"))
    if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.username or parts.password or parts.query:
        raise _no_address(url)
    if parts.scheme == "ws" and not is_local(parts.hostname):
        raise UsageError(
            f"{_SETTING} would send your key unencrypted to {parts.hostname}", remedy="Write wss:// in front."
        )
    return parts.geturl()


def _no_address(url: str) -> UsageError:
    host = urlsplit(url).hostname or ""
    return UsageError(f"{_SETTING} is no address of a stream: {host!r}", remedy="Write it as wss://host[:port].")
