"""What the archive holds, as a person reads it and as a program does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forebay.cli.output import print_table, say
from forebay.model.coverage import Coverage

if TYPE_CHECKING:
    from forebay.orchestration.archive.inventory import Holding

_LONGEST_LIST = 12
"""Missing days of a dataset that are shown to a person; --json has all."""
_GB = 1e9


@dataclass(frozen=True, slots=True)
class Place:
    """Where the archive is."""

    address: str
    profile: str
    """`folder`, `S3` or `Backblaze B2`."""


def status_json(place: Place, holdings: Sequence[Holding], price: float) -> dict[str, Any]:
    """What is held, as JSON values; bytes, US dollars a month."""
    total = sum(each.bytes for each in holdings)
    return {
        "address": place.address,
        "profile": place.profile,
        "files": sum(each.files for each in holdings),
        "bytes": total,
        "monthly_cost": round(total / _GB * price, 2),
        "datasets": [_holding_json(each) for each in holdings],
    }


def _holding_json(holding: Holding) -> dict[str, Any]:
    return {
        "dataset": holding.dataset,
        "first": holding.first,
        "last": holding.last,
        "files": holding.files,
        "bytes": holding.bytes,
        "missing": list(holding.missing),
        "earlier_revisions": holding.kept,
        "never_read": holding.never_read,
    }


def show_status(place: Place, holdings: Sequence[Holding], price: float) -> None:
    """The archive's place, a line for each dataset, and what it costs."""
    say(f"archive: {place.address} ({place.profile})")
    if not holdings:
        say("it holds nothing yet; `forebay discoverer historical` and `forebay worker` fill it")
        return
    heads = ("dataset", "first", "last", "files", "bytes", "missing", "earlier revisions")
    print_table(
        heads,
        [(one.dataset, one.first, one.last, one.files, one.bytes, len(one.missing), one.kept) for one in holdings],
    )
    for one in holdings:
        if one.missing:
            days = ", ".join(str(day) for day in one.missing[:_LONGEST_LIST])
            more = f" and {len(one.missing) - _LONGEST_LIST:,} more" if len(one.missing) > _LONGEST_LIST else ""
            say(f"missing between its first and last day: {one.dataset}: {days}{more}")
    if unread := sum(one.never_read for one in holdings):
        say(f"never read: {unread:,} files were taken over as they lay; `forebay archive verify --deep` reads them")
    total = sum(one.bytes for one in holdings)
    say(f"{sum(one.files for one in holdings):,} files, {amount(total)}: ${total / _GB * price:,.2f} a month")


def amount(size: float) -> str:
    """`1.5 GB`, `305 kB`."""
    for unit, power in (("TB", 4), ("GB", 3), ("MB", 2), ("kB", 1)):
        if size >= 1000**power:
            return f"{size / 1000**power:.1f} {unit}"
    return f"{size:.0f} bytes"


def show_files(files: Iterable[tuple[str, Coverage]]) -> None:
    """A line for each file, as it comes; keys and coverage."""
    say(f"{'date':<10}  {'bytes':>15}  {'rows':>13}  {'last modified (UTC)':<19}  {'earlier':>7}  {'sha256':<64}  key")
    for key, row in files:
        evidence = row.evidence
        rows = "-" if evidence.rows is None else f"{evidence.rows:,}"
        published = f"{evidence.revision.last_modified:%Y-%m-%d %H:%M:%S}" if evidence.revision else "-"
        kept = len(evidence.details.get("replaced", ()))
        say(
            f"{row.partition.day}  {evidence.bytes or 0:>15,}  {rows:>13}  {published:<19}  {kept:>7}  "
            f"{evidence.sha256 or '-':<64}  {key}"
        )


def show_files_json(files: Iterable[tuple[str, Coverage]]) -> None:
    """The same as one JSON array, an element a line: it can be read while it is written."""
    ahead = "["
    for key, row in files:
        say(ahead + json.dumps(_file_json(key, row), default=str))
        ahead = ","
    say("]" if ahead == "," else "[]")


def _file_json(key: str, row: Coverage) -> dict[str, Any]:
    evidence, revision = row.evidence, row.evidence.revision
    return {
        "date": row.partition.day,
        "key": key,
        "bytes": evidence.bytes,
        "rows": evidence.rows,
        "sha256": evidence.sha256,
        "etag": revision.etag if revision else None,
        "last_modified": revision.last_modified.isoformat() if revision else None,
        "earlier_revisions": evidence.details.get("replaced", []),
        "checked_at": row.checked_at.isoformat(),
    }
