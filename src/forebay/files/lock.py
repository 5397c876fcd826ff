"""One writer of a file at a time, in whichever thread and process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forebay.clock import Clock
from forebay.errors import StoreUnavailable

WAIT_SECONDS = 300.0
"""How long a writer waits for its turn; a turn takes seconds."""
_LOOK_SECONDS = 0.02


@contextmanager
def sole_writer(part: Path, clock: Clock) -> Iterator[None]:
    """Hold the lock of a file that is being written: `part`, which will get the file's name, is itself the lock.

    So nothing is left when all goes well, and what a killed writer left is the next one's to write over: the system
    drops the lock when a process ends, however it ends. `part` may be renamed or removed meanwhile; on an error it is
    removed. Raises StoreUnavailable after WAIT_SECONDS, OSError.
    """
    handle = _claim(part, clock)
    try:
        yield
    except BaseException:
        if _is(handle, part):
            part.unlink()
        raise
    finally:
        os.close(handle)


def _claim(part: Path, clock: Clock) -> int:
    started = clock.now()
    while True:
        handle = os.open(part, os.O_RDWR | os.O_CREAT, 0o644)
        if _locked(handle) and _is(handle, part):
            return handle
        os.close(handle)
        if (clock.now() - started).total_seconds() > WAIT_SECONDS:
            raise StoreUnavailable(
                f"{part}: another process has been writing it for over {WAIT_SECONDS:.0f} seconds",
                remedy="look for a process that hangs; its lock ends with it",
            )
        clock.sleep(_LOOK_SECONDS)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is(handle: int, part: Path) -> bool:
    """Whether `part` is still the file that was opened: another writer may have renamed or removed it since."""
    try:
        return os.path.samestat(os.fstat(handle), part.stat())
    except FileNotFoundError:
        return False
