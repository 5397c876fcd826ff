"""Items made in a thread of their own while those before them are used, a few ahead and no more."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T], name: str, most: int = 1) -> Iterator[T]:
    """The same items, made by a thread called `name`, `most` of them at the most before they are asked for.

    What `items` raises is raised here, after what came before it. The thread is gone when this is done or closed.
    """
    source, pool = iter(items), ThreadPoolExecutor(1, thread_name_prefix=name)
    try:
        coming = deque(pool.submit(_next, source) for _ in range(most))
        while found := coming.popleft().result():
            coming.append(pool.submit(_next, source))
            yield found[0]
    finally:
        pool.shutdown(cancel_futures=True)


def _next(source: Iterator[T]) -> tuple[T] | None:
    """One item, or None after the last."""
    for item in source:
        return (item,)
    return None
