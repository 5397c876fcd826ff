"""The files below a folder in the order in which a bucket lists them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def walk(root: Path, prefix: str, after: str) -> Iterator[tuple[str, os.stat_result]]:
    """Keys that start with `prefix` and sort after `after`, in the order of keys, each with its file's status.

    A key is the path below `root` with slashes; `a.csv` comes before `a/b`, as strings do. Folders that can hold
    none of them are not looked into; files that vanish meanwhile are left out. Raises OSError.
    """
    yield from _below(root, "", prefix, after)


def _below(folder: Path, stem: str, prefix: str, after: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        with os.scandir(folder) as entries:
            names = sorted((stem + entry.name + "/" * entry.is_dir(), entry) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name, entry in names:
        if name.endswith("/"):
            if _may_hold(name, prefix, after):
                yield from _below(folder / entry.name, name, prefix, after)
        elif name.startswith(prefix) and name > after:
            try:
                yield name, entry.stat()
            except FileNotFoundError:
                continue


def _may_hold(folder: str, prefix: str, after: str) -> bool:
    """Whether a key that begins with `folder` can begin with `prefix` and sort after `after`."""
    within = folder.startswith(prefix) or prefix.startswith(folder)
    return within and (folder > after or after.startswith(folder))
