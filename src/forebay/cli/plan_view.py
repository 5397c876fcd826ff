"""A plan as a person reads it, and as a program does."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from forebay.cli.output import print_table, say
from forebay.model.coverage import Coverage
from forebay.orchestration.plan import Plan


def show_plan(plan: Plan, calls_per_minute: int) -> None:
    """The plan on stdout: one line for each dataset and source, then what cannot be had and why."""
    if plan.lines:
        heads = ("feed", "table", "into", "from", "days", "tasks", "calls", "download", "about", "why")
        print_table(
            heads,
            [
                (
                    line.feed,
                    line.table,
                    line.destination,
                    line.source,
                    line.days,
                    line.tasks,
                    line.calls,
                    size_text(line.bytes),
                    str(timedelta(seconds=round(line.seconds))),
                    line.why,
                )
                for line in plan.lines
            ],
        )
        limit = f"at {calls_per_minute} calls a minute" if calls_per_minute else "without a rate limit"
        calls, size = sum(line.calls for line in plan.lines), sum(line.bytes for line in plan.lines)
        say(f"{len(plan.drafts):,} tasks: {calls:,} calls and {size_text(size)}, about {plan.duration} {limit}")
    else:
        say("nothing is missing: the plan is empty")
    for verdict, rows in _by_verdict(plan.findings).items():
        say(f"{verdict}: {rows} files. {next(row for row in plan.findings if row.verdict == verdict).evidence.reason}")
    for note in plan.notes:
        say(f"note: {note}")


def _by_verdict(findings: tuple[Coverage, ...]) -> Counter[str]:
    return Counter(row.verdict for row in findings)


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values."""
    return {
        "tasks": len(plan.drafts),
        "calls": sum(line.calls for line in plan.lines),
        "bytes": sum(line.bytes for line in plan.lines),
        "seconds": plan.duration.total_seconds(),
        "lines": [
            {
                "feed": line.feed,
                "table": line.table,
                "destination": line.destination,
                "source": line.source,
                "days": line.days,
                "tasks": line.tasks,
                "calls": line.calls,
                "bytes": line.bytes,
                "seconds": round(line.seconds, 1),
                "why": line.why,
            }
            for line in plan.lines
        ],
        "findings": [
            {"partition": str(row.partition), "verdict": row.verdict, "reason": row.evidence.reason}
            for row in plan.findings
        ],
        "notes": list(plan.notes),
    }


def size_text(size: int) -> str:
    """Bytes for a person: `1.8 MB`."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004 - the step between units
            return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"
