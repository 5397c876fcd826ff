"""Bars as the bytes of an object: CSV in an lzop container. The same bars make the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

import polars as pl

from forebay.bars.csv_text import write_csv
from forebay.lzop.writing import compress
from forebay.sinks.csv_lzo.windows import Slice
from forebay.stores.disk import storage_errors

_IN_MEMORY = 8 * 2**20
"""Bytes; a larger object is kept in a file without a name, which no crash leaves behind."""
_CHUNK = 2**20
_BLOCK = 16 * 2**10
"""Takes half the time of lzop's own 256 KiB, for a twentieth more bytes."""


@dataclass(frozen=True, slots=True)
class Packed:
    """One object's bytes."""

    file: IO[bytes]
    size: int
    md5: str
    """Hex: what a store calls an object that it took in one piece."""
    sha256: str
    rows: int

    def chunks(self) -> Iterator[bytes]:
        """The bytes, from the first on."""
        self.file.seek(0)
        while chunk := self.file.read(_CHUNK):
            yield chunk


@contextmanager
def packed(part: Slice, name: str, folder: Path) -> Iterator[Packed]:
    """Pack a slice; `name` is what it is called inside, `folder` (made) is where a large one is kept meanwhile.

    Raises StoreFull when that has no room.
    """
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    text = _Text(part.tables)
    with SpooledTemporaryFile(_IN_MEMORY, dir=str(folder)) as file:
        for chunk in compress(text, name=name, modified=part.start, block_bytes=_BLOCK):
            md5.update(chunk)
            sha256.update(chunk)
            with storage_errors(folder):
                file.write(chunk)
        yield Packed(file, file.tell(), md5.hexdigest(), sha256.hexdigest(), text.rows)


class _Text:
    """Tables of bars as CSV, table by table, counting rows."""

    def __init__(self, tables: Iterable[pl.DataFrame]) -> None:
        self.rows = 0
        self._tables = tables

    def __iter__(self) -> Iterator[bytes]:
        for number, table in enumerate(self._tables):
            text = BytesIO()
            write_csv(table, text, header=number == 0)
            self.rows += table.height
            yield text.getvalue()
