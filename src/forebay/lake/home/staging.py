"""Folders for files under way: one per worker, locked while it lives, swept when it is dead."""

from __future__ import annotations

import fcntl
import os
import shutil
from itertools import count
from pathlib import Path
from typing import Self

from forebay.stores.disk import storage_errors

__all__ = ["Staging", "storage_errors", "sweep"]

_LOCK = "lock"


class Staging:
    """`<folder>/<worker_id>/`, held by a file lock that the system drops when the process ends, however it ends."""

    def __init__(self, folder: Path, worker_id: str) -> None:
        self.folder = folder / worker_id
        with storage_errors(folder):
            self._lock = _claim(self.folder)
        self._numbers = count(1)
        self.swept = sweep(folder)
        """Workers that were found dead when this one started; their files are gone."""

    def new_file(self, suffix: str = ".parquet") -> Path:
        """A path of its own for a file that is about to be written. Safe in threads."""
        return self.folder / f"{next(self._numbers)}{suffix}"

    def close(self) -> None:
        """Remove the folder and let go of it. Closing twice is closing once."""
        if self._lock >= 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1

    def abandon(self) -> None:
        """Remove the files and let go, but leave the folder: who comes next finds a dead worker and frees its tasks."""
        if self._lock >= 0:
            for path in self.folder.iterdir():
                if path.name != _LOCK:
                    path.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sweep(folder: Path) -> list[str]:
    """Remove the folders of workers that are gone, and name them. Those of living workers are left alone."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and _remove_if_free(path))


def _claim(folder: Path) -> int:
    """Make a folder and lock it; returns the lock's handle. Again, should a sweep have come between the two."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise
        if (folder / _LOCK).exists():
            return handle
        os.close(handle)


def _remove_if_free(folder: Path) -> bool:
    """Remove a folder whose lock no process holds. One without a lock is being made at this moment, or is not ours."""
    try:
        handle = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True
