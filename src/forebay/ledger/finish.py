"""How an attempt ends: what each outcome does to the task's row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from forebay.ledger.records import NOT_HELD, Record, entering
from forebay.model.coverage import Coverage
from forebay.model.task import Discard, Done, Outcome, Retry, Snooze, TaskState


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed task is tried again, and when it is given up."""

    max_retries: int = 2
    """Further attempts in each phase, download and upload."""
    first_wait: float = 2.0
    """Seconds before the first further attempt; doubled for each later one, up to `longest_wait`."""
    longest_wait: float = 900.0
    """Seconds. A server that asks for more gets no more than a day."""
    throttle_limit: timedelta = timedelta(hours=6)
    """A 429 counts no attempt until nothing but 429 has come for this long; from then on it counts."""

    def wait(self, attempt: int, rng: Random) -> float:
        """Seconds before attempt number `attempt` (from 0) is repeated, with up to a half taken off by chance."""
        # the exponent is bounded: 2.0 ** 1100 is an error
        return min(self.first_wait * 2.0 ** min(attempt, 30), self.longest_wait) * rng.uniform(0.5, 1.0)


_LONGEST_ASKED = 86_400.0


def ended(row: Record, outcome: Outcome, policy: RetryPolicy, now: datetime, rng: Random) -> dict[str, Any]:
    """The new values of a held task's row, `status` among them."""
    match outcome:
        case Done(coverage):
            values = _completed(coverage, now)
        case Retry():
            values = _failed(row, outcome, policy, now, rng)
        case Snooze(until, reason, kind):
            values = {
                **entering(TaskState.PENDING, now),
                "available_at": until,
                "throttled_since": None,
                "error_kind": kind,
                "error_message": reason,
            }
        case Discard(kind, reason, _):
            values = given_up(kind, reason, now)
    return {**values, **NOT_HELD}


def _completed(coverage: tuple[Coverage, ...], now: datetime) -> dict[str, Any]:
    evidence = [row.evidence for row in coverage]
    return {
        **entering(TaskState.COMPLETED, now),
        "rows": sum(one.rows or 0 for one in evidence),
        "bytes": sum(one.bytes or 0 for one in evidence),
        "throttled_since": None,
        "error_kind": None,
        "error_message": None,
        "hold": None,
    }


def given_up(kind: str, reason: str, now: datetime) -> dict[str, Any]:
    """The new values of a task that is not tried again."""
    entered = entering(TaskState.PERMANENT_FAILURE, now)
    return {**entered, **NOT_HELD, "hold": None, "error_kind": kind, "error_message": reason}


def _failed(row: Record, outcome: Retry, policy: RetryPolicy, now: datetime, rng: Random) -> dict[str, Any]:
    throttled_since = None if outcome.counted else row["throttled_since"] or now
    counted = throttled_since is None or now - throttled_since >= policy.throttle_limit
    uploads = row["upload_attempt"]
    used = uploads if outcome.upload else row["attempt"] - uploads
    if counted and used >= policy.max_retries:
        return given_up(outcome.kind, outcome.reason, now)
    wait = policy.wait(used, rng) if outcome.after is None else min(max(outcome.after, 0.0), _LONGEST_ASKED)
    state = TaskState.FAILED_UPLOAD if outcome.upload else TaskState.FAILED_DOWNLOAD
    return {
        **entering(state, now),
        "attempt": row["attempt"] + counted,
        "upload_attempt": uploads + (counted and outcome.upload),
        "throttled_since": throttled_since,
        "available_at": now + timedelta(seconds=wait),
        "error_kind": outcome.kind,
        "error_message": outcome.reason,
    }
