"""Reading archived files through: what their bytes are, and whether their gzip adds up. Many at a time, in order."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import TypeVar

from forebay.stores.store import Store, Stored
from forebay.vendor.inspection import Findings, Inspection, inspected

Item = TypeVar("Item")
Result = TypeVar("Result")

SMALL_REQUESTS = 16
"""Threads for many small requests to a store: they wait, they do not compute."""
WHOLE_FILES = 4
"""Threads for reading files through: hashes and gzip use a processor each."""
_MD5 = re.compile("[0-9a-f]{32}")


def read_through(store: Store, stored: Stored) -> Findings:
    """Read a gzip CSV to its end. Raises Damaged when the gzip does not add up, ObjectChanged, StoreError."""
    inspection = Inspection(stored.key)
    with store.open(stored) as stream, closing(inspected(stream, inspection, stored.size)) as chunks:
        for _ in chunks:
            pass
    return inspection.finish()


def is_md5(etag: str) -> bool:
    """Whether an ETag may be the MD5 of the bytes; one of an upload in parts has a dash in it and is not."""
    return _MD5.fullmatch(etag) is not None


def pooled(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """`work` of every item, in their order, with at most twice as many under way as there are threads.

    What `work` raises is raised here; no further item is then begun.
    """
    rest = iter(items)
    with ThreadPoolExecutor(threads, thread_name_prefix="archive") as pool:
        waiting: deque[Future[Result]] = deque(pool.submit(work, item) for item in islice(rest, 2 * threads))
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(work, item) for item in islice(rest, 1))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
