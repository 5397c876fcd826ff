"""Pages that were encoded lately, so that who asks the same again costs neither a read nor an encoding."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

_ROOM = 64_000_000
"""Bytes of all pages together."""
_SHARE = 8
"""A page that would take more than this part of the room is not kept."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A page as it was sent."""

    body: bytes
    headers: Mapping[str, str]


class Pages:
    """Keeps the pages that were asked for last, under tags that change with the lake. Safe in threads."""

    def __init__(self, room: int = _ROOM) -> None:
        self._room = room
        self._lock = Lock()
        self._kept: OrderedDict[str, Encoded] = OrderedDict()
        self._bytes = 0

    def get(self, tag: str) -> Encoded | None:
        """The page of a tag, if it is kept."""
        with self._lock:
            if tag in self._kept:
                self._kept.move_to_end(tag)
            return self._kept.get(tag)

    def put(self, tag: str, page: Encoded) -> None:
        """Keep a page, unless it is too large; those that were not asked for longest make room."""
        with self._lock:
            if len(page.body) * _SHARE > self._room or tag in self._kept:
                return
            self._kept[tag] = page
            self._bytes += len(page.body)
            while self._bytes > self._room:
                self._bytes -= len(self._kept.popitem(last=False)[1].body)
