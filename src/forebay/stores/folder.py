"""A folder as a store: files under their keys, each whole before it has its name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import Self
from urllib.parse import quote, unquote
from uuid import uuid4

from forebay.errors import ObjectChanged, StoreError, StoreUnavailable
from forebay.stores.disk import check_room, make_folder, storage_errors, sync
from forebay.stores.outgoing import counted
from forebay.stores.store import Labels, Stored, Upload
from forebay.stores.walk import walk

TMP = ".forebay/tmp"
"""Files under way, named `<key, percent-encoded>~<unique>`; on the same disk, so that a rename places them."""
MODIFIED = "modified"
"""The one piece of metadata a file can keep: the time (ISO) that its own time is set to."""
_CHUNK_BYTES = 2**20
_SETTINGS = "FOREBAY_HOME, ARCHIVE_URI or CSV_LZO_BUCKET"


class FolderStore:
    """A `Store` in a folder, which is made when something is first written. Safe to use from several threads.

    Processes on other machines may use the same folder where renames are atomic.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._tmp = self._root / TMP

    @property
    def address(self) -> str:
        """The folder's absolute path."""
        return str(self._root)

    @property
    def carries_metadata(self) -> bool:
        """It does not."""
        return False

    @property
    def keeps_versions(self) -> bool:
        """It does not."""
        return False

    def head(self, key: str) -> Stored | None:
        """The file; its ETag is empty."""
        path = self._path(key)
        try:
            with storage_errors(path, _SETTINGS):
                return _stored(key, path.stat()) if path.is_file() else None
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
                return None
            raise

    def open(self, stored: Stored, start: int = 0) -> FileBytes:
        """The bytes of the file from `start` on. Raises ObjectChanged when it is gone or no longer that one."""
        return FileBytes(self._path(stored.key), stored, start)

    def put(self, key: str, data: bytes, metadata: Labels, tags: Labels | None = None) -> None:  # noqa: ARG002
        """Store a small file at once. A file has no tags."""
        self.put_stream(key, [data], len(data), metadata)

    def put_stream(
        self,
        key: str,
        chunks: Iterable[bytes],
        size: int,
        metadata: Labels,
        tags: Labels | None = None,  # noqa: ARG002 - a file has none
    ) -> None:
        """Store `size` bytes as they come; the file gets its name when all of them are on the disk.

        Raises CheckFailed when they are more or fewer, StoreFull when they do not fit, before the first is asked for
        where that can be seen.
        """
        with storage_errors(self._root, _SETTINGS):
            check_room(self._root, size, _SETTINGS)
        self._place(key, lambda path: _write(path, counted(chunks, size, key), metadata.get(MODIFIED)))

    def copy(self, source: str, target: str) -> None:
        """Give a file a second name, or copy it where the disk has no links. Raises ObjectChanged when it is gone."""
        path = self._path(source)
        if not path.is_file():
            raise ObjectChanged(f"{path} is gone")

        def write(temporary: Path) -> None:
            with storage_errors(temporary, _SETTINGS):
                _link_or_copy(path, temporary)

        self._place(target, write)

    def delete(self, key: str) -> None:
        """Remove a file; nothing happens when there is none."""
        path = self._path(key)
        with storage_errors(path, _SETTINGS):
            path.unlink(missing_ok=True)

    def hide(self, key: str) -> None:
        """Remove a file, for a folder keeps no versions."""
        self.delete(key)

    def uploads(self, prefix: str = "") -> list[Upload]:
        """Files under way, or left by a process that was killed; `begun_at` is when they were last written to."""
        with storage_errors(self._tmp, _SETTINGS):
            paths = sorted(self._tmp.iterdir()) if self._tmp.is_dir() else []
        uploads = (_upload(path) for path in paths)
        return [upload for upload in uploads if upload and upload.key.startswith(prefix)]

    def abort(self, upload: Upload) -> None:
        """Remove a file under way; whoever still writes to it fails with StoreUnavailable."""
        path = self._tmp / PurePosixPath(upload.upload_id).name
        with storage_errors(path, _SETTINGS):
            path.unlink(missing_ok=True)

    def list(self, prefix: str = "", after: str = "") -> Iterator[Stored]:
        """Every file whose key starts with `prefix` and sorts after `after`, in the order of keys.

        What Forebay keeps for itself under `.forebay/` is shown only when `prefix` begins with it.
        """
        with storage_errors(self._root, _SETTINGS):
            for key, status in walk(self._root, prefix, after):
                if not key.startswith(".forebay/") or prefix.startswith(".forebay/"):
                    yield _stored(key, status)

    def _path(self, key: str) -> Path:
        if not key or any(part in ("", ".", "..") for part in key.split("/")):
            raise StoreError(f"{key!r} cannot be the name of a file in {self._root}")
        return self._root / key

    def _place(self, key: str, write: Callable[[Path], None]) -> None:
        """Let `write` make a file under a name of its own, and rename it to `key`. Whatever fails leaves no file."""
        target = self._path(key)
        temporary = self._tmp / f"{quote(key, safe='')}~{uuid4().hex}"
        with storage_errors(self._tmp, _SETTINGS):
            make_folder(self._tmp)
        try:
            write(temporary)
            with storage_errors(target, _SETTINGS):
                make_folder(target.parent)
                _rename(temporary, target)
                sync(target.parent)
        finally:
            temporary.unlink(missing_ok=True)


