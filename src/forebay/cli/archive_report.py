"""What is wrong with the archive, and what was done about it, as a person reads it and as a program does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from forebay.cli.archive_view import amount
from forebay.cli.output import print_table, say

if TYPE_CHECKING:
    from forebay.orchestration.archive.adopt import Adopted
    from forebay.orchestration.archive.audit import Audited
    from forebay.orchestration.archive.findings import Fault, Finding
    from forebay.orchestration.ledger_rebuild import Restored

_LONGEST_LIST = 12
"""Findings of a kind that are shown to a person; --json has all."""


def show_findings(findings: Iterable[Finding]) -> None:
    """What is wrong, kind by kind, each with what to do about it."""
    by_fault: defaultdict[Fault, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_fault[finding.fault].append(finding)
    for fault, alike in by_fault.items():
        say(f"{fault} ({len(alike):,}):")
        for finding in alike[:_LONGEST_LIST]:
            say(f"  {finding.key}: {finding.reason}")
        if len(alike) > _LONGEST_LIST:
            say(f"  and {len(alike) - _LONGEST_LIST:,} more: --json")
        say(f"  next: {fault.next_step}")


def findings_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """All findings as JSON values."""
    return [
        {
            "fault": finding.fault,
            "dataset": finding.dataset or None,
            "date": finding.day,
            "key": finding.key,
            "reason": finding.reason,
            "next": finding.next_step,
        }
        for finding in findings
    ]


def show_audit(audited: Audited, address: str, left_out: str) -> None:
    """Counts by dataset, then the findings, then how much has been read. `left_out` says why no vendor was asked."""
    say(f"archive: {address}")
    if left_out:
        say(f"the vendor's listing was left out: {left_out}")
    heads = ("dataset", "ledger", "storage", "vendor", "sound")
    rows = [(one.dataset, one.known, one.stored, one.listed, one.sound) for one in audited.compared]
    if rows:
        print_table(heads, rows)
    show_findings(audited.findings)
    if audited.swept:
        say(f"swept: {audited.swept:,} uploads that were never finished")
    for line in _reading(audited):
        say(line)
    say("sound: nothing was found" if audited.sound else "not sound: see above")


def _reading(audited: Audited) -> Iterator[str]:
    if audited.scrubbed:
        yield f"read through now: {audited.scrubbed.files:,} files, {amount(audited.scrubbed.bytes)}"
    done = audited.reach
    if done.oldest:
        yield (
            f"read again since they were taken: {done.files:,} of {done.all_files:,} files, {amount(done.bytes)} of "
            f"{amount(done.all_bytes)}; the longest ago on {done.oldest:%Y-%m-%d}"
        )


def audit_json(audited: Audited, address: str, left_out: str) -> dict[str, Any]:
    """The same as JSON values."""
    return {
        "address": address,
        "sound": audited.sound,
        "vendor_left_out": left_out or None,
        "datasets": [
            {
                "dataset": one.dataset,
                "ledger": one.known,
                "storage": one.stored,
                "vendor": one.listed,
                "sound": one.sound,
            }
            for one in audited.compared
        ],
        "findings": findings_json(audited.findings),
        "swept": audited.swept,
        "read": {"files": audited.scrubbed.files, "bytes": audited.scrubbed.bytes} if audited.scrubbed else None,
        "read_ever": audited.reach,
    }


def show_adopted(
    adopted: Sequence[Adopted], strange: Sequence[Finding], address: str, hints: Mapping[str, int]
) -> None:
    """What was taken over, what was not and why, and which setting would fit files that lie elsewhere."""
    say(f"archive: {address}")
    if adopted:
        rows = [(one.dataset, one.adopted, one.known, len(one.findings)) for one in adopted]
        print_table(("dataset", "taken over", "known before", "not taken"), rows)
    else:
        say("nothing lies there under the vendor's keys")
    show_findings([*(finding for one in adopted for finding in one.findings), *strange])
    for setting, files in hints.items():
        say(f"{files:,} files lie at another address than the archive's")
        say(f"  next: {setting} forebay archive adopt")


def adopted_json(
    adopted: Sequence[Adopted], strange: Sequence[Finding], address: str, hints: Mapping[str, int]
) -> dict[str, Any]:
    """The same as JSON values."""
    return {
        "address": address,
        "datasets": [
            {"dataset": one.dataset, "adopted": one.adopted, "known": one.known, "not_adopted": len(one.findings)}
            for one in adopted
        ],
        "findings": findings_json([*(finding for one in adopted for finding in one.findings), *strange]),
        "elsewhere": [{"setting": setting, "files": files} for setting, files in hints.items()],
    }


def show_rebuilt(restored: Restored) -> None:
    """What a rebuild of the ledger found in storage, and what it changed."""
    told = restored.told
    say(f"archive: {restored.address}")
    say(f"{told.receipts:,} files have a receipt, {told.by_size:,} were taken over by their size")
    for name, rebuilt in (("archive", restored.archive), ("lake", restored.lake)):
        say(
            f"{name}: {rebuilt.added:,} rows added, {rebuilt.changed:,} corrected, {rebuilt.kept:,} as recorded, "
            f"{rebuilt.removed:,} removed"
        )
    show_findings(told.findings)
    if told.by_size:
        say("next: `forebay archive adopt` compares files without a receipt with the vendor's listing")


def rebuilt_json(restored: Restored) -> dict[str, Any]:
    """The same as JSON values."""
    return {
        "address": restored.address,
        "receipts": restored.told.receipts,
        "by_size": restored.told.by_size,
        "archive": restored.archive,
        "lake": restored.lake,
        "findings": findings_json(restored.told.findings),
    }
