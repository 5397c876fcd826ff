"""The csv.lzo archive as a destination: where its objects are, and how much time one of them covers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

CSV_LZO = "csv_lzo"
"""The destination's name; in full it also says which window and where: `csv_lzo:day:s3://bucket/prefix`."""


class Window(StrEnum):
    """What one object covers."""

    HOUR = "hour"
    """An hour of UTC, of one session date."""
    DAY = "day"
    """A session date."""
    ALL = "all"
    """Every session date that is held."""


@dataclass(frozen=True, slots=True)
class BarArchive:
    """One csv.lzo archive. `str()` is its name as a destination of tasks and coverage."""

    address: str
    """`s3://bucket/prefix`, or a folder's absolute path."""
    window: Window = Window.DAY

    def __str__(self) -> str:
        return f"{CSV_LZO}:{self.window}:{self.address}"


def bar_archive(destination: str) -> BarArchive | None:
    """The archive that a destination names in full; None for any other destination."""
    name, _, rest = destination.partition(":")
    window, _, address = rest.partition(":")
    if name != CSV_LZO or window not in list(Window) or not address:
        return None
    return BarArchive(address, Window(window))
