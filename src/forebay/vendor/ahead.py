"""Items made in a thread of their own while those before them are used, a few ahead and no more."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

_GAP = 0.5
"""Seconds between two looks at whether the reader has gone."""
_END = object()
_Item = TypeVar("_Item")


def ahead(items: Iterable[_Item], name: str, most: int = 2) -> Iterator[_Item]:
    """The same items, made by a thread called `name` with at most `most` of them waiting.

    What `items` raises is raised here, after what came before it. The thread is gone when this is done or closed.
    """
    ready: queue.Queue[object] = queue.Queue(maxsize=most)
    with _thread(lambda stop: _feed(items, ready, stop), name):
        while (item := ready.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            yield cast("_Item", item)


@contextmanager
def _thread(work: Callable[[threading.Event], None], name: str) -> Iterator[None]:
    stop = threading.Event()
    worker = threading.Thread(target=work, args=(stop,), name=name, daemon=True)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def _feed(items: Iterable[object], ready: queue.Queue[object], stop: threading.Event) -> None:
    """Put every item, then an end, which is the error if there was one."""
    end: object = _END
    try:
        for item in items:
            if not _put(ready, item, stop):
                return
    except BaseException as error:  # noqa: BLE001 - it is raised again in the reader's thread
        end = error
    _put(ready, end, stop)


def _put(ready: queue.Queue[object], item: object, stop: threading.Event) -> bool:
    while not stop.is_set():
        try:
            ready.put(item, timeout=_GAP)
        except queue.Full:
            continue
        return True
    return False
