"""A limit on the bytes that one process takes from the vendor each second, over all its threads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from threading import Lock
from typing import Self

from forebay.clock import Clock
from forebay.model.partition import Revision
from forebay.stores.ranges import PART_BYTES
from forebay.stores.store import ByteStream, Files

_SPARE = 0.5
"""Seconds of unused bandwidth that may be caught up with."""
_LEAST_PART = 64 << 10


class Throttle:
    """Lets `bytes_per_second` through. Safe to use from several threads, which share it."""

    def __init__(self, bytes_per_second: float, clock: Clock) -> None:
        self.bytes_per_second = bytes_per_second
        self._clock = clock
        self._lock = Lock()
        self._owed = 0.0
        """Seconds until all that was taken is paid for; less than nothing where some are spare."""
        self._asked_at: datetime | None = None

    @property
    def part_bytes(self) -> int:
        """How much to ask for at once, so that what is read ahead is a fraction of a second's worth."""
        return max(_LEAST_PART, min(PART_BYTES, int(self.bytes_per_second // 32)))

    def take(self, size: int) -> None:
        """Wait until `size` bytes that came are paid for."""
        with self._lock:
            now = self._clock.now()
            passed = (now - (self._asked_at or now)).total_seconds()
            self._asked_at = now
            # a clock that is set back must not stop the transfer
            self._owed = max(self._owed - max(passed, 0.0), -_SPARE) + size / self.bytes_per_second
            wait = self._owed
        self._clock.sleep(wait)


class Throttled:
    """`files` at no more than a throttle's pace."""

    def __init__(self, files: Files, throttle: Throttle) -> None:
        self._files = files
        self._throttle = throttle

    def open(self, key: str, revision: Revision, start: int = 0) -> ByteStream:
        """The bytes of exactly this revision, from byte `start` on."""
        return _ThrottledStream(self._files.open(key, revision, start), self._throttle)


class _ThrottledStream(Iterator[bytes]):
    def __init__(self, stream: ByteStream, throttle: Throttle) -> None:
        self._stream = stream
        self._throttle = throttle

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> bytes:
        chunk = next(self._stream)
        self._throttle.take(len(chunk))
        return chunk

    def close(self) -> None:
        self._stream.close()
