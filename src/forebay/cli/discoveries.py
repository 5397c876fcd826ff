"""From the flags of `discover` to discoveries, and what is said of how they ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from forebay.cli.output import ExitCode, tell
from forebay.errors import ForebayError, UsageError
from forebay.ledger.coverage import CoverageBook
from forebay.model.calendar import NEW_YORK
from forebay.model.task import Task, TaskState
from forebay.model.universe import Category
from forebay.symbols.categories import CATEGORIES, category_named
from forebay.symbols.discovery import Discovery, from_key

ALL = "all"
_ONE_CATEGORY = ("type", "exchange", "search", "out")
_OF_OPTIONS = ("underlying", "expires_from", "expires_to")


def discoveries(word: str, flags: Mapping[str, Any], now: datetime) -> list[Discovery]:
    """What a person asks for by a category (or `all`) and flags by the names of `Discovery`; notes go to stderr.

    Raises UsageError.
    """
    today = now.astimezone(NEW_YORK).date()
    given = {name: value for name, value in flags.items() if value is not None}
    as_of = given.pop("as_of", today)
    if as_of > today:
        raise UsageError(f"{as_of} is in the future: today is {today} in New York", remedy="leave --as-of out")
    if word.strip().lower() == ALL:
        return _everything(as_of, given)
    category = category_named(word)
    if given.get("out"):
        given["out"] = str(_file(given["out"]))
    if given.get("delisted") and not CATEGORIES[category].lists_delisted:
        tell(f"note: the vendor does not say which {category} pairs have left; --include-delisted adds none")
    return [Discovery(category, as_of, **given)]


def _everything(as_of: date, given: dict[str, Any]) -> list[Discovery]:
    """One discovery for each category; for options only where an underlying bounds it."""
    for name in _ONE_CATEGORY:
        if given.pop(name, None):
            raise UsageError(f"--{name} goes with one category, not with all", remedy="name the category")
    of_options = {name: given.pop(name) for name in _OF_OPTIONS if name in given}
    wanted = [Discovery(category, as_of, **given) for category in Category if category is not Category.OPTIONS]
    if of_options.get("underlying"):
        expired = bool(given.get("delisted") and of_options.get("expires_from"))
        return [*wanted, Discovery(Category.OPTIONS, as_of, **{**given, **of_options, "delisted": expired})]
    tell("note: options are skipped: there are hundreds of thousands of contracts. Next: name --underlying SPY")
    return wanted


def _file(name: str) -> Path:
    """Where a universe file is to go, for whichever worker writes it. Raises UsageError."""
    path = Path(name).expanduser().absolute()
    if path.is_dir():
        raise UsageError(f"{name} is a folder", remedy=f"name a file, such as {Path(name) / 'us_equities.json'}")
    return path


@dataclass(frozen=True, slots=True)
class Found:
    """How a discovery ended."""

    category: Category
    as_of: date
    task: int
    state: TaskState
    count: int = 0
    active: int = 0
    delisted: int = 0
    complete: bool = False
    """Whether it is everybody who is listed."""
    file: str | None = None
    reason: str = ""

    @property
    def well(self) -> bool:
        """Whether there is a universe file."""
        return self.file is not None

    @property
    def fault(self) -> ForebayError:
        """What to tell a person when there is none."""
        if self.state is TaskState.COMPLETED:
            return UsageError(
                f"{self.category}: no ticker is listed as of {self.as_of} that passes the filters",
                remedy="leave a filter out, or correct it; codes and tickers are case-sensitive",
            )
        return ForebayError(
            f"{self.category}: the discovery is {self.state}: {self.reason or 'not begun'}",
            remedy=f"`forebay tasks show {self.task}` tells more; the same command tries it again",
        )

    def __str__(self) -> str:
        """One line for a person."""
        if not self.well:
            return f"{self.category}: {self.fault}"
        left = f" ({self.delisted:,} of them have left)" if self.delisted else ""
        part = "" if self.complete else ", a part"
        return f"{self.category}: {self.count:,} tickers as of {self.as_of}{left}{part}, in {self.file}"


def found(task: Task, coverage: CoverageBook) -> Found:
    """How the discovery of a task ended, by the ledger."""
    wanted, partition = from_key(task.draft.key), task.draft.partition
    reason = task.error_message or (task.hold and f"it is held back: {task.hold}") or ""
    if task.state is not TaskState.COMPLETED:
        return Found(wanted.category, wanted.as_of, task.id, task.state, reason=reason)
    rows = coverage.find(task.draft.destination, partition.table, dates=partition.dates)
    evidence = next(row.evidence for row in rows if row.partition == partition)
    return Found(wanted.category, wanted.as_of, task.id, task.state, count=evidence.rows or 0, **evidence.details)


def judge(ended: Sequence[Found]) -> int:
    """The exit code: all, some or none of them are there."""
    well = [one.well for one in ended]
    if all(well):
        return ExitCode.OK
    return ExitCode.PARTIAL if any(well) else ExitCode.ERROR
