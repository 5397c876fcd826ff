"""Where the lake lives: what its writers and readers ask of a place, be it a folder or a bucket.

A home is the lake's own or, by `table`, one table's. Paths are relative to it, with slashes: for a table
`month=2024-03/<name>.parquet` and `_delta_log/<version>.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BufferedReader
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from forebay.clock import Clock
from forebay.errors import ForebayError, LakeError


class Conflict(LakeError):
    """Another writer committed first; what was planned must be planned again."""

    kind = "lake_conflict"


@dataclass(frozen=True, slots=True)
class Held:
    """A file that is there."""

    path: str
    size: int
    modified_at: datetime
    """UTC."""
    mark: str
    """Another one when the file is another: inode and time, or ETag."""


class Home(Protocol):
    """Every method raises StoreError, with StoreUnavailable for what may work later."""

    @property
    def uri(self) -> str:
        """The address, as delta-rs takes it and people read it: a folder's path, or `s3://bucket/prefix`."""

    @property
    def options(self) -> dict[str, str]:
        """Storage options for delta-rs. Holds keys: never to be shown."""

    @property
    def reading(self) -> Mapping[str, Any]:
        """Named arguments for `polars.scan_parquet` over `source`s. Holds keys: never to be shown."""

    @property
    def settling(self) -> timedelta:
        """How long a file that no commit names may still be on its way to one, for all that `writer` keeps out."""

    def table(self, name: str) -> Home:
        """The home of a table of this lake, such as `stocks/bars_1m`."""

    def source(self, path: str) -> str:
        """A file's full address, as Polars takes it."""

    def make(self) -> None:
        """Have the place ready for a table that is about to be made there."""

    def check(self) -> None:
        """Raise StoreError or LakeError, with a remedy, when no lake can be kept here."""

    def is_there(self) -> bool:
        """Whether anything is at this place."""

    def read(self, path: str) -> bytes | None:
        """A small file's content; None when there is none."""

    def look(self, path: str) -> Held | None:
        """What is known of a file without reading it; None when there is none."""

    def open(self, path: str) -> BufferedReader:
        """A file to be read here and there, such as a Parquet footer. To be closed."""

    def list(self, prefix: str = "") -> Iterator[Held]:
        """Every file in the folder `prefix` and below it, those under way and a lock's too, in the order of paths."""

    def place(self, staged: Path, path: str) -> None:
        """Give a local file its place here, whole and durable, or not at all. The local file is gone afterwards.

        Nothing belongs to a table before it is committed: what is placed and not committed is a leftover.
        """

    def create(self, path: str, data: bytes) -> None:
        """Store a small file, whole and durable, if there is none of that name yet. Raises Conflict when there is."""

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files; those that are not there are gone already."""

    def writer(self, clock: Clock) -> AbstractContextManager[None]:
        """One writer of a table at a time, as far as the place can have it. Raises LakeError after a long wait."""

    def give_up(self, before: datetime) -> int:
        """End what was begun to be placed before then and never ended; how many there were."""

    def explain(self, error: Exception) -> ForebayError:
        """What an error of delta-rs, Arrow or Polars about this place means; its cause may be shown."""

    def tidy(self, held: Callable[[], Container[str]]) -> None:
        """Remove leftovers, where it is certain that they are some: under `writer`, with what the table holds."""


@contextmanager
def explained(home: Home) -> Iterator[None]:
    """Polars' errors about a home's files, and the system's, become LakeError and StoreError."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        told = home.explain(error)
        raise told from told.__cause__


def next_step(error: Exception, otherwise: str) -> str:
    """What to do about an engine's error that is no fault of the place; `otherwise` about those that may be."""
    if isinstance(error, FileNotFoundError):
        return "ask again: it was replaced and vacuumed since; if it is missed then too, run `forebay lake verify`"
    if isinstance(error, pl.exceptions.PolarsError):
        return "correct the query; if it is right, run `forebay lake verify`: a file may be damaged"
    return otherwise


def scan(home: Home, paths: Iterable[str], **how: Any) -> pl.LazyFrame:
    """The rows of Parquet files of a home as a query; `how` goes to `polars.scan_parquet`."""
    sources = [home.source(path) for path in paths]
    return pl.scan_parquet(sources, hive_partitioning=False, glob=False, **home.reading, **how)
