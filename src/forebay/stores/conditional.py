"""A put that must not replace anything, and the proof that a store honours it.

Who commits to a table by number needs it: of two writers one must learn that the number is taken. S3 has
`If-None-Match: *` for that; there are servers that refuse the header (Backblaze B2 does) and servers that ignore it.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from forebay.clock import Clock
from forebay.errors import PermanentError, StoreError
from forebay.stores.scratch import SCRATCH, leftovers, unique_name

if TYPE_CHECKING:
    from forebay.stores.s3 import S3Store

_REMEDY = (
    "Keep the lake in a folder (LAKE_URI=data/lake) or in a store with conditional puts, such as Amazon S3, MinIO or"
    " Cloudflare R2. This store can hold the archive."
)


class Unconditional(StoreError, PermanentError):
    """The store cannot keep two writers from taking the same number."""

    kind = "store_unconditional"


class Probe:
    """Asks one store, once; safe in threads."""

    def __init__(self, store: S3Store, clock: Clock, name: Callable[[], str] = unique_name) -> None:
        self._store, self._clock, self._name = store, clock, name
        self._passed = False
        self._asking = Lock()

    def __call__(self) -> None:
        """Return when a second put to a scratch key was refused and the first one's bytes are there.

        Raises Unconditional when the store refuses the condition or ignores it, StoreError when it cannot be asked.
        """
        with self._asking:
            if not self._passed:
                self._clear()
                self._ask(SCRATCH + self._name())
                self._passed = True

    def again(self) -> None:
        """The same, whatever was found before."""
        self._passed = False
        self()

    def _ask(self, key: str) -> None:
        try:
            first = self._store.create(key, b"first")
            second = self._store.create(key, b"second")
            kept = self._store.fetch(key)
        finally:
            self._store.hide(key)
        if (first, second, kept) != (True, False, b"first"):
            raise Unconditional(
                f"{self._store.address} cannot hold a lake: its store ignores the condition of a put, so that writers"
                " would lose each other's commits",
                remedy=_REMEDY,
            )

    def _clear(self) -> None:
        """Remove what a probe left whose process was killed."""
        for found in leftovers(self._store, self._clock.now()):
            self._store.hide(found.key)


def refused(address: str, said: str) -> Unconditional:
    """The error for a store that does not take the condition, with what it said."""
    return Unconditional(
        f"{address} cannot hold a lake: its store refuses conditional puts ({said}), which keep writers from"
        " losing each other's commits",
        remedy=_REMEDY,
    )
