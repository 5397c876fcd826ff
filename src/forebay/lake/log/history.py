"""A table's log read backwards: which versions there were, when, and which of them can still be read."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from forebay.errors import UsageError
from forebay.lake.home.home import Home
from forebay.lake.log.entries import DIGITS, LOG, entry_of

_NEEDED = {"add": {"path", "size"}, "remove": {"path"}}
_NEVER = datetime.min.replace(tzinfo=UTC)


def actions_of(entry: bytes) -> list[Mapping[str, Any]] | None:
    """What an entry says; None when it is damaged."""
    try:
        actions = [json.loads(line) for line in entry.splitlines() if line]
    except ValueError:
        return None
    return actions if all(_is_sound(action) for action in actions) else None


def _is_sound(action: Any) -> bool:
    """Whether it is an object, and says of files what cannot be done without."""
    if not isinstance(action, dict):
        return False
    files = [(action[kind], needed) for kind, needed in _NEEDED.items() if kind in action]
    return all(isinstance(file, dict) and needed <= file.keys() for file, needed in files)


def oldest_from(home: Home, version: int, newest: int) -> int:
    """The oldest version, from `version` on, whose log and files are all there.

    A version needs the files that later ones removed: what each commit after it removed is looked for.
    """
    first = max(version, _oldest_in_log(home))
    for later in range(newest, first, -1):
        removed = (unquote(action["remove"]["path"]) for action in _actions(home, later) if "remove" in action)
        if not all(home.look(path) for path in removed):
            return later
    return first


def version_by(home: Home, moment: datetime, newest: int) -> int:
    """The newest version committed at or before `moment`, by the log's own times.

    Raises UsageError for a moment without a time zone, or before the oldest version that the log knows.
    """
    if moment.tzinfo is None:
        raise UsageError(f"as_of={moment} has no time zone", remedy="give it one: datetime(..., tzinfo=UTC)")
    known = range(_oldest_in_log(home), newest + 1)
    place = bisect_right(known, moment, key=lambda version: _committed_at(home, version))
    if place == 0:
        raise UsageError(
            f"no version that is still known was committed by {moment}",
            remedy=f"the oldest is {known[0]}, of {_committed_at(home, known[0])}",
        )
    return known[place - 1]


def known_until(home: Home, as_of: int | datetime | None) -> datetime | None:
    """The last moment at which what `as_of` names of a table was the newest; None while it is."""
    if as_of is None or isinstance(as_of, datetime):
        return as_of
    following = _committed_at(home, as_of + 1)
    return None if following == _NEVER else following - timedelta(microseconds=1)


def _oldest_in_log(home: Home) -> int:
    """The oldest version that can be made of a checkpoint, or of nothing, and the entries after it."""
    numbered = _numbered(home)
    entries = {number for number, rest in numbered if rest == ".json"}
    starts = {number for number, rest in numbered if ".checkpoint" in rest} | ({0} & entries)
    newest = max(entries | starts, default=0)
    gap = next((number for number in range(newest, -1, -1) if number not in entries), -1)
    return min((start for start in starts if start >= gap), default=newest)


def newest_in_log(home: Home) -> int:
    """The newest version that has an entry or a checkpoint; -1 where there is neither."""
    return max((number for number, _ in _numbered(home)), default=-1)


def _numbered(home: Home) -> list[tuple[int, str]]:
    """The log's files: their versions, and the rest of their names."""
    names = [held.path.rsplit("/", 1)[-1] for held in home.list(LOG)]
    return [(int(name[:DIGITS]), name[DIGITS:]) for name in names if name[:DIGITS].isdecimal()]


def _committed_at(home: Home, version: int) -> datetime:
    stamps = (action["commitInfo"].get("timestamp", 0) for action in _actions(home, version) if "commitInfo" in action)
    return max((datetime.fromtimestamp(stamp / 1000, UTC) for stamp in stamps), default=_NEVER)


def _actions(home: Home, version: int) -> list[Mapping[str, Any]]:
    return actions_of(home.read(entry_of(version)) or b"") or []
