"""Reading a plan's file again: whole and unchanged, or refused with what is wrong and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from forebay.errors import LedgerError, UsageError
from forebay.ledger.feeds import read_feed
from forebay.model.calendar import session_days
from forebay.model.catalogue import DATASETS
from forebay.orchestration.plan_file import FORMAT, Basis
from forebay.orchestration.wanted import Wish, symbols_of

_LONGEST = 2**26
"""Bytes of one line at most: a feed of a million tickers fits."""
_AGAIN = "make it again: forebay plan --out FILE"


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A file that is whole, and as it was written."""

    path: Path
    basis: Basis

    @classmethod
    def open(cls, path: Path) -> Self:
        """Check the file to its end and read what the plan was made from.

        Raises UsageError for a file that is not a plan, is cut off, was changed, or is of a later version.
        """
        _check_mark(path)
        lines: dict[str, list[Any]] = {"plan": [], "feed": [], "wish": [], "remember": []}
        for line in _lines(path):
            name, value = _parsed(path, line)
            if name not in lines:
                break
            lines[name].append(value)
        try:
            return cls(path, _basis(lines))
        except (KeyError, IndexError, TypeError, ValueError, LedgerError) as error:
            raise UsageError(f"{path} is a plan that this version cannot read", remedy=_AGAIN) from error

    def tasks(self) -> Iterator[bytes]:
        """The lines of the tasks, in order."""
        return (line for line in _lines(self.path) if line.startswith(b'{"task":'))


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while line := file.readline(_LONGEST):
                yield line
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", remedy="give a file that `forebay plan --out FILE` wrote"
        ) from error


def _check_mark(path: Path) -> None:
    """The last line's count and checksum are those of the lines above it."""
    digest, tasks, last = sha256(), 0, b""
    _check_format(path, next(_lines(path), b""))
    for line in _lines(path):
        digest.update(last)
        tasks += last.startswith(b'{"task":')
        last = line
    name, end = _parsed(path, last) if last.startswith(b'{"end":') and last.endswith(b"\n") else ("", {})
    if name != "end":
        raise UsageError(f"{path} is cut off: its last line is missing", remedy=_AGAIN)
    if end != {"tasks": tasks, "sha256": digest.hexdigest()}:
        raise UsageError(f"{path} was changed after it was written", remedy=_AGAIN)


def _check_format(path: Path, first: bytes) -> None:
    name, head = _parsed(path, first)
    known = head.get("format") if name == "plan" and isinstance(head, dict) else None
    if known is None:
        raise _no_plan(path)
    if known != FORMAT:
        raise UsageError(
            f"{path} is a plan of format {known}; this version reads format {FORMAT}",
            remedy="carry it out with the version that made it, or make it again",
        )


def _parsed(path: Path, line: bytes) -> tuple[str, Any]:
    try:
        ((name, value),) = json.loads(line).items()
    except (ValueError, AttributeError, RecursionError) as error:
        raise _no_plan(path) from error
    return name, value


def _no_plan(path: Path) -> UsageError:
    return UsageError(f"{path} is not a plan", remedy="give a file that `forebay plan --out FILE` wrote")


def _basis(lines: dict[str, list[Any]]) -> Basis:
    (head,) = lines["plan"]
    feeds = [read_feed(one["name"], one) for one in lines["feed"]]
    wishes = []
    for one in lines["wish"]:
        feed, dataset = feeds[one["feed"]], DATASETS[one["dataset"]]
        first, last = (date.fromisoformat(one[name]) for name in ("first", "last"))
        days = tuple(session_days(dataset.calendar, first, last))
        symbols = symbols_of(feed, dataset)
        wishes.append(Wish(feed, dataset, symbols, days, one["files"], one["destination"], one["timeframe"]))
    return Basis(
        made_at=datetime.fromisoformat(head["made_at"]),
        account=head["account"],
        ledger=head["ledger"],
        wishes=tuple(wishes),
        remember=tuple(read_feed(one["name"], one) for one in lines["remember"]),
    )
