"""Whether a plan's file may still be carried out: planning once more, as of its time, must come to the same tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

from forebay.errors import UsageError
from forebay.orchestration.plan import Plan
from forebay.orchestration.plan_file import Basis, task_line
from forebay.orchestration.plan_reading import PlanFile
from forebay.orchestration.sync import Outlook

MOST_AGE = timedelta(days=7)
"""An older plan's costs, and what the vendor had then, say little of today."""
_FAST_CLOCK = timedelta(minutes=5)
_AGAIN = "nothing was queued; look at what is missing now: forebay plan --out FILE"


def confirm(file: PlanFile, outlook: Outlook, account: Mapping[str, str | None], ledger: str) -> Plan:
    """The plan of a file, made anew from the ledger and the vendor's listing of now. Fetches and queues nothing.

    Raises UsageError when it is another account's or ledger's, too old, or when something has changed since: what is
    held, what the vendor lists, what is queued, or settings that another choice follows from. Raises VendorError.
    """
    basis, now = file.basis, outlook.planner.now
    _check_basis(file, account, ledger, now)
    outlook.look(basis.wishes)
    plan = outlook.planner.as_of(basis.made_at).plan(basis.wishes)
    tasks = (task_line(draft) for draft in plan.each())
    for number, (planned, wanted) in enumerate(zip_longest(file.tasks(), tasks), start=1):
        if planned != wanted:
            raise UsageError(f"{file.path}: {_difference(number, _task(planned), _task(wanted))}", remedy=_AGAIN)
    return replace(plan, made_at=now)


def _check_basis(file: PlanFile, account: Mapping[str, str | None], ledger: str, now: datetime) -> None:
    basis: Basis = file.basis
    for variable in sorted({*basis.account, *account}):
        made_with, have = basis.account.get(variable), account.get(variable)
        if made_with != have:
            how = "with another" if made_with and have else "with a" if made_with else "without a"
            raise UsageError(
                f"{file.path} was made {how} {variable}" + ("" if have else ", and none is set here"),
                remedy="a plan is carried out with the account that it was made for; " + _AGAIN,
            )
    if basis.ledger != ledger:
        raise UsageError(
            f"{file.path} was made for the ledger {basis.ledger}, and this one is {ledger}",
            remedy="set DATABASE_URL (or FOREBAY_HOME) as it was then; " + _AGAIN,
        )
    if now - basis.made_at > MOST_AGE:
        raise UsageError(f"{file.path} is {(now - basis.made_at).days} days old", remedy=_AGAIN)
    if basis.made_at - now > _FAST_CLOCK:
        raise UsageError(
            f"{file.path} was made on {basis.made_at:%Y-%m-%d %H:%M} UTC, which is in the future",
            remedy="set the clock of this machine, or of the one that made it",
        )


def _task(line: bytes | None) -> dict[str, Any] | None:
    return None if line is None else json.loads(line)["task"]


def _difference(number: int, planned: dict[str, Any] | None, wanted: dict[str, Any] | None) -> str:
    """What is said of the first task that is another one now."""
    if planned and wanted and planned["key"] == wanted["key"] and planned["revision"] != wanted["revision"]:
        return f"the vendor has published {planned['key']} anew since the plan was made"
    if wanted is None and planned:
        return f"task {number} of the plan, {planned['key']}, is not to be done any more: it is held, or queued"
    if planned is None and wanted:
        return f"{wanted['key']} is missing too since the plan was made"
    assert planned
    assert wanted
    return f"where the plan has {planned['key']} (task {number}), {wanted['key']} is to be done by now"
