"""One writer of a table at a time, and nothing left behind by a writer that died between rename and commit."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from forebay.clock import Clock
from forebay.errors import LakeError
from forebay.lake.staging import storage_errors

WAIT_SECONDS = 300.0
"""How long a writer waits for its turn; a turn takes well under a second, a large rewrite some tens."""
_LOOK_SECONDS = 0.02
_FOLDER, _LOCK, _PENDING = "_forebay", "lock", "pending.json"
"""Delta readers ignore folders whose name starts with an underscore."""


@contextmanager
def writer_lock(folder: Path, clock: Clock) -> Iterator[None]:
    """Hold the table's lock. Raises LakeError when another process keeps it for WAIT_SECONDS."""
    own = folder / _FOLDER
    with storage_errors(own):
        own.mkdir(parents=True, exist_ok=True)
        handle = os.open(own / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _wait_for(handle, folder, clock)
        yield
    finally:
        os.close(handle)


def announce(folder: Path, paths: Sequence[str]) -> None:
    """Note the files that are about to get their names, before they do."""
    path = folder / _FOLDER / _PENDING
    path.with_suffix(".part").write_text(json.dumps(list(paths)), encoding="utf-8")
    path.with_suffix(".part").replace(path)


def clear_leftovers(folder: Path, held: Callable[[], Sequence[str]]) -> list[str]:
    """Remove the files that were announced and are not among `held()`, which lists what was committed."""
    path = folder / _FOLDER / _PENDING
    if not path.exists():
        return []
    kept = set(held())
    left = [name for name in json.loads(path.read_text(encoding="utf-8")) if name not in kept]
    for name in left:
        (folder / name).unlink(missing_ok=True)
    path.unlink()
    return left


def _wait_for(handle: int, folder: Path, clock: Clock) -> None:
    started = clock.now()
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if (clock.now() - started).total_seconds() > WAIT_SECONDS:
                raise LakeError(
                    f"{folder}: another process has been writing for over {WAIT_SECONDS:.0f} seconds",
                    remedy="look for a worker that hangs; its lock ends with its process",
                ) from error
            clock.sleep(_LOOK_SECONDS)
        else:
            return
