"""wanted - covered = gaps -> tasks. Nothing else in Forebay decides what to fetch."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from forebay.ledger import Ledger
from forebay.model.calendar import NEW_YORK, published_by
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.intervals import Interval, subtract
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision, Source
from forebay.model.task import TaskDraft
from forebay.orchestration.chunks import fetch_drafts, file_draft
from forebay.orchestration.plan import Line, Plan
from forebay.orchestration.sources import Choice, Means, choose
from forebay.orchestration.wanted import Wish

LATE = timedelta(days=7)
"""A file that is not listed so long after its hour is called missing, not pending; it is still taken when it comes."""
SATISFIED = tuple(verdict for verdict in Verdict if verdict.satisfies)
SETTLED = (*SATISFIED, Verdict.SUSPECT)
"""What is not asked for again of its own accord: a file that failed its checks fails them again, until the vendor
publishes it anew or the user says `forebay tasks retry`."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Subtracts what the ledger holds from what the wishes ask for. Reads only the ledger; asks no vendor."""

    ledger: Ledger
    means: Means
    now: datetime

    def plan(self, wishes: Iterable[Wish]) -> Plan:
        """The plan that would close every gap of `wishes`. Raises UsageError when a gap has no possible source."""
        lines: list[Line] = []
        findings: list[Coverage] = []
        for wish in wishes:
            self._plan_wish(wish, lines, findings)
        return Plan(self.now, tuple(lines), tuple(findings))

    def gaps(self, wish: Wish, verdicts: Collection[Verdict] = SATISFIED) -> dict[str, list[date]]:
        """Symbol to its session dates that are wanted and have none of `verdicts`, sorted."""
        listed = self.listed(wish)
        days = sorted({*wish.days, *listed}) if wish.whole_market else list(wish.days)
        held = self.ledger.coverage.covered(
            wish.destination, wish.dataset.table, wish.symbols, wish.span, verdicts=verdicts
        )
        left = _missing(days, held.get(ALL_SYMBOLS, []))
        gaps = {symbol: _missing(left, held.get(symbol, [])) for symbol in wish.symbols}
        return {symbol: missing for symbol, missing in gaps.items() if missing}

    def replaced(self, wish: Wish) -> list[date]:
        """Days held from a flat file that the vendor has re-published since, sorted."""
        listed = self.listed(wish)
        held = self.ledger.coverage.revisions(wish.destination, wish.dataset.table, wish.span)
        return sorted(day for day, revision in held.items() if day in listed and listed[day] != revision)

    def listed(self, wish: Wish) -> Mapping[date, Revision]:
        """Each day of the wish's span whose file the vendor listed when it was last asked."""
        return self.ledger.listings.revisions(wish.dataset.name, wish.span.start, wish.span.end)

    def _plan_wish(self, wish: Wish, lines: list[Line], findings: list[Coverage]) -> None:
        listed = self.listed(wish)
        gaps = self.gaps(wish, SETTLED)
        choices = choose(wish, gaps, listed, self.means) if gaps else []
        if replaced := self.replaced(wish):
            choices.append(Choice(Source.FLATFILE, {ALL_SYMBOLS: replaced}, "re-published by the vendor"))
        for choice in choices:
            if choice.source is Source.FLATFILE:
                findings += self._unlisted(wish, choice, listed)
            line = self._line(wish, choice, listed)
            if line.drafts:
                lines.append(line)

    def _unlisted(self, wish: Wish, choice: Choice, listed: Mapping[date, Revision]) -> list[Coverage]:
        """What is to be said of wanted days that the vendor does not list."""
        days = sorted({day for missing in choice.gaps.values() for day in missing} - listed.keys())
        return [self._finding(wish, day) for day in days]

    def _finding(self, wish: Wish, day: date) -> Coverage:
        due = published_by(day)
        late = self.now > due + LATE
        verdict = Verdict.MISSING_UPSTREAM if late else Verdict.PENDING_UPSTREAM
        reason = f"{wish.dataset.key(day)} is not in the vendor's listing; " + (
            f"it was due by {due:%Y-%m-%d %H:%M} UTC" if self.now > due else f"it is due by {due:%Y-%m-%d %H:%M} UTC"
        )
        return Coverage(
            partition=Partition(wish.dataset.table, ALL_SYMBOLS, Interval(day, day)),
            destination=wish.destination,
            source=Source.FLATFILE,
            verdict=verdict,
            evidence=Evidence(reason=reason),
            checked_at=self.now,
        )

    def _line(self, wish: Wish, choice: Choice, listed: Mapping[date, Revision]) -> Line:
        drafts = tuple(self._drafts(wish, choice, listed))
        is_file = choice.source is Source.FLATFILE
        size = sum(draft.revision.size for draft in drafts if draft.revision)
        calls = 0 if is_file else len(drafts)
        days = {day for missing in choice.gaps.values() for day in missing}
        return Line(
            feed=wish.feed.name,
            table=wish.dataset.table,
            destination=wish.destination,
            source=choice.source,
            drafts=drafts,
            days=len(days & listed.keys()) if is_file else len(days),
            calls=calls,
            bytes=size,
            seconds=self.means.rates.seconds(calls, len(drafts) if is_file else 0, size),
            why=choice.why,
        )

    def _drafts(self, wish: Wish, choice: Choice, listed: Mapping[date, Revision]) -> Iterator[TaskDraft]:
        if choice.source is Source.FLATFILE:
            for day in sorted({day for missing in choice.gaps.values() for day in missing} & listed.keys()):
                yield file_draft(wish, day, listed[day])
            return
        today = self.now.astimezone(NEW_YORK).date()
        for symbol, days in choice.gaps.items():
            # A plan may refuse the current day until it is over; history must not wait for it.
            for part in ([day for day in days if day < today], [day for day in days if day >= today]):
                yield from fetch_drafts(wish.dataset, symbol, part, wish.destination)


def _missing(days: Sequence[date], held: Sequence[Interval]) -> list[date]:
    """The days (sorted) that are in no interval of `held`."""
    if not days or not held:
        return list(days)
    missing: list[date] = []
    for hole in subtract([Interval(days[0], days[-1])], held):
        missing += days[bisect_left(days, hole.start) : bisect_right(days, hole.end)]
    return missing
