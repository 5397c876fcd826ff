"""Which files of a table belong together and are not yet: by partition, source and span."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from forebay.lake.compaction.spans import Span, span_around
from forebay.lake.format.layout import FileName
from forebay.lake.log.snapshot import LakeFile
from forebay.model.intervals import Interval
from forebay.model.partition import Source

_SOURCES = (Source.FLATFILE, Source.REST)
"""Bars built from trades stay beside the others: the vendor's next delivery of their day replaces them."""


@dataclass(frozen=True, slots=True)
class Work:
    """Files of one source to be merged."""

    table: str
    partition: str
    """Folder of them all: `month=2024-03`."""
    source: Source
    spans: tuple[Interval, ...]
    """Those that the files reach into, whole; there will be files for each."""
    files: tuple[LakeFile, ...]
    """In the order of their first days."""

    @property
    def dates(self) -> Interval:
        """From the first span to the last."""
        return Interval(self.spans[0].start, self.spans[-1].end)

    @property
    def paths(self) -> list[str]:
        """Of its files, relative to the table."""
        return [file.path for file in self.files]

    @property
    def rows(self) -> int:
        """In its files, by the log."""
        return sum(file.rows or 0 for file in self.files)

    def __str__(self) -> str:
        return f"{self.table} {self.dates.start}..{self.dates.end} {self.source}"


def plan(table: str, span: Span, held: Iterable[LakeFile]) -> Iterator[Work]:
    """What is to be merged, partition by partition. Files of other programs are left alone."""
    folders: defaultdict[tuple[str, Source], list[tuple[LakeFile, Interval]]] = defaultdict(list)
    for file in held:
        if file.name and file.name.source in _SOURCES:
            folder = file.path.split("/", 1)[0]
            folders[folder, file.name.source].append((file, _reach(table, span, file.name)))
    for (partition, source), found in sorted(folders.items(), key=lambda one: one[0]):
        for files in _together(found):
            # thousands of tickers by REST have the same dates: their days are gone through once
            alike = {(file.name.dates, file.name.days): file.name for file in files if file.name}
            days = {day for name in alike.values() for day in name.held()}
            spans = tuple(sorted({span_around(table, span, day) for day in days}))
            if not _settled(files, spans):
                yield Work(table, partition, source, spans, tuple(files))


def _reach(table: str, span: Span, name: FileName) -> Interval:
    """The whole spans that a file has rows in."""
    first, last = (span_around(table, span, day) for day in (name.dates.start, name.dates.end))
    return Interval(first.start, last.end)


def _together(found: Sequence[tuple[LakeFile, Interval]]) -> Iterator[list[LakeFile]]:
    """Files whose reaches overlap, directly or by way of others. Files in neighbouring spans stay apart."""
    files: list[LakeFile] = []
    end = date.min
    for file, reach in sorted(found, key=lambda one: (one[1].start, _first_day(one[0]), one[0].path)):
        if files and reach.start > end:
            yield files
            files = []
        files.append(file)
        end = max(end, reach.end)
    if files:
        yield files


def _settled(files: Sequence[LakeFile], spans: Sequence[Interval]) -> bool:
    """Whether nothing would be won: a file alone, or files of one span whose tickers lie apart."""
    names = [file.name for file in files if file.name]
    if len(files) == 1:
        return not (names[0].compacted and len(spans) > 1)
    if len(spans) > 1 or not all(name.compacted for name in names):
        return False
    bounds = sorted((file.lowest or "", file.highest or "") for file in files)
    return all(before[1] < after[0] for before, after in pairwise(bounds))


def _first_day(file: LakeFile) -> date:
    return file.name.dates.start if file.name else date.min
