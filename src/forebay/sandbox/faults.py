"""Faults by rule and count: which request goes wrong, how, and how often. The same requests meet the same faults."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, time
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Lock
from typing import Any

from forebay.errors import UsageError
from forebay.sandbox.defects import DEFECTS
from forebay.sandbox.wire import Subject

REFUSALS = ("rate_limited", "server_error", "not_entitled", "not_in_timeframe")
"""Answered instead of the real answer."""
CONNECTION = ("connect_stall", "read_stall", "cut")
"""The right answer, delivered badly."""
BODIES = ("truncated_gzip", "bit_flip", "wrong_etag")
"""The right marks with wrong bytes, or the other way round, for flat files."""
PAGES = ("foreign_ticker", "bar_outside_window")
"""A page of bars that is not what was asked for."""
SPLITS = ("duplicate_split", "missing_split", "inverted_split")
"""A split as it should not be listed; `ticker` and `date` are those of its row."""
SNAPSHOTS = ("missing_snapshot", "stale_snapshot", "damaged_snapshot")
"""One ticker's row among the snapshots; `ticker` is that of the row."""
ANSWERS = ("broken_json",)
"""A REST answer that comes whole and cannot be read."""
FILES = ("late", "missing", "replaced", *DEFECTS)
"""What is wrong with the object itself, in listings and reads alike."""
STREAM_DOORS = ("stream_refused", "stream_auth_failed", "stream_no_plan", "stream_auth_timeout")
"""Of the stream: a connection that is not let in, though its key is right."""
STREAM_PAIRS = ("stream_not_authorized", "stream_unacknowledged")
"""A subscription that does not come about."""
STREAM_ENDINGS = (
    "stream_drop", "stream_close", "stream_stall", "stream_evicted", "stream_slow_consumer", "stream_force_disconnect",
)  # fmt: skip
"""The end of a connection, after `events` and `after`."""
STREAM_EVENTS = (
    "stream_malformed", "stream_broken_json", "stream_duplicate", "stream_late", "stream_restated",
    "stream_unknown_field", "stream_unknown_event", "stream_decimal_sizes",
)  # fmt: skip
"""One event that is not as it should be, for everyone who is sent it; `ticker` and `channel` are the event's."""
STREAM = (*STREAM_DOORS, *STREAM_PAIRS, *STREAM_ENDINGS, *STREAM_EVENTS)
KINDS = (*REFUSALS, *CONNECTION, *ANSWERS, *BODIES, *PAGES, *SPLITS, *SNAPSHOTS, *FILES, *STREAM)


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule: which requests it is about, what goes wrong, how often. Empty conditions match everything."""

    kind: str
    path: str = "*"
    """Glob on the decoded URL path; `*` also matches `/`."""
    dataset: str = ""
    """`us_stocks_sip/minute_aggs_v1`; a glob too."""
    date: dt.date | None = None
    ticker: str = ""
    request: str = ""
    """`listing`, `head`, `data` or `reference`."""
    times: int | None = None
    """Goes wrong this often, then never again. None: always."""
    every: int = 1
    """Of the requests that match, every N-th."""
    seconds: float = 30.0
    """How long a stall lasts; how much later an event of the stream comes."""
    status: int | None = None
    """Of a `server_error` or a refused stream (503 without it), and of a close frame (1012)."""
    retry_after: float | None = None
    """Seconds that a `rate_limited` answer asks for; None leaves the header out."""
    until: dt.date | None = None
    """A `late` file is there from this date on (00:00 UTC, by the sandbox's clock)."""
    listings: int | None = None
    """A `late` file is there after this many listings that would have shown it."""
    reads: int = 1
    """A `replaced` file changes after this many reads."""
    channel: str = ""
    """Of the stream: `AM`."""
    events: int | None = None
    """A connection ends with the frame that brings it so many events."""
    after: float | None = None
    """And not before it has been subscribed for so many replayed seconds."""

    def about(self, subject: Subject) -> bool:
        """Whether the rule is about such a request."""
        return (
            fnmatchcase(subject.path, self.path)
            and fnmatchcase(subject.dataset, self.dataset or "*")
            and (self.date is None or self.date == subject.day)
            and self.ticker in ("", subject.ticker)
            and self.channel in ("", subject.channel)
            and self.request in ("", subject.kind)
        )


class Faults:
    """The rules with their counters. Safe to ask from several threads."""

    def __init__(self, rules: Iterable[Fault | Mapping[str, Any]] = ()) -> None:
        self.rules: tuple[Fault, ...] = tuple(
            rule if isinstance(rule, Fault) else fault_from(rule, f"rule {number}")
            for number, rule in enumerate(rules, 1)
        )
        self._lock = Lock()
        self._seen: Counter[tuple[int, str]] = Counter()
        self._done: Counter[tuple[int, str]] = Counter()

    def strike(self, subject: Subject, kinds: Collection[str]) -> Fault | None:
        """The first rule of these kinds whose turn it is; counts the request for every rule asked."""
        with self._lock:
            for place, rule in enumerate(self.rules):
                if rule.kind in kinds and rule.about(subject) and self._turn(place, rule, ""):
                    return rule
        return None

    def standing(self, subject: Subject, kinds: Collection[str]) -> list[Fault]:
        """The rules of these kinds that are about an object and not used up; counts nothing."""
        with self._lock:
            return [
                rule
                for place, rule in enumerate(self.rules)
                if rule.kind in kinds and rule.about(subject) and not self._used_up(place, rule, subject.path)
            ]

    def count_read(self, subject: Subject) -> None:
        """An object was read: rules about it whose `times` counts reads come nearer to their end."""
        with self._lock:
            for place, rule in enumerate(self.rules):
                if rule.kind in DEFECTS and rule.about(subject):
                    self._done[place, subject.path] += 1

    def hidden(self, subject: Subject, now: datetime) -> bool:
        """Whether the object is missing or late; a listing that would have shown it counts."""
        with self._lock:
            return any(
                self._hides(place, rule, subject, now)
                for place, rule in enumerate(self.rules)
                if rule.kind in ("late", "missing") and rule.about(subject)
            )

    def replaces(self, subject: Subject) -> bool:
        """Whether, after this read, the object is published anew."""
        with self._lock:
            due = False
            for place, rule in enumerate(self.rules):
                if rule.kind == "replaced" and rule.about(subject):
                    self._seen[place, subject.path] += 1
                    whole = self._seen[place, subject.path] % rule.reads == 0
                    if whole and self._done[place, subject.path] < (rule.times or 1):
                        self._done[place, subject.path] += 1
                        due = True
            return due

    def _turn(self, place: int, rule: Fault, scope: str) -> bool:
        self._seen[place, scope] += 1
        if self._seen[place, scope] % rule.every or self._used_up(place, rule, scope):
            return False
        self._done[place, scope] += 1
        return True

    def _used_up(self, place: int, rule: Fault, scope: str) -> bool:
        return rule.times is not None and self._done[place, scope] >= rule.times

    def _hides(self, place: int, rule: Fault, subject: Subject, now: datetime) -> bool:
        if rule.until is not None:
            return now < datetime.combine(rule.until, time(), UTC)
        if rule.listings is None:
            return True
        hidden = self._seen[place, subject.path] < rule.listings
        if subject.kind == "listing":
            self._seen[place, subject.path] += 1
        return hidden


def read_faults(path: Path) -> list[Fault]:
    """The rules of a TOML file, its `[[fault]]` tables. Raises UsageError that names file, rule and word."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise UsageError(
            f"cannot read the fault file {path}: {problem.strerror}", remedy="Check the path."
        ) from problem
    except tomllib.TOMLDecodeError as problem:
        raise UsageError(f"the fault file {path} is not TOML: {problem}", remedy="Correct that line.") from problem
    _check_words(content, ["fault"], f"in {path}")
    rules: Sequence[Mapping[str, Any]] = content.get("fault", [])
    return [fault_from(rule, f"fault {number} of {path}") for number, rule in enumerate(rules, 1)]


def fault_from(values: Mapping[str, Any], where: str) -> Fault:
    """A rule from plain values. Raises UsageError for an unknown word, kind or type of value."""
    _check_words(values, [field.name for field in fields(Fault)], f"in {where}")
    kind = values.get("kind")
    if kind not in KINDS:
        raise UsageError(f"{where} has the unknown kind {kind!r}", remedy=_nearest(str(kind), KINDS))
    for name, wanted in _TYPES.items():
        value = values.get(name)
        if value is not None and (not isinstance(value, wanted) or isinstance(value, bool | datetime)):
            raise UsageError(f"{where}: {name} = {value!r} is not {_CALLED[wanted]}", remedy=f"Correct {name}.")
    for name in ("every", "reads", "times", "listings", "events"):
        if values.get(name, 1) < 1:
            raise UsageError(f"{where}: {name} must be at least 1", remedy=f"Correct {name}.")
    return Fault(**values)


_NUMBER = (int, float)
_CALLED: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    dt.date: "a date (2025-10-01, no quotes)",
    _NUMBER: "a number",
}
_TYPES: Mapping[str, Any] = {
    **dict.fromkeys(("path", "dataset", "ticker", "request", "channel"), str),
    **dict.fromkeys(("times", "every", "status", "listings", "reads", "events"), int),
    **dict.fromkeys(("seconds", "retry_after", "after"), _NUMBER),
    **dict.fromkeys(("date", "until"), dt.date),
}


def _check_words(values: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for word in values:
        if word not in known:
            raise UsageError(f"unknown word {word!r} {where}", remedy=_nearest(word, known))


def _nearest(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."
