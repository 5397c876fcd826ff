"""The main job: look upstream, plan, run, prove."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from structlog import get_logger

from forebay.errors import NotEntitled
from forebay.ledger import Ledger
from forebay.model.catalogue import Dataset
from forebay.model.feed import Feed, SourceChoice
from forebay.orchestration.entitlement import Entitlements
from forebay.orchestration.plan import Plan
from forebay.orchestration.planner import Planner
from forebay.orchestration.silent import Tell, take_over
from forebay.orchestration.upstream import Upstream
from forebay.orchestration.wanted import Members, Reach, Wish, spell_out
from forebay.orchestration.worker import Worker

log = get_logger()


def _log(text: str) -> None:
    log.info("waits", reason=text)


@dataclass(frozen=True, slots=True)
class Survey:
    """What is wanted of what the vendor has."""

    wishes: tuple[Wish, ...]
    notes: tuple[str, ...]
    """What a person should know: days outside the plan's history, datasets that are not in it."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a plan is made from, and what it came to."""

    wishes: tuple[Wish, ...]
    plan: Plan


@dataclass(frozen=True, slots=True)
class Outlook:
    """Makes plans that know what the vendor has now."""

    planner: Planner
    entitlements: Entitlements
    upstream: Upstream | None
    """None without flat-file keys."""
    members: Members

    def look_ahead(self, feeds: Sequence[Feed]) -> Prospect:
        """List what the vendor has and plan; no data are fetched. Raises what `survey` and `Planner.plan` raise."""
        seen = self.survey(feeds)
        return Prospect(seen.wishes, replace(self.planner.plan(seen.wishes), notes=seen.notes))

    def survey(self, feeds: Sequence[Feed]) -> Survey:
        """Spell out what `feeds` ask for and list what the vendor has of it.

        A dataset that the user's plan does not include becomes a note, and the other datasets go on; it is an error
        when nothing is left. Raises UsageError, NotEntitled, VendorError.
        """
        refused: dict[str, NotEntitled] = {}
        notes: list[str] = []

        def find_reach(feed: Feed, dataset: Dataset) -> Reach | None:
            try:
                reach = self.entitlements.reach(feed, dataset)
            except NotEntitled as error:
                refused.setdefault(str(error), error)
                return None
            if feed.start and max(feed.start, dataset.first_date) < reach.first_day:
                notes.append(_cut(feed, dataset, reach.first_day))
            return reach

        wishes = tuple(spell_out(feeds, self.planner.now, find_reach, self.members))
        if refused and not wishes:
            raise next(iter(refused.values()))
        self.look(wishes)
        notes += [f"{error}. Next: {error.remedy}" for error in refused.values()]
        return Survey(wishes, tuple(notes))

    def look(self, wishes: Iterable[Wish]) -> None:
        """List what the vendor has of files that `wishes` may be filled from. Raises VendorError."""
        if self.upstream:
            self.upstream.look((wish.dataset, wish.span) for wish in wishes if _may_use_files(wish))


def _cut(feed: Feed, dataset: Dataset, first_day: date) -> str:
    return (
        f"feed {feed.name!r}: {dataset.name} before {first_day} is outside your plan's history and is left out. "
        "Next: start the feed there, or extend the plan at the vendor"
    )


def _may_use_files(wish: Wish) -> bool:
    return wish.files and wish.feed.source is not SourceChoice.REST


def carry_out(plan: Plan, ledger: Ledger, worker: Worker, tell: Tell = _log) -> None:
    """Put the tasks of a plan into the ledger and work them off; what a worker that died left of them, too.

    A task that was given up in an earlier run is tried again: the plan says it is still missing. `tell` hears for what
    is waited, see `take_over`. Raises what stops every task (a full disk, a wrong key); all that was done stays done.
    """
    ledger.coverage.record(plan.findings)
    ledger.tasks.add(plan.each(), again=True, planned_at=plan.made_at)
    worker.drain()
    if not worker.stopped:
        take_over(plan, ledger, worker, tell)
