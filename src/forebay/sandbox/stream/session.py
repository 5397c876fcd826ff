"""One connection's side of the protocol: banner, key, subscriptions. Source: the vendor's streaming page, section 1."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from forebay.model.live import WILDCARD, Cluster, Subscription
from forebay.sandbox.faults import STREAM_ENDINGS, STREAM_PAIRS, Faults
from forebay.sandbox.plans import Plan
from forebay.sandbox.stream.channels import CHANNELS, MOST_OPTION_QUOTES, Content, includes, parse
from forebay.sandbox.stream.clock import ReplayClock
from forebay.sandbox.stream.listener import Audience, Listener, status
from forebay.sandbox.wire import Subject

_DELAYED = "delayed"
_CONNECTED = ("connected", "Connected Successfully")
_AUTHENTICATED = ("auth_success", "authenticated")
_WRONG_KEY = ("auth_failed", "authentication failed")
_NO_STREAM = ("auth_failed", "Your plan doesn't include websocket access.")
_TOO_LATE = ("auth_timeout", "No authentication request received.")
_REFUSED = ("error", "not authorized")


_DOORS = {"stream_auth_failed": _WRONG_KEY, "stream_no_plan": _NO_STREAM, "stream_auth_timeout": _TOO_LATE}


def place_of(path: str) -> tuple[Cluster, bool] | None:
    """The cluster a path names and whether on the delayed host (`/delayed/stocks`); None for any other path."""
    parts = path.partition("?")[0].strip("/").split("/")
    delayed = parts[0] == _DELAYED
    names = parts[1:] if delayed else parts
    return (Cluster(names[0]), delayed) if len(names) == 1 and names[0] in list(Cluster) else None


class Sessions:
    """Serves connections one by one: whoever has the right key joins the audience."""

    def __init__(
        self, audience: Audience, clock: ReplayClock, plan: Plan, api_key: str, auth_within: float, faults: Faults
    ) -> None:
        self._audience = audience
        self._clock = clock
        self._plan = plan
        self._key = api_key
        self._auth_within = auth_within
        self._faults = faults

    def admit(self, socket: ServerConnection, request: Request) -> Response | None:
        """Whether to shake hands: None, or the HTTP answer instead."""
        place = place_of(request.path)
        if place is None:
            return socket.respond(HTTPStatus.NOT_FOUND, "There is no such cluster.\n")
        rule = self._faults.strike(_subject(*place), ("stream_refused",))
        if rule:
            return socket.respond(HTTPStatus(rule.status or HTTPStatus.SERVICE_UNAVAILABLE), "Not now.\n")
        return None

    async def serve(self, socket: ServerConnection) -> None:
        """From the banner to the end of the connection."""
        place = place_of(socket.request.path if socket.request else "")
        assert place  # other paths were answered with 404
        listener = Listener(socket, *place)
        listener.say(status(*_CONNECTED))
        try:
            if await self._admits(listener):
                await self._listen(listener)
        except ConnectionClosed:
            return

    async def _admits(self, listener: Listener) -> bool:
        """Whether the key comes in time and is right; otherwise the reason is said and the connection drops."""
        try:
            async with asyncio.timeout(self._auth_within):
                key = await self._key_given(listener)
        except TimeoutError:
            return self._turned_away(listener, _TOO_LATE)
        if key != self._key:
            return self._turned_away(listener, _WRONG_KEY)
        if self._plan.end_of_day or (self._plan.delayed and not listener.delayed):
            return self._turned_away(listener, _NO_STREAM)
        rule = self._faults.strike(_subject(listener.cluster, listener.delayed), _DOORS)
        if rule:
            return self._turned_away(listener, _DOORS[rule.kind])
        return True

    async def _key_given(self, listener: Listener) -> object:
        while True:
            command = _command(await listener.socket.recv())
            if command.get("action") == "auth":
                return command.get("params")

    def _turned_away(self, listener: Listener, why: tuple[str, str]) -> bool:
        listener.say(status(*why))
        listener.socket.transport.close()  # what was said still goes out, but no close frame
        return False

    async def _listen(self, listener: Listener) -> None:
        listener.ending = self._faults.strike(_subject(listener.cluster, listener.delayed), STREAM_ENDINGS)
        self._audience.join(listener)
        listener.say(status(*_AUTHENTICATED))
        try:
            async for message in listener.socket:
                self._obey(listener, _command(message))
        finally:
            self._audience.leave(listener)

    def _obey(self, listener: Listener, command: dict[str, Any]) -> None:
        actions: dict[object, Callable[[Listener, Subscription], dict[str, str] | None]]
        actions = {"subscribe": self._subscribe, "unsubscribe": self._unsubscribe}
        action = actions.get(command.get("action"))
        if action is None:
            return
        wanted = (parse(entry) for entry in str(command.get("params", "")).split(","))
        answers = [action(listener, one) for one in wanted if one and one.channel in CHANNELS[listener.cluster]]
        said = [answer for answer in answers if answer]
        if said:
            listener.say(*said)
            self._audience.note()

    def _subscribe(self, listener: Listener, wanted: Subscription) -> dict[str, str] | None:
        if wanted in listener.selection:
            return None
        channel = CHANNELS[listener.cluster][wanted.channel]
        rule = self._faults.strike(_subject(listener.cluster, listener.delayed, wanted), STREAM_PAIRS)
        if rule:
            return status(*_REFUSED) if rule.kind == "stream_not_authorized" else None
        if not includes(self._plan, channel) or _too_many(listener, wanted):
            return status(*_REFUSED)
        listener.selection |= {wanted}
        if listener.subscribed_at is None:
            listener.subscribed_at = self._clock.nanos
        return status("success", f"subscribed to: {wanted}")

    def _unsubscribe(self, listener: Listener, wanted: Subscription) -> dict[str, str] | None:
        if wanted not in listener.selection:
            return None
        listener.selection -= {wanted}
        return status("success", f"unsubscribed to: {wanted}")


def _subject(cluster: Cluster, delayed: bool, pair: Subscription | None = None) -> Subject:
    """What fault rules match: `/stocks` or `/delayed/stocks`, and for a subscription its channel and symbol."""
    path = f"/{_DELAYED}/{cluster}" if delayed else f"/{cluster}"
    return Subject(path, "data", ticker=pair.symbol if pair else "", channel=pair.channel if pair else "")


def _too_many(listener: Listener, wanted: Subscription) -> bool:
    """Options' quotes are limited, and have no wildcard."""
    channels = CHANNELS[listener.cluster]
    if listener.cluster is not Cluster.OPTIONS or channels[wanted.channel].content is not Content.QUOTES:
        return False
    held = sum(channels[one.channel].content is Content.QUOTES for one in listener.selection)
    return wanted.symbol == WILDCARD or held >= MOST_OPTION_QUOTES


def _command(message: str | bytes) -> dict[str, Any]:
    """A client's control message; empty when it is none."""
    try:
        found = json.loads(message)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
