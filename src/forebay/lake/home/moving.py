"""Files get their names here: content and name on disk before anyone is told of them, whatever disk they come from."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from io import BufferedReader
from pathlib import Path

from forebay.stores.disk import sync

MARK_LENGTH = 12


def move(source: Path, target: Path, incoming: Path) -> None:
    """Give `source` the name `target`. Raises OSError; then `target` is whole or not there.

    A file on another disk cannot be renamed: it is copied to `incoming`, which is on the disk of `target`, first.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    sync(source)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copyfile(source, incoming)
        sync(incoming)
        incoming.replace(target)
        source.unlink()
    sync(target.parent)


def publish(data: bytes, target: Path, part: Path) -> None:
    """Give new content the name `target`, by way of `part`. Raises FileExistsError when the name is taken, OSError."""
    part.unlink(missing_ok=True)  # of a writer that died here it may be a published file's other name
    part.write_bytes(data)
    sync(part)
    try:
        os.link(part, target)
    finally:
        part.unlink()
    sync(target.parent)


def mark_of(origin: str, path: Path) -> str:
    """A file's mark for its name, from where its rows came from and its bytes. Raises OSError."""
    with path.open("rb") as file:
        return mark_from(origin, file)


def mark_from(origin: str, file: BufferedReader) -> str:
    """The same, of a file that is open."""
    found = hashlib.file_digest(file, "sha256")
    found.update(origin.encode())
    return found.hexdigest()[:MARK_LENGTH]
