"""A plan: the tasks that would close the gaps, what they cost, and why they are these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from forebay.model.catalogue import Kind
from forebay.model.coverage import Coverage
from forebay.model.partition import Source
from forebay.model.task import TaskDraft


@dataclass(frozen=True, slots=True)
class Rates:
    """What a call and a byte cost here, for estimates and for the choice between sources."""

    calls_per_minute: int = 0
    """The vendor's limit for all workers together; 0 is none."""
    seconds_per_call: float = 0.3
    """A REST round trip with one page, when no limit holds it back."""
    seconds_per_file: float = 0.5
    """To open, check and commit one flat file, its bytes apart."""
    bytes_per_second: float = 20e6
    """A flat file's way from the vendor, decompressed and stored."""

    def seconds(self, calls: int, files: int, size: int) -> float:
        """How long this many calls, files and bytes take, one after the other."""
        per_call = max(self.seconds_per_call, 60 / self.calls_per_minute if self.calls_per_minute else 0)
        return calls * per_call + files * self.seconds_per_file + size / self.bytes_per_second


@dataclass(frozen=True, slots=True)
class Calls:
    """How many REST calls something takes: bars come in pages, and how many traded is known only afterwards."""

    least: int = 0
    most: int = 0

    def __add__(self, more: Calls) -> Calls:
        return Calls(self.least + more.least, self.most + more.most)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the plan: one dataset of one feed from one source, with the reason for that source."""

    feed: str
    table: str
    destination: str
    source: Source
    drafts: Iterable[TaskDraft]
    """Can be gone through again and again."""
    tasks: int
    days: int
    calls: int
    """REST calls at most: bars come in pages, and how many traded is known only afterwards."""
    fewest_calls: int
    bytes: int
    """Of flat files."""
    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done. `findings` are verdicts that planning itself settled, such as a file not published yet."""

    made_at: datetime
    """When the coverage was read (UTC)."""
    lines: tuple[Line, ...] = ()
    findings: tuple[Coverage, ...] = ()
    one_by_one: Mapping[Kind, Calls] = field(default_factory=dict)
    """What it would take to ask for each symbol and page by itself, one timeframe at a time."""
    notes: tuple[str, ...] = field(default=())
    """What a person should know: days outside the plan's history, keys that are missing."""

    @property
    def drafts(self) -> list[TaskDraft]:
        """Every task of the plan, each once, in a list."""
        return list(self.each())

    def each(self) -> Iterator[TaskDraft]:
        """Every task of the plan, each once (two feeds may wish for the same file), made as they are asked for."""
        seen: set[tuple[str, str]] = set()
        for draft in (draft for line in self.lines for draft in line.drafts):
            if (draft.key, draft.destination) not in seen:
                seen.add((draft.key, draft.destination))
                yield draft

    @property
    def calls(self) -> int:
        """REST calls at most."""
        return sum(line.calls for line in self.lines)

    @property
    def fewest_calls(self) -> int:
        """REST calls if every page had room for all that follows."""
        return sum(line.fewest_calls for line in self.lines)

    @property
    def bytes(self) -> int:
        """Of flat files."""
        return sum(line.bytes for line in self.lines)

    @property
    def duration(self) -> timedelta:
        """The estimate for one worker, by the most calls."""
        return timedelta(seconds=round(sum(line.seconds for line in self.lines)))
