"""A local file into a bucket, proved: what arrived has the MD5 of what was sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from forebay.errors import StoreUnavailable
from forebay.stores.s3 import S3Store, part_bytes

_CHUNK = 2**20


def upload(store: S3Store, source: Path, key: str) -> None:
    """Store a file. Raises StoreUnavailable when something else arrived, StoreError, OSError of the file.

    S3's ETag is the MD5 of an object, or of the MD5s of its parts; where a store says something else, as with keys of
    its own for encryption, the object is read back.
    """
    size = source.stat().st_size
    sums = _Sums(part_bytes(size))
    store.put_stream(key, sums.passing(source), size, {})
    found = store.head(key)
    if found is None or found.size != size:
        raise StoreUnavailable(f"{store.address}/{key} did not arrive as it was sent", remedy="Try again.")
    if found.etag in sums.etags():
        return
    with store.open(found) as stream:
        whole = hashlib.md5(usedforsecurity=False)
        for chunk in stream:
            whole.update(chunk)
    if whole.hexdigest() != sums.whole.hexdigest():
        raise StoreUnavailable(f"{store.address}/{key} did not arrive as it was sent", remedy="Try again.")


class _Sums:
    """MD5s of a file, whole and in parts, while it passes."""

    def __init__(self, part: int) -> None:
        self.whole = hashlib.md5(usedforsecurity=False)
        self._part, self._parts, self._in_part = part, [hashlib.md5(usedforsecurity=False)], 0

    def passing(self, source: Path) -> Iterator[bytes]:
        """The file's bytes."""
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK):
                self.whole.update(chunk)
                if self._in_part == self._part:
                    self._parts.append(hashlib.md5(usedforsecurity=False))
                    self._in_part = 0
                self._parts[-1].update(chunk)
                self._in_part += len(chunk)
                yield chunk

    def etags(self) -> tuple[str, str]:
        """What S3 would call the object: stored by one request, and in parts. Parts are whole numbers of chunks."""
        digests = b"".join(part.digest() for part in self._parts)
        return self.whole.hexdigest(), f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(self._parts)}"
