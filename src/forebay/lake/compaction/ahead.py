"""Work that is one step ahead of whoever uses it, and no more: a piece of a merge is large, so none of them waits."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each made in a thread of its own while the one before it is used. What it raises comes here."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        coming = pool.submit(_next, items)
        while found := coming.result():
            coming = pool.submit(_next, items)
            yield found[0]


def _next(items: Iterator[T]) -> tuple[T] | None:
    """One item, or None after the last."""
    for item in items:
        return (item,)
    return None
