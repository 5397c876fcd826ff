"""What was answered lately, so that who asks the same again costs neither a read nor an encoding."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Generic, Protocol, TypeVar

_ROOM = 64_000_000
"""Bytes of all pages together."""
_SHARE = 8
"""A page that would take more than this part of the room is not kept."""


class Page(Protocol):
    """Anything with bytes."""

    @property
    def body(self) -> bytes:
        """What takes the room."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A page as it was sent."""

    body: bytes
    headers: Mapping[str, str]


Name = TypeVar("Name", bound=Hashable)
Kept = TypeVar("Kept", bound=Page)


class Pages(Generic[Name, Kept]):
    """Keeps the pages that were asked for last, by name. Safe in threads."""

    def __init__(self, room: int = _ROOM) -> None:
        self._room = room
        self._lock = Lock()
        self._kept: OrderedDict[Name, Kept] = OrderedDict()
        self._bytes = 0

    def get(self, name: Name) -> Kept | None:
        """The page of a name, if it is kept."""
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)

    def put(self, name: Name, page: Kept) -> None:
        """Keep a page, unless it is too large; those that were not asked for longest make room."""
        with self._lock:
            if name in self._kept:
                self._bytes -= len(self._kept.pop(name).body)
            if len(page.body) * _SHARE > self._room:
                return
            self._kept[name] = page
            self._bytes += len(page.body)
            while self._bytes > self._room:
                self._bytes -= len(self._kept.popitem(last=False)[1].body)
