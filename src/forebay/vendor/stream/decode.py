"""Frames of the stream as messages: what cannot be believed is handed back as it came, and costs nothing else.

A frame is decoded in one go. Only one with something odd in it is taken apart, event by event.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from forebay.model.live import Cluster
from forebay.model.message import Message
from forebay.vendor.stream.events import Status
from forebay.vendor.stream.making import MAKERS
from forebay.vendor.stream.parts import parts_of

_SHOWN = 4096
"""Characters kept of what could not be decoded."""
_MOST_BAD = 1000
"""Bad events kept of one frame; of the others their number."""


class BadEvent(Struct, frozen=True, gc=False):
    """An event, or a whole frame, that is not of its form."""

    text: str
    """As it came, to 4,096 characters."""
    reason: str


class Decoded(Struct, gc=False):
    """What one frame held, in its order."""

    messages: list[Message] = []
    statuses: list[Status] = []
    bad: list[BadEvent] = []
    unknown: int = 0
    """Events of channels that Forebay does not keep."""


class _Event(Struct):
    ev: str


class Decoder:
    """Of one cluster: no other cluster's events are known to it."""

    def __init__(self, cluster: Cluster) -> None:
        self._makers = MAKERS[cluster]
        event = _union(Status, *self._makers)
        # Exact volumes come as text; any number may, once the vendor goes on with that.
        self._frame = msgspec.json.Decoder(list[event], strict=False).decode  # type: ignore[valid-type]
        self._event = msgspec.json.Decoder(event, strict=False).decode
        self._known = {str(config.tag) for config in map(_config, (Status, *self._makers))}

    def decode(self, data: bytes | str) -> Decoded:
        """What a frame says. Never raises: what cannot be read is in `bad`, with its reason."""
        makers = self._makers
        try:
            return Decoded([makers[type(event)](event) for event in self._frame(data)])
        except (ValueError, LookupError, RecursionError):  # a status is no message: LookupError
            return self._read_each(data)

    def _read_each(self, data: bytes | str) -> Decoded:
        """A frame in which something is no message, or odd."""
        decoded = Decoded()
        try:
            events = parts_of(data)
        except ValueError as error:
            decoded.bad.append(BadEvent(_shown(data), f"no array of events: {error}"))
            return decoded
        for event in events:
            self._add(decoded, event)
        more = len(decoded.bad) - _MOST_BAD
        if more > 0:
            decoded.bad[_MOST_BAD:] = [BadEvent("", f"and {more:,} more of the same frame")]
        return decoded

    def _add(self, decoded: Decoded, raw: bytes) -> None:
        try:
            if _name(raw) not in self._known:
                decoded.unknown += 1
                return
            event = self._event(raw)
            if isinstance(event, Status):
                decoded.statuses.append(event)
            else:
                decoded.messages.append(self._makers[type(event)](event))
        except (ValueError, RecursionError) as error:
            decoded.bad.append(BadEvent(_shown(raw), str(error)))


def decode(cluster: Cluster, data: bytes | str) -> Decoded:
    """What a frame of `cluster` says. Never raises: what cannot be read is in `bad`, with its reason."""
    return DECODERS[cluster].decode(data)


def statuses_in(data: bytes) -> list[Status]:
    """Only what the server says of the connection; quick for frames that say nothing of it."""
    if b"status" not in data:
        return []
    try:
        return [status for status in map(_status, parts_of(data)) if status]
    except ValueError:
        return []


def _status(raw: bytes) -> Status | None:
    try:
        return msgspec.json.decode(raw, type=Status) if _name(raw) == "status" else None
    except (ValueError, RecursionError):
        return None


def _name(raw: bytes) -> str:
    return msgspec.json.decode(raw, type=_Event).ev


def _shown(data: bytes | str) -> str:
    text = data if isinstance(data, str) else data[: 4 * _SHOWN].decode(errors="replace")
    return text[:_SHOWN]


def _config(event: Any) -> Any:
    return event.__struct_config__


def _union(*types: Any) -> Any:
    union = types[0]
    for one in types[1:]:
        union |= one
    return union


DECODERS = {cluster: Decoder(cluster) for cluster in Cluster}
"""One for each cluster: they remember its symbols."""
