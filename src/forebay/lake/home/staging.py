"""Folders for files under way: one per worker, locked while it lives, swept when it is dead."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Self

from forebay.stores.disk import storage_errors

__all__ = ["Staging", "storage_errors", "sweep"]

_LOCK = "lock"
_TRIES = 6_000
_PAUSE = 0.01
"""Seconds between two tries to have a folder to oneself: a sweep tells the ledger, and that takes a moment."""

Free = Callable[[str], object]
"""Hears which worker is dead, and frees what it held."""


class Staging:
    """`<folder>/<worker_id>/`, held by a file lock that the system drops when the process ends, however it ends.

    Workers that are found dead when this one starts are swept, see `sweep`.
    """

    def __init__(self, folder: Path, worker_id: str, free: Free = lambda _: None) -> None:
        self.folder = folder / worker_id
        with storage_errors(folder):
            self._lock = _claim(self.folder)
        self._numbers = count(1)
        try:
            sweep(folder, free)
        except BaseException:
            self.close()
            raise

    def new_file(self, suffix: str = ".parquet") -> Path:
        """A path of its own for a file that is about to be written. Safe in threads."""
        return self.folder / f"{next(self._numbers)}{suffix}"

    def close(self) -> None:
        """Remove the folder and let go of it. Closing twice is closing once."""
        if self._lock >= 0:
            _remove(self.folder)
            os.close(self._lock)
            self._lock = -1

    def abandon(self) -> None:
        """Remove the files and let go, but leave the folder: who comes next finds a dead worker and frees its tasks."""
        if self._lock >= 0:
            _empty(self.folder)
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sweep(folder: Path, free: Free) -> None:
    """Have `free` free what each worker that is gone held, then remove its folder. Those of living ones are left alone.

    In this order: a folder is all that tells of a dead worker, and who sweeps may be killed, too.
    """
    for path in sorted(folder.iterdir()):
        with _abandoned(path) as is_dead:
            if is_dead:
                free(path.name)
                _remove(path)


def _claim(folder: Path) -> int:
    """Make a folder and lock it; returns the lock's handle.

    Until it is locked a sweep takes it for a dead worker's: it is made again then. Raises OSError where that goes on.
    """
    for _ in range(_TRIES):
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # swept before there was a lock in it
            handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
            if _locks(handle) and (folder / _LOCK).exists():
                return handle
            os.close(handle)
        time.sleep(_PAUSE)
    raise BlockingIOError(errno.EAGAIN, "held by another process", str(folder))


@contextmanager
def _abandoned(folder: Path) -> Iterator[bool]:
    """Whether a worker's folder is held by no process; if so, it is ours in the block.

    One without a lock is being made at this moment, is being removed, or is not ours.
    """
    try:
        handle = os.open(folder / _LOCK, os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        yield False
        return
    try:
        yield _locks(handle) and (folder / _LOCK).exists()
    finally:
        os.close(handle)


def _locks(handle: int) -> bool:
    """Lock an open file, unless another process has."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(folder: Path) -> None:
    """The lock goes last: a folder without one would stay for ever."""
    _empty(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _empty(folder: Path) -> None:
    """Remove the files under way."""
    for path in folder.glob("*"):
        if path.name != _LOCK:
            with suppress(OSError):
                path.unlink()
