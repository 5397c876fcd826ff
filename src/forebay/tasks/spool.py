"""Files that are downloaded whole before they are uploaded: resumed after a kill, by one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import FileIO
from pathlib import Path

from structlog import get_logger

from forebay.failpoints import reach
from forebay.model.partition import Revision
from forebay.stores.disk import make_folder, storage_errors
from forebay.stores.store import Files

OVERLAP_BYTES = 64 << 10
"""Read again from the vendor where a download is resumed, and compared."""
_CHUNK_BYTES = 1 << 20
_SYNC_BYTES = 64 << 20
"""A power cut costs no more than this, and what it left is compared and checked."""

log = get_logger()


class Differs(Exception):
    """What is on the disk is not the beginning of the vendor's file."""


class Spool:
    """`<folder>/<key>.<revision mark>.part`. Raises StoreError when the disk is full or refuses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def file(self, key: str, revision: Revision) -> Iterator[SpoolFile | None]:
        """The local file of a revision, with what an earlier attempt left in it; None while another process has it.

        Those of other revisions of the key go.
        """
        path = self.folder / f"{key}.{_mark(revision)}.part"
        with storage_errors(path):
            make_folder(path.parent)
            handle = _locked(path)
            if handle:
                self._remove(key, spare=path)
        if handle is None:
            log.warning("spool_busy", key=key, path=str(path))
            yield None
            return
        with handle:
            yield SpoolFile(path, handle)

    def forget(self, key: str) -> None:
        """Remove the local files of a key, except one that another process is at."""
        with storage_errors(self.folder):
            self._remove(key)

    def sweep(self, is_needless: Callable[[str], bool]) -> None:
        """Remove the local files of keys that nobody will upload any more, unless another process is at one."""
        with storage_errors(self.folder):
            for path in list(self.folder.rglob("*.part")):
                key = path.relative_to(self.folder).as_posix().rsplit(".", 2)[0]
                if is_needless(key):
                    self._remove(key)

    def _remove(self, key: str, spare: Path | None = None) -> None:
        folder, _, name = key.rpartition("/")
        for path in (self.folder / folder).glob(f"{name}.*.part"):
            if path != spare and (handle := _locked(path)):
                path.unlink(missing_ok=True)
                handle.close()


class SpoolFile:
    """The beginning of a file, or all of it. The lock on it ends with the block it was opened in."""

    def __init__(self, path: Path, handle: FileIO) -> None:
        self.path = path
        self._handle = handle
        self._unsynced = 0

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return os.fstat(self._handle.fileno()).st_size

    def chunks(self) -> Iterator[bytes]:
        """The bytes that are there now, in order."""
        start, end = 0, self.size
        while start < end:
            chunk = self._read(start, min(_CHUNK_BYTES, end - start))
            start += len(chunk)
            yield chunk

    def complete(self, files: Files, key: str, revision: Revision) -> Iterator[bytes]:
        """All bytes of the revision in order: those that are there, then the vendor's, each kept before it is yielded.

        Raises Differs, with nothing left of the file, when the vendor's do not continue those that are there.
        """
        there = min(self.size, revision.size)
        yield from self.chunks()
        if there == revision.size:
            return
        known = self._read(max(there - OVERLAP_BYTES, 0), min(there, OVERLAP_BYTES))
        with files.open(key, revision, there - len(known)) as stream:
            try:
                for chunk in _after(stream, known):
                    self._append(chunk)
                    yield chunk
            except Differs:
                self.empty()
                raise

    def empty(self) -> None:
        """Start over."""
        with storage_errors(self.path):
            self._handle.truncate(0)

    def remove(self) -> None:
        """Remove the file, when it is delivered."""
        with storage_errors(self.path):
            self.path.unlink(missing_ok=True)

    def _read(self, start: int, size: int) -> bytes:
        with storage_errors(self.path):
            return os.pread(self._handle.fileno(), size, start)

    def _append(self, chunk: bytes) -> None:
        with storage_errors(self.path):
            rest = memoryview(chunk)
            while rest:  # a disk that is nearly full takes a part
                rest = rest[os.pwrite(self._handle.fileno(), rest, self.size) :]
            self._unsynced += len(chunk)
            if self._unsynced >= _SYNC_BYTES:
                os.fsync(self._handle.fileno())
                self._unsynced = 0
        reach("spool.chunk")


def _after(chunks: Iterator[bytes], known: bytes) -> Iterator[bytes]:
    """The chunks without their beginning, which has to be `known`. Raises Differs."""
    for chunk in chunks:
        seen, fresh = chunk[: len(known)], chunk[len(known) :]
        if not known.startswith(seen):
            raise Differs
        known = known[len(seen) :]
        if fresh:
            yield fresh


def _locked(path: Path) -> FileIO | None:
    """The file, made if need be and locked; None while another process has it. Raises OSError."""
    while True:
        handle = FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+")
        try:
            fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return None
        if _is_at(handle, path):
            return handle
        handle.close()  # whoever had it has delivered and removed it meanwhile


def _is_at(handle: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _mark(revision: Revision) -> str:
    marks = f"{revision.etag}|{revision.size}|{revision.last_modified.isoformat()}"
    return sha256(marks.encode()).hexdigest()[:12]
