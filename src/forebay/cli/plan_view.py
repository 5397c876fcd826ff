"""A plan as a person reads it, and as a program does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from forebay.cli.output import print_table, say
from forebay.model.coverage import Coverage
from forebay.model.timeframe import base_of
from forebay.orchestration.plan import Calls, Line, Plan


def show_plan(plan: Plan, calls_per_minute: int, sizes: Sequence[str]) -> None:
    """The plan on stdout: one line for each dataset and source, totals, then what cannot be had and why.

    `sizes` are the timeframes that are asked for, to say what asking for each by itself would take.
    """
    if plan.lines:
        print_table(_HEADS, [_row(line) for line in plan.lines])
        for source in dict.fromkeys(line.source for line in plan.lines):
            say(f"from {source}: {_sum([line for line in plan.lines if line.source is source])}")
        limit = f"at {calls_per_minute} calls a minute" if calls_per_minute else "without a rate limit"
        say(f"in all: {_sum(plan.lines)} {limit}")
        if (alone := one_by_one(plan, sizes)).most > plan.calls:
            say(f"one request for each ticker, timeframe and page would be {_range(alone)}")
    else:
        say("nothing is missing: the plan is empty")
    for verdict, rows in _by_verdict(plan.findings).items():
        reason = next(row for row in plan.findings if row.verdict == verdict).evidence.reason
        say(f"{verdict}: {rows} {'file' if rows == 1 else 'files'}. {reason}")
    for note in plan.notes:
        say(f"note: {note}")


_HEADS = ("feed", "table", "into", "from", "days", "tasks", "calls", "download", "about", "why")


def _row(line: Line) -> tuple[object, ...]:
    calls = f"{line.fewest_calls:,}-{line.calls:,}" if line.fewest_calls < line.calls else f"{line.calls:,}"
    size, about = size_text(line.bytes), str(timedelta(seconds=round(line.seconds)))
    place = (line.feed, line.table, line.destination, line.source)
    return (*place, line.days, line.tasks, calls, size, about, line.why)


def _sum(lines: Sequence[Line]) -> str:
    """Tasks, calls, bytes and time of some lines, in words."""
    calls = Calls(sum(line.fewest_calls for line in lines), sum(line.calls for line in lines))
    size, seconds = sum(line.bytes for line in lines), round(sum(line.seconds for line in lines))
    tasks = sum(line.tasks for line in lines)
    parts = [f"{tasks:,} task{'' if tasks == 1 else 's'}", _range(calls), f"{size_text(size)} of files"]
    wanted = (True, calls.most or not size, size)
    return ", ".join(part for part, there in zip(parts, wanted, strict=True) if there) + (
        f", about {timedelta(seconds=seconds)}"
    )


def _range(calls: Calls) -> str:
    """Bars come in pages, and how many traded is known only afterwards."""
    return f"{calls.least:,} to {calls.most:,} calls" if calls.least < calls.most else f"{calls.most:,} calls"


def one_by_one(plan: Plan, sizes: Sequence[str]) -> Calls:
    """Calls if each ticker, timeframe and page of what is missing were asked for by itself."""
    total = Calls()
    for kind, calls in plan.one_by_one.items():
        times = max(sum(base_of(size) is kind for size in sizes), 1)
        total += Calls(calls.least * times, calls.most * times)
    return total


def _by_verdict(findings: tuple[Coverage, ...]) -> Counter[str]:
    return Counter(row.verdict for row in findings)


def plan_json(plan: Plan, sizes: Sequence[str]) -> dict[str, Any]:
    """The plan as JSON values."""
    return {
        "tasks": sum(1 for _ in plan.each()),
        "calls": plan.calls,
        "fewest_calls": plan.fewest_calls,
        "calls_one_by_one": one_by_one(plan, sizes).most,
        "bytes": plan.bytes,
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
                "fewest_calls": line.fewest_calls,
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
