"""One writer of a table at a time, and nothing left behind by a writer that died between rename and commit."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from forebay.clock import Clock
from forebay.errors import LakeError
from forebay.lake.format.layout import is_ours
from forebay.lake.home.staging import storage_errors
from forebay.stores.disk import sync

WAIT_SECONDS = 300.0
"""How long a writer waits for its turn; a turn takes well under a second, a large rewrite some tens."""
_LOOK_SECONDS = 0.02
_FOLDER, _LOCK, _PENDING, _INCOMING = "_forebay", "lock", "pending.json", "incoming.part"
"""Delta readers ignore folders whose name starts with an underscore."""


@contextmanager
def writer_lock(folder: Path, clock: Clock) -> Iterator[None]:
    """Hold the table's lock. Raises LakeError when another process keeps it for WAIT_SECONDS."""
    own = own_folder(folder)
    with storage_errors(own):
        own.mkdir(parents=True, exist_ok=True)
        handle = os.open(own / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _wait_for(handle, folder, clock)
        yield
    finally:
        os.close(handle)


def own_folder(folder: Path) -> Path:
    """Where a table keeps what only its writers need."""
    return folder / _FOLDER


def incoming(folder: Path) -> Path:
    """Where a file that comes from another disk is copied to before it gets its name; cleared with the leftovers."""
    return folder / _FOLDER / _INCOMING


def announce(folder: Path, paths: Sequence[str]) -> None:
    """Note the files that are about to get their names, on disk before they do."""
    path = folder / _FOLDER / _PENDING
    part = path.with_suffix(".part")
    part.write_text(json.dumps(list(paths)), encoding="utf-8")
    sync(part)
    part.replace(path)
    sync(path.parent)


def clear_leftovers(folder: Path, held: Callable[[], Container[str]]) -> list[str]:
    """Remove the files that were announced and are not among `held()`, which is what the table holds."""
    path = folder / _FOLDER / _PENDING
    if not path.exists():
        return []
    kept = held()
    left = [name for name in _announced(folder) if name not in kept]
    for name in left:
        (folder / name).unlink(missing_ok=True)
    incoming(folder).unlink(missing_ok=True)
    path.unlink()
    return left


def _announced(folder: Path) -> list[str]:
    """The noted files. A note that a power cut damaged may have named any file of ours: all of them are meant then."""
    try:
        noted = json.loads((folder / _FOLDER / _PENDING).read_text(encoding="utf-8"))
    except ValueError:
        noted = None
    if isinstance(noted, list):
        return [str(name) for name in noted]
    return [f"{path.parent.name}/{path.name}" for path in sorted(folder.glob("*/*.parquet")) if is_ours(path.name)]


def busy(place: str) -> LakeError:
    """The error for a turn that did not come."""
    return LakeError(
        f"{place}: another process has been writing for over {WAIT_SECONDS:.0f} seconds",
        remedy="look for a worker that hangs; its lock ends with its process",
    )


def _wait_for(handle: int, folder: Path, clock: Clock) -> None:
    started = clock.now()
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if (clock.now() - started).total_seconds() > WAIT_SECONDS:
                raise busy(str(folder)) from error
            clock.sleep(_LOOK_SECONDS)
        else:
            return
