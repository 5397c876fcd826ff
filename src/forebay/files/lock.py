"""One writer in a ticker's folder at a time, in whichever process."""

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
def folder_lock(folder: Path, clock: Clock) -> Iterator[None]:
    """Hold the lock of a folder that is there: on the folder itself, so that no lock file lies among the data.

    The system drops it when the process ends, however it ends. Raises StoreUnavailable after WAIT_SECONDS, OSError.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        _wait(handle, folder, clock)
        yield
    finally:
        os.close(handle)


def _wait(handle: int, folder: Path, clock: Clock) -> None:
    started = clock.now()
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if (clock.now() - started).total_seconds() > WAIT_SECONDS:
                raise StoreUnavailable(
                    f"{folder}: another process has been writing there for over {WAIT_SECONDS:.0f} seconds",
                    remedy="look for a process that hangs; its lock ends with it",
                ) from error
            clock.sleep(_LOOK_SECONDS)
        else:
            return
