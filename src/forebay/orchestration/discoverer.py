"""The discoverer: which files the archive and the lake still need becomes tasks, never twice.

Historical, daily and on-demand are the one subtraction with other bounds; a mode only says which feeds to plan for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.calendar import NEW_YORK, session_days
from forebay.model.catalogue import Dataset
from forebay.model.coverage import Coverage
from forebay.model.feed import ARCHIVE, DESTINATIONS, Feed, SourceChoice
from forebay.model.intervals import runs
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.task import TaskDraft, TaskState
from forebay.orchestration.planner import Planner
from forebay.orchestration.sync import Outlook
from forebay.orchestration.wanted import Wish, newest_session


@dataclass(frozen=True, slots=True)
class Mode:
    """What one run of the discoverer asks for."""

    feeds: tuple[Feed, ...]
    remember: tuple[Feed, ...]
    """Those that later runs, and `forebay status`, go on with."""
    again: bool = False
    """Tasks that failed or were given up start over, because a person has named their dates."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Discovered:
    """What a run found for one dataset and destination."""

    wish: Wish
    held: int
    """Session dates that need nothing."""
    added: int
    """Tasks that are new, or start over."""
    queued: int
    """Tasks that were waiting or at work already."""
    given_up: int
    """Tasks that failed for good earlier and are left alone."""
    absent: tuple[Coverage, ...]
    """Files that the vendor does not list: not published yet, or missing."""


def historical(datasets: Iterable[Dataset], start: date | None, end: date | None, into: Sequence[str]) -> Mode:
    """Everything, or everything between two dates."""
    feeds = tuple(_feed(dataset, start, end, into) for dataset in datasets)
    return Mode(feeds, feeds)


def on_demand(datasets: Iterable[Dataset], dates: Sequence[date], into: Sequence[str]) -> Mode:
    """Exactly these dates; those without a session are noted."""
    feeds: list[Feed] = []
    notes: list[str] = []
    for dataset in datasets:
        sessions = session_days(dataset.calendar, min(dates), max(dates))
        named = sorted(set(dates) & set(sessions))
        notes += [f"{dataset.name}: {day} has no session" for day in sorted(set(dates) - set(sessions))]
        feeds += [_feed(dataset, span.start, span.end, into) for span in runs(named, sessions)]
    return Mode(tuple(feeds), tuple(feeds), again=True, notes=tuple(notes))


def daily(datasets: Iterable[Dataset], known: Sequence[Feed], into: Sequence[str], now: datetime) -> Mode:
    """The newest session that is over, and every earlier one that `known` feeds of these datasets still lack."""
    feeds: list[Feed] = []
    fresh: list[Feed] = []
    notes: list[str] = []
    for dataset in datasets:
        newest = newest_session(dataset, now)
        notes.append(f"{dataset.name}: the newest session is {newest}{_no_session_today(dataset, now)}")
        narrowed = (_narrowed(feed, dataset, into) for feed in known if dataset in feed.datasets)
        mine = [feed for feed in narrowed if feed.destinations]
        going_on = {place for feed in mine if _goes_on(feed, newest) for place in feed.destinations}
        feeds += mine
        if new := [place for place in into if place not in going_on]:
            fresh.append(_feed(dataset, newest, None, new))
    return Mode((*feeds, *fresh), tuple(fresh), notes=tuple(notes))


def _no_session_today(dataset: Dataset, now: datetime) -> str:
    today = now.astimezone(NEW_YORK).date()
    return "" if session_days(dataset.calendar, today, today) else f"; today, {today}, has none"


def _goes_on(feed: Feed, newest: date) -> bool:
    """Whether the feed wants the newest session and those to come."""
    return feed.end is None and (feed.start is None or feed.start <= newest)


def _narrowed(feed: Feed, dataset: Dataset, into: Sequence[str]) -> Feed:
    """The feed's wish for whole files of one dataset, where it and this run both have them; perhaps nowhere."""
    whole = feed.symbols is None and feed.category is None and feed.source is not SourceChoice.REST
    places = tuple(place for place in into if place in feed.destinations and (whole or place == ARCHIVE))
    return Feed(feed.name, (dataset,), None, feed.start, feed.end, SourceChoice.FLATFILES, places)


def _feed(dataset: Dataset, start: date | None, end: date | None, into: Sequence[str]) -> Feed:
    dates = "" if start is None and end is None else f" {start or ''}..{end or ''}"
    name = f"{dataset.name}{dates} into {','.join(into)}"
    return Feed(name, (dataset,), None, start, end, SourceChoice.FLATFILES, tuple(into))


@dataclass(frozen=True, slots=True)
class Discoverer:
    """Plans what a mode asks for and puts the tasks into the ledger."""

    outlook: Outlook
    ledger: Ledger

    def discover(self, mode: Mode) -> tuple[list[Discovered], tuple[str, ...]]:
        """List the vendor, subtract what is held, add tasks; what was found, and notes on datasets left out.

        Safe to run twice at once: a task is added once. Raises NotEntitled when the plan has none of the datasets,
        VendorError, LedgerError.
        """
        seen = self.outlook.survey(mode.feeds)
        for feed in mode.remember:
            self.ledger.feeds.remember(feed)
        return [self._add(wish, mode) for wish in _once(seen.wishes)], seen.notes

    def _add(self, wish: Wish, mode: Mode) -> Discovered:
        planner: Planner = self.outlook.planner
        plan = planner.plan([wish])
        missing = planner.gaps(wish).get(ALL_SYMBOLS, ())
        self.ledger.coverage.record(plan.findings)
        drafts = plan.drafts
        added = self.ledger.tasks.add(drafts, again=mode.again, cancelled=mode.again, planned_at=plan.made_at)
        given_up = self._given_up(wish, drafts)
        return Discovered(
            wish=wish,
            held=len(wish.days) - len(set(missing) & set(wish.days)),
            added=added,
            queued=len(drafts) - added - given_up,
            given_up=given_up,
            absent=plan.findings,
        )

    def _given_up(self, wish: Wish, drafts: Iterable[TaskDraft]) -> int:
        failed = TaskFilter(
            states=[TaskState.PERMANENT_FAILURE], dataset=wish.dataset.name, destination=wish.destination
        )
        keys = {task.draft.key for task in self.ledger.tasks.find(failed, limit=100_000)}
        return sum(draft.key in keys for draft in drafts)


def _once(wishes: Iterable[Wish]) -> Iterator[Wish]:
    """The archive's first; of feeds that overlap the one that asks for more days, and others only for what is new."""
    taken: dict[tuple[str, str], set[date]] = {}
    for wish in sorted(wishes, key=lambda wish: (DESTINATIONS.index(wish.destination), -len(wish.days))):
        seen = taken.setdefault((wish.dataset.name, wish.destination), set())
        if not seen.issuperset(wish.days):
            seen.update(wish.days)
            yield wish
