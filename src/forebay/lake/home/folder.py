"""A lake in a folder: renames and hard links decide, a file lock keeps writers apart."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path
from typing import Any

from forebay.clock import Clock
from forebay.errors import LakeError, StoreError
from forebay.lake.format.layout import table_folder
from forebay.lake.home.home import Conflict, Held, next_step
from forebay.lake.home.lock import announce, clear_leftovers, incoming, own_folder, writer_lock
from forebay.lake.home.moving import move, publish
from forebay.stores.disk import storage_errors

_LOG = "_delta_log"


class FolderHome:
    """A `Home` in a folder. `place` and `tidy` are for who holds `writer`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.options: dict[str, str] = {}
        self.reading: Mapping[str, Any] = {}
        self.settling = timedelta()
        self._placed: list[str] = []
        """What got a name that was free since leftovers were last cleared."""

    @property
    def uri(self) -> str:
        """The folder's path."""
        return str(self.folder)

    def __repr__(self) -> str:
        return f"FolderHome({self.uri!r})"

    def table(self, name: str) -> FolderHome:
        """The home of a table."""
        return FolderHome(table_folder(self.folder, name))

    def source(self, path: str) -> str:
        """The file's path."""
        return str(self.folder / path)

    def make(self) -> None:
        """Make the folder."""
        with storage_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def check(self) -> None:
        """A folder that we may write to, or nothing yet."""
        if self.folder.exists() and not (self.is_there() and os.access(self.folder, os.R_OK | os.W_OK | os.X_OK)):
            raise StoreError(
                f"{self.folder} is not a folder that can be written",
                remedy="let LAKE_URI (or FOREBAY_HOME) name a folder that you may write to",
            )

    def is_there(self) -> bool:
        """Whether the folder is."""
        return self.folder.is_dir()

    def read(self, path: str) -> bytes | None:
        """The file's content; None when there is none."""
        with storage_errors(self.folder / path):
            try:
                return (self.folder / path).read_bytes()
            except FileNotFoundError:
                return None

    def look(self, path: str) -> Held | None:
        """The file's size, time and inode; None when there is none."""
        with storage_errors(self.folder / path):
            try:
                return _held(path, (self.folder / path).stat())
            except FileNotFoundError:
                return None

    def open(self, path: str) -> BufferedReader:
        """The file, open."""
        with storage_errors(self.folder / path):
            return (self.folder / path).open("rb")

    def list(self, prefix: str = "") -> Iterator[Held]:
        """Every file below `prefix`. One that goes meanwhile is left out."""
        with storage_errors(self.folder / prefix):
            for path in sorted((self.folder / prefix).rglob("*")):
                relative = path.relative_to(self.folder).as_posix()
                if not path.is_dir() and (found := self.look(relative)):
                    yield found

    def place(self, staged: Path, path: str) -> None:
        """Note the file, then rename it here, or copy it when it comes from another disk."""
        with storage_errors(self.folder / path):
            if not (self.folder / path).exists():  # what is there belongs to an earlier version, which may be read
                self._placed.append(path)
            announce(self.folder, self._placed)
            move(staged, self.folder / path, incoming(self.folder))

    def create(self, path: str, data: bytes) -> None:
        """Write the file under another name, then link it to its own, which fails where there is one."""
        part = own_folder(self.folder) / "commit.part"
        with storage_errors(self.folder / path):
            try:
                publish(data, self.folder / path, part)
            except FileExistsError as error:
                raise Conflict(f"{self.folder}: another writer committed first") from error

    def remove(self, paths: Iterable[str]) -> None:
        """Unlink files."""
        for path in paths:
            with storage_errors(self.folder / path):
                (self.folder / path).unlink(missing_ok=True)

    def writer(self, clock: Clock) -> AbstractContextManager[None]:
        """The table's file lock."""
        return writer_lock(self.folder, clock)

    def give_up(self, before: datetime) -> int:  # noqa: ARG002 - the next writer's `tidy` has seen to it
        """Nothing: what a dead writer left is cleared by the next."""
        return 0

    def explain(self, error: Exception) -> LakeError:
        """In the library's words, without what it says of its own inside."""
        remedy = next_step(error, "check that the folder can be read and written, and that its disk is not full")
        told = LakeError(f"{self.folder}: {str(error).partition(chr(10))[0]}", remedy=remedy)
        told.__cause__ = error
        return told

    def tidy(self, held: Callable[[], Container[str]]) -> None:
        """Remove what was noted and is not held; nothing while there is no log to say what is."""
        if (self.folder / _LOG).is_dir():
            with storage_errors(self.folder):
                clear_leftovers(self.folder, held)
            self._placed.clear()


def _held(path: str, found: os.stat_result) -> Held:
    modified = datetime.fromtimestamp(found.st_mtime, UTC)
    return Held(path, found.st_size, modified, f"{found.st_ino}-{found.st_mtime_ns}")
