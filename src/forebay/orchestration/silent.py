"""Tasks of a plan that other workers hold: those of a worker that died are taken over once their leases have ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from forebay.ledger import Ledger
from forebay.ledger.at_work import Held, held
from forebay.ledger.claim import LEASE
from forebay.orchestration.plan import Plan
from forebay.orchestration.worker import Worker

Tell = Callable[[str], None]

_LOOK_AGAIN = 1.0
"""Seconds between two looks at the leases."""
_MOST = 10_000
"""Held tasks that are looked at: more than all workers together are at."""


def take_over(plan: Plan, ledger: Ledger, worker: Worker, tell: Tell) -> None:
    """Wait for tasks of `plan` that other workers hold, a lease at most, and work off what they leave.

    A worker that renews its lease lives, and keeps its task. One that does not, because it was killed on another
    machine say, loses it when its lease ends. Raises what `Worker.drain` raises.
    """
    silent = _others(plan, ledger, worker)
    if not silent:
        return
    deadline = worker.clock.now() + LEASE  # the clock of another machine may be fast
    until = min(deadline, max(each.expires_at for each in silent.values()))
    tell(f"{_named(silent)}: waiting until {until:%H:%M:%S} UTC at the latest, to take over what a dead worker leaves")
    while silent and worker.clock.now() <= deadline and not worker.stopped:
        worker.beat()
        worker.clock.sleep(_LOOK_AGAIN)
        ledger.tasks.rescue()
        left = _unchanged(silent, ledger)
        if left != silent:
            worker.drain()
        silent = left
    if working := _others(plan, ledger, worker):
        tell(f"{_named(working)}, whose lease goes on: `forebay status` shows when all is done")


def _others(plan: Plan, ledger: Ledger, worker: Worker) -> dict[int, Held]:
    """Task id to what another worker holds of the plan."""
    found = {one.task.id: one for one in held(ledger.database, limit=_MOST) if one.task.worker_id != worker.worker_id}
    if not found:
        return {}
    ids = {(one.task.draft.destination, one.task.draft.key): number for number, one in found.items()}
    wanted = {ids.get((draft.destination, draft.key)) for draft in plan.each()}
    return {number: one for number, one in found.items() if number in wanted}


def _unchanged(silent: Mapping[int, Held], ledger: Ledger) -> dict[int, Held]:
    """Those whose holder has given no sign of life since."""
    now = {one.task.id: one for one in held(ledger.database, limit=_MOST)}
    return {number: one for number, one in silent.items() if now.get(number) == one}


def _named(tasks: Mapping[int, Held]) -> str:
    """`2 tasks are held by worker host-17-ab`."""
    workers = sorted({str(one.task.worker_id) for one in tasks.values()})
    more = f" and {len(workers) - 1} more" if len(workers) > 1 else ""
    return f"{len(tasks)} task{' is' if len(tasks) == 1 else 's are'} held by worker {workers[0]}{more}"