class FileBytes(Iterator[bytes]):
    """The bytes of one file from an offset on, in chunks. Close it, or use `with`."""

    def __init__(self, path: Path, stored: Stored, start: int) -> None:
        self._path = path
        self._stored = stored
        self._offset = start
        self._file: FileIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> bytes:
        """The next chunk."""
        if self._offset >= self._stored.size:
            self.close()
            raise StopIteration
        with storage_errors(self._path, _SETTINGS):
            self._file = self._file or self._opened()
            chunk = self._file.read(min(_CHUNK_BYTES, self._stored.size - self._offset))
        if not chunk:
            raise self._changed()
        self._offset += len(chunk)
        return chunk

    def close(self) -> None:
        """Let go of the file. Can be called twice."""
        if self._file is not None:
            self._file.close()

    def _opened(self) -> FileIO:
        try:
            file = FileIO(self._path)
        except FileNotFoundError as error:
            raise self._changed() from error
        found = _stored(self._stored.key, os.fstat(file.fileno()))
        if (found.size, found.modified) != (self._stored.size, self._stored.modified):
            file.close()
            raise self._changed()
        file.seek(self._offset)
        return file

    def _changed(self) -> ObjectChanged:
        return ObjectChanged(f"{self._path} is not the file that was listed any more")


def _write(path: Path, chunks: Iterable[bytes], modified: str | None) -> None:
    """Write a new file to the disk. What `chunks` raises comes through untouched."""
    with storage_errors(path, _SETTINGS):
        file = FileIO(path, "x")
    with file:
        for chunk in chunks:
            with storage_errors(path, _SETTINGS):
                _write_all(file, chunk)
        with storage_errors(path, _SETTINGS):
            if modified:
                seconds = datetime.fromisoformat(modified).timestamp()
                os.utime(file.fileno(), (seconds, seconds))
            os.fsync(file.fileno())


def _write_all(file: FileIO, chunk: bytes) -> None:
    """A single write may take a part of the bytes only, on a disk that is nearly full."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())


def _rename(temporary: Path, target: Path) -> None:
    try:
        temporary.replace(target)
    except FileNotFoundError as error:
        raise StoreUnavailable(f"{target}: its upload was ended by another process", remedy="Try again.") from error


def _stored(key: str, status: os.stat_result) -> Stored:
    return Stored(key, status.st_size, "", datetime.fromtimestamp(int(status.st_mtime), UTC))


def _upload(path: Path) -> Upload | None:
    name, _, unique = path.name.rpartition("~")
    try:
        changed = path.stat().st_ctime
    except FileNotFoundError:
        return None
    return Upload(unquote(name), path.name, datetime.fromtimestamp(int(changed), UTC)) if unique else None
