"""Work on a lake in other processes, which a failpoint may kill, and a reader that looks on meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import polars as pl
from lakes import Basin

from forebay import failpoints
from forebay.lake.compaction.compaction import Compaction
from forebay.lake.compaction.vacuum import Vacuum
from forebay.lake.home.folder import FolderHome
from forebay.lake.home.home import scan
from forebay.lake.log.versions import Versions
from forebay.lake.sorting.sums import Sums, sums_of
from forked import HOST

TABLE = "stocks/bars_1m"
FAR = datetime.now(UTC) + timedelta(days=365)
"""Past every grace."""


def compact(basin: Basin, file_rows: int = 9) -> None:
    """Do all there is to do, until nothing is left."""
    work = Compaction(basin.tables, file_rows)
    while todo := work.plan(TABLE):
        for each in todo:
            work.run(each)


def vacuum(basin: Basin) -> None:
    """Remove whatever the newest version does not need."""
    Vacuum(basin.tables).run(TABLE, FAR)


def start(home: Path, worker: str, work: Callable[[Basin], None], point: str = ""):
    """A process that works on the lake of `home`, to be killed at a failpoint (`name` or `name:2`)."""
    process = HOST.Process(target=_child, args=(home, worker, work, point))
    process.start()
    return process


def _child(home: Path, worker: str, work: Callable[[Basin], None], point: str) -> None:
    failpoints._armed, _, failpoints._turn = point.partition(":")
    work(Basin(home, worker))


def die_at(owner: Any, step: str, when: str) -> None:
    """Have this process kill itself just `before` or `after` the first call of a step of `owner`'s."""
    real = getattr(owner, step)

    def deadly(*given: Any, **named: Any) -> None:
        if when == "after":
            real(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, step, deadly)


def held(root: Path) -> list[str]:
    """The newest version's files."""
    return [file.path for file in Versions(FolderHome(root / TABLE), TABLE).newest().files()]


def on_disk(root: Path) -> list[str]:
    """The files that are there, of whatever version."""
    return [path.relative_to(root / TABLE).as_posix() for path in (root / TABLE).rglob("*.parquet")]


def rows(root: Path) -> pl.DataFrame:
    """All rows of the newest version, file after file."""
    return scan(FolderHome(root / TABLE), held(root)).collect()


def total(root: Path) -> Sums:
    """What they add up to."""
    return sums_of(rows(root))


@contextmanager
def reading(root: Path) -> Iterator[set[int]]:
    """Counts the table's rows again and again, at least once more after the block; all counts that were seen."""
    seen: set[int] = set()
    done = Event()
    failed: list[Exception] = []

    def read() -> None:
        home, last = FolderHome(root / TABLE), False
        versions = Versions(home, TABLE)
        while not last:
            last = done.is_set()
            paths = [file.path for file in versions.newest().files()]
            seen.add(int(scan(home, paths).select(pl.len()).collect().item()))

    def guarded() -> None:
        try:
            read()
        except Exception as error:  # noqa: BLE001 - told by the test's own thread
            failed.append(error)

    thread = Thread(target=guarded)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()
    if failed:
        raise failed[0]
