"""Lines of a plan, from choices: how many tasks and calls they are, how long they take, and how they are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial

from forebay.model.partition import Source
from forebay.model.task import TaskDraft
from forebay.orchestration.chunks import Drafts, calls_of, fetch_drafts, file_draft
from forebay.orchestration.gaps import all_days
from forebay.orchestration.plan import Calls, Line, Rates
from forebay.orchestration.queued import Queued, queued_calls, queued_drafts
from forebay.orchestration.sources import Choice, Offer
from forebay.orchestration.wanted import Wish


def line_of(wish: Wish, choice: Choice, offer: Offer, rates: Rates) -> Line:
    """The line of a choice; files that are not listed are none of its tasks."""
    days, by_file = all_days(choice.gaps), choice.source is Source.FLATFILE
    files = sorted(days & offer.listed.keys()) if by_file else []
    calls = Calls() if by_file else calls_of(wish.dataset, choice.gaps, offer.today)
    size = sum(offer.listed[day].size for day in files)
    return Line(
        feed=wish.feed.name,
        table=wish.dataset.table,
        destination=wish.destination,
        source=choice.source,
        drafts=Drafts(partial(_drafts, wish, choice, files, offer)),
        tasks=len(files) if by_file else calls.least,
        days=len(files) if by_file else len(days),
        calls=calls.most,
        fewest_calls=calls.least,
        bytes=size,
        seconds=rates.seconds(calls.most, len(files), size),
        why=choice.why,
    )


def _drafts(wish: Wish, choice: Choice, files: Sequence[date], offer: Offer) -> Iterator[TaskDraft]:
    """The tasks of a choice: of its files, or of its gaps by REST."""
    if choice.source is Source.FLATFILE:
        return (file_draft(wish, day, offer.listed[day]) for day in files)
    return fetch_drafts(wish.dataset, choice.gaps, wish.destination, offer.today)


def queued_line(wish: Wish, queued: Queued, rates: Rates) -> Line:
    """The line of tasks that are queued already."""
    calls = queued_calls(wish.dataset, queued)
    return Line(
        feed=wish.feed.name,
        table=wish.dataset.table,
        destination=wish.destination,
        source=Source.REST,
        drafts=Drafts(partial(queued_drafts, wish, queued)),
        tasks=calls.least,
        days=len(queued.days),
        calls=calls.most,
        fewest_calls=calls.least,
        bytes=0,
        seconds=rates.seconds(calls.most, 0, 0),
        why="queued already",
    )
