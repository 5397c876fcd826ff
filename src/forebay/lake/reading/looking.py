"""A first look at each file that is about to be read: a damaged one is named, instead of failing deep in an engine."""

from __future__ import annotations

from collections.abc import Iterable
from os import SEEK_END

from forebay.errors import LakeError
from forebay.lake.home.home import Home
from forebay.lake.log.snapshot import LakeFile

_MAGIC = b"PAR1"
"""How a Parquet file begins and ends."""


class Looking:
    """Looks at each file of a table once, and only where that is cheap: in a folder. Buckets keep what they took."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._whole: set[str] = set()

    def look_at(self, files: Iterable[LakeFile]) -> None:
        """Raises LakeError for a file that is gone, cut short, or no Parquet."""
        if self._home.options:
            return
        for file in files:
            if file.path not in self._whole:
                self._prove(file)
                self._whole.add(file.path)

    def _prove(self, file: LakeFile) -> None:
        held = self._home.look(file.path)
        if held is None:
            raise self._damaged(file, "is gone")
        if held.size != file.size:
            raise self._damaged(file, f"has {held.size:,} bytes instead of {file.size:,}")
        with self._home.open(file.path) as opened:
            head = opened.read(len(_MAGIC))
            opened.seek(-len(_MAGIC), SEEK_END)
            if (head, opened.read()) != (_MAGIC, _MAGIC):
                raise self._damaged(file, "is no Parquet any more")

    def _damaged(self, file: LakeFile, what: str) -> LakeError:
        return LakeError(
            f"{self._home.source(file.path)} belongs to the table and {what}",
            remedy="`forebay lake verify --mend` sets damaged files aside and fetches their days anew",
        )
