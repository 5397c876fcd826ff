"""A bounded memory of computed things, each computed once however many threads ask for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")

_DEADLINE = 300.0
"""Seconds to wait for another thread's computation; the largest day takes ten."""


class BoundedCache(Generic[T]):
    """Keeps the most recently used values while their weights sum to at most `limit`; one value is always kept."""

    def __init__(self, limit: int, weigh: Callable[[T], int]) -> None:
        self._limit = limit
        self._weigh = weigh
        self._lock = Lock()
        self._held: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._under_way: dict[Hashable, Future[T]] = {}
        self._weight = 0

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The value of `key`, computed by this thread unless it is held or another thread is at it."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key][0]
            waiting = self._under_way.get(key)
            if waiting is None:
                mine = self._under_way[key] = Future()
        if waiting is not None:
            return waiting.result(_DEADLINE)
        try:
            value = compute()
        except BaseException as problem:
            with self._lock:
                del self._under_way[key]
            mine.set_exception(problem)
            raise
        self._keep(key, value)
        mine.set_result(value)
        return value

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._held

    def _keep(self, key: Hashable, value: T) -> None:
        weight = self._weigh(value)
        with self._lock:
            del self._under_way[key]
            self._held[key] = (value, weight)
            self._weight += weight
            while self._weight > self._limit and len(self._held) > 1:
                _, (_, dropped) = self._held.popitem(last=False)
                self._weight -= dropped
