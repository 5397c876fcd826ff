"""A plan as a file, JSON Lines: what it was made from, then every task, then a mark by which a changed file shows.

{"plan": {"format": 1, "made_at": ..., "account": {...}, "ledger": ...}}
{"feed": {...}}   {"wish": {...}}   {"remember": {...}}     as many as there are
{"task": {...}}                                             likewise, in the order of the plan
{"end": {"tasks": 2, "sha256": "..."}}                      of the lines above

Feeds have no secrets, and of keys only fingerprints are written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from forebay.ledger.feeds import feed_json
from forebay.model.feed import Feed
from forebay.model.task import TaskDraft
from forebay.orchestration.wanted import Wish
from forebay.stores.disk import make_folder, storage_errors, sync

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan was made from: enough to make it once more, and to see that it is the same account's."""

    made_at: datetime
    """UTC."""
    account: Mapping[str, str | None]
    """Variable name to the fingerprint of its key, None where it is not set."""
    ledger: str
    """Which ledger's coverage was subtracted: a path, or host and database."""
    wishes: tuple[Wish, ...]
    remember: tuple[Feed, ...] = ()
    """Feeds that flags named: remembered once the plan is carried out."""


def fingerprint(key: str) -> str:
    """Tells keys apart without giving them away."""
    return sha256(f"forebay {key}".encode()).hexdigest()[:16]


def write_plan(path: Path, basis: Basis, tasks: Iterable[TaskDraft]) -> int:
    """Write the file, whole or not at all; how many tasks are in it. Raises StoreError when it cannot be written."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with storage_errors(path, "the plan's file"):
        make_folder(path.parent.absolute())
        try:
            with part.open("wb") as file:
                count = _write(file, basis, tasks)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        sync(path.parent)
    return count


def _write(file: BinaryIO, basis: Basis, tasks: Iterable[TaskDraft]) -> int:
    digest, count = sha256(), 0

    def put(line: bytes) -> None:
        digest.update(line)
        file.write(line)

    for line in _basis_lines(basis):
        put(line)
    for task in tasks:
        put(task_line(task))
        count += 1
    file.write(_line("end", {"tasks": count, "sha256": digest.hexdigest()}))
    return count


def _basis_lines(basis: Basis) -> Iterator[bytes]:
    head = {"format": FORMAT, "made_at": basis.made_at.isoformat(), "account": dict(basis.account)}
    yield _line("plan", {**head, "ledger": basis.ledger})
    feeds = list(dict.fromkeys(wish.feed for wish in basis.wishes))
    for feed in feeds:
        yield _line("feed", {"name": feed.name, **feed_json(feed)})
    for wish in basis.wishes:
        yield _line("wish", {"feed": feeds.index(wish.feed), **_wish_json(wish)})
    for feed in basis.remember:
        yield _line("remember", {"name": feed.name, **feed_json(feed)})


def _wish_json(wish: Wish) -> dict[str, Any]:
    return {
        "dataset": wish.dataset.name,
        "destination": wish.destination,
        "timeframe": wish.timeframe,
        "first": wish.span.start.isoformat(),
        "last": wish.span.end.isoformat(),
        "files": wish.files,
    }


def task_line(draft: TaskDraft) -> bytes:
    """A task as its line of the file: two are the same task of the same revision if their lines are."""
    dates, revision = draft.partition.dates, draft.revision
    return _line(
        "task",
        {
            "kind": draft.kind,
            "key": draft.key,
            "destination": draft.destination,
            "source": draft.source,
            "table": draft.partition.table,
            "symbol": draft.partition.symbol,
            "start": dates.start.isoformat(),
            "end": dates.end.isoformat(),
            "revision": revision and [revision.etag, revision.size, revision.last_modified.isoformat()],
        },
    )


def _line(name: str, value: Mapping[str, Any]) -> bytes:
    return json.dumps({name: value}, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
