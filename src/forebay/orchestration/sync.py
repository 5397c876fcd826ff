"""The main job: look upstream, plan, run, prove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from forebay.errors import NotEntitled
from forebay.ledger import Ledger
from forebay.model.catalogue import Dataset
from forebay.model.feed import Feed, SourceChoice
from forebay.orchestration.entitlement import Entitlements
from forebay.orchestration.plan import Plan
from forebay.orchestration.planner import Planner
from forebay.orchestration.upstream import Upstream
from forebay.orchestration.wanted import Wish, spell_out
from forebay.orchestration.worker import Worker


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

    def look_ahead(self, feeds: Sequence[Feed]) -> Prospect:
        """List what the vendor has and plan; no data are fetched.

        A dataset that the user's plan does not include becomes a note, and the other datasets go on; it is an error
        when nothing is left. Raises UsageError, NotEntitled, VendorError.
        """
        first_days, refused = self._first_days(feeds)
        entitled = [replace(feed, datasets=kept) for feed in feeds if (kept := _within(feed.datasets, first_days))]
        if refused and not entitled:
            raise refused[0]
        wishes = tuple(spell_out(entitled, self.planner.now, first_days.__getitem__))
        if self.upstream:
            self.upstream.look((wish.dataset, wish.span) for wish in wishes if _may_use_files(wish.feed))
        plan = self.planner.plan(wishes)
        return Prospect(wishes, replace(plan, notes=tuple(f"{error}. Next: {error.remedy}" for error in refused)))

    def _first_days(self, feeds: Sequence[Feed]) -> tuple[dict[Dataset, date], list[NotEntitled]]:
        first_days: dict[Dataset, date] = {}
        refused: list[NotEntitled] = []
        for dataset in dict.fromkeys(dataset for feed in feeds for dataset in feed.datasets):
            try:
                first_days[dataset] = self.entitlements.first_day(dataset)
            except NotEntitled as error:
                refused.append(error)
        return first_days, refused


def _within(datasets: Sequence[Dataset], first_days: dict[Dataset, date]) -> tuple[Dataset, ...]:
    return tuple(dataset for dataset in datasets if dataset in first_days)


def _may_use_files(feed: Feed) -> bool:
    return feed.source is not SourceChoice.REST


def carry_out(plan: Plan, ledger: Ledger, worker: Worker) -> None:
    """Put the tasks of a plan into the ledger and work them off.

    A task that was given up in an earlier run is tried again: the plan says it is still missing. Raises what stops
    every task (a full disk, a wrong key); all that was done stays done.
    """
    ledger.coverage.record(plan.findings)
    ledger.tasks.add(plan.drafts, again=True, planned_at=plan.made_at)
    worker.drain()
