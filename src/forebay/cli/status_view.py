"""Coverage as a person reads it (the grid) and as a program does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from forebay.cli.output import print_table, say
from forebay.model.coverage import Verdict
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval
from forebay.orchestration.report import Cell, Hole, Row
from forebay.orchestration.status import Status

_MARKS = {
    Verdict.PENDING_UPSTREAM: "pending",
    Verdict.MISSING_UPSTREAM: "missing",
    Verdict.SUSPECT: "suspect",
}
_LONGEST_LIST = 12
"""Gaps and failures shown to a person; --json has all."""


def show_status(status: Status) -> None:
    """The grid, the gaps, the queue and the failures, on stdout."""
    show_grid(status.rows)
    _show_holes(status.holes)
    _show_tasks(status)


def show_summary(status: Status) -> None:
    """What a sync ends with: one line for each table, then what is missing."""
    for row in status.rows:
        share = f"{row.held:,} of {row.wanted:,}"
        unit = "session dates" if row.symbols is None else "symbol days"
        say(f"{row.feed}: {_place(row)} {row.dates.start}..{row.dates.end}: {share} {unit} held and checked")
    _show_holes(status.holes)
    _show_tasks(status)
    say("complete: nothing is missing" if status.all_held else "not complete: see above")


def show_grid(rows: Sequence[Row]) -> None:
    """Feed and table by month: held of wanted, with a word where something is wrong."""
    months = sorted({month for row in rows for month in row.cells})
    say("coverage: held / wanted session dates (or symbol days) by month")
    print_table(
        ("feed", "table", *months),
        [(row.feed, _place(row), *(_cell(row.cells.get(month)) for month in months)) for row in rows],
    )


def _place(what: Row | Hole) -> str:
    """The table, and the destination where it is not the lake."""
    return what.table if what.destination == LAKE else f"{what.table} ({what.destination})"


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if cell.complete:
        return f"{cell.held:,}/{cell.wanted:,} ok"
    return f"{cell.held:,}/{cell.wanted:,} {_MARKS[cell.worst] if cell.worst else 'gap'}"


def _show_holes(holes: Sequence[Hole]) -> None:
    if not holes:
        return
    say(f"missing ({len(holes)}):")
    for hole in holes[:_LONGEST_LIST]:
        symbol = "" if hole.symbol == "*" else f" {hole.symbol}"
        why = f"{hole.verdict or 'failed'}: {hole.reason}" if hole.reason else "not fetched yet"
        say(f"  {_place(hole)}{symbol} {_span(hole.dates)} ({hole.sessions} sessions): {why}")
    if len(holes) > _LONGEST_LIST:
        say(f"  and {len(holes) - _LONGEST_LIST} more: forebay status --json")


def _show_tasks(status: Status) -> None:
    counts = ", ".join(f"{count:,} {state}" for state, count in status.tasks.items() if count)
    say(f"tasks: {counts or 'none'}")
    for task in status.failures[:_LONGEST_LIST]:
        say(f"  {task.draft.key}: {task.state}: {task.error_message}")
    if status.quarantined:
        say(f"quarantine: {status.quarantined} refused and kept, with reasons")


def _span(dates: Interval) -> str:
    return f"{dates.start}" if dates.start == dates.end else f"{dates.start}..{dates.end}"


def status_json(status: Status) -> dict[str, Any]:
    """Coverage, gaps and task counts as JSON values; dates are ISO 8601, both ends included."""
    return {
        "complete": status.all_held,
        "covered": [_row_json(row) for row in status.rows],
        "gaps": [_hole_json(hole) for hole in status.holes],
        "tasks": {state.value: count for state, count in status.tasks.items()},
        "failures": [
            {"key": task.draft.key, "state": task.state, "kind": task.error_kind, "message": task.error_message}
            for task in status.failures
        ],
        "quarantined": status.quarantined,
    }


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "feed": row.feed,
        "table": row.table,
        "destination": row.destination,
        "symbols": row.symbols,
        "start": row.dates.start,
        "end": row.dates.end,
        "wanted": row.wanted,
        "held": row.held,
        "months": {
            month: {"wanted": cell.wanted, "held": cell.held, "verdict": cell.worst}
            for month, cell in row.cells.items()
        },
        "verdicts": Counter(hole.verdict for hole in row.holes if hole.verdict),
    }


def _hole_json(hole: Hole) -> dict[str, Any]:
    return {
        "feed": hole.feed,
        "table": hole.table,
        "destination": hole.destination,
        "symbol": hole.symbol,
        "start": hole.dates.start,
        "end": hole.dates.end,
        "sessions": hole.sessions,
        "verdict": hole.verdict,
        "reason": hole.reason,
    }
