"""wanted - covered = gaps -> tasks. Nothing else in Forebay decides what to fetch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from forebay.ledger import Ledger
from forebay.model.calendar import NEW_YORK, published_by
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import FILES
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision, Source
from forebay.model.task import TaskDraft
from forebay.model.universe import Lifetime
from forebay.orchestration.chunks import Calls, Drafts, calls_of, fetch_drafts, file_draft
from forebay.orchestration.exports import Exports
from forebay.orchestration.gaps import Days, all_days, between, missing
from forebay.orchestration.lifetimes import ALWAYS, FindLifetimes, lifetimes, nothing_known
from forebay.orchestration.plan import Line, Plan
from forebay.orchestration.sources import Choice, Means, Offer, beyond_files, choose
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
    find_lifetimes: FindLifetimes = nothing_known
    exports: Exports | None = None
    """Plans files of tickers; without it none are."""

    def plan(self, wishes: Iterable[Wish]) -> Plan:
        """The plan that would close every gap of `wishes`. Raises UsageError when a gap has no possible source."""
        lines: list[Line] = []
        findings: list[Coverage] = []
        for wish in wishes:
            if wish.destination == FILES:
                lines += self._files(wish, lines)
            else:
                self._plan_wish(wish, lines, findings)
        return Plan(self.now, tuple(lines), tuple(findings))

    def gaps(self, wish: Wish, verdicts: Collection[Verdict] = SATISFIED) -> dict[str, Days]:
        """Symbol to its session dates that are wanted and have none of `verdicts`, sorted.

        Nothing is wanted of a symbol before its listing or after its delisting. What the whole market's files and
        answers cover, they do not cover for OTC tickers, which are in neither.
        """
        days = wish.days
        if wish.whole_market:
            days = tuple(sorted({*days, *self.listed(wish)}))
        held = self._held(wish, verdicts)
        left, lives = missing(days, held.get(ALL_SYMBOLS, ())), self._lifetimes(wish)
        gaps: dict[str, Days] = {}
        shared: dict[Days, Days] = {}
        for symbol in wish.symbols:
            life = lives.get(symbol, ALWAYS)
            wanted = between(days if life.otc else left, life.listed, life.delisted)
            gap = missing(wanted, held.get(symbol, ()))
            if gap:
                gaps[symbol] = gap if gap is left else shared.setdefault(gap, gap)
        return gaps

    def _held(self, wish: Wish, verdicts: Collection[Verdict]) -> dict[str, list[Interval]]:
        if wish.destination == FILES:
            return self.exports.fresh(wish, verdicts) if self.exports else {}
        return self.ledger.coverage.covered(
            wish.destination, wish.dataset.table, wish.symbols, wish.span, verdicts=verdicts
        )

    def _files(self, wish: Wish, lines: Iterable[Line]) -> list[Line]:
        """What is to be written from the lake once `lines` are done."""
        gaps = self.gaps(wish, SETTLED) if self.exports else {}
        line = self.exports.line(wish, gaps, lines) if self.exports and gaps else None
        return [line] if line else []

    def _lifetimes(self, wish: Wish) -> Mapping[str, Lifetime]:
        return lifetimes(wish, self.find_lifetimes)

    def replaced(self, wish: Wish) -> list[date]:
        """Days held from a flat file that the vendor has re-published since, sorted."""
        listed = self.listed(wish)
        held = self.ledger.coverage.revisions(wish.destination, wish.dataset.table, wish.span)
        return sorted(day for day, revision in held.items() if day in listed and listed[day] != revision)

    def listed(self, wish: Wish) -> Mapping[date, Revision]:
        """Each day of the wish's span whose file the vendor listed when it was last asked."""
        return self.ledger.listings.revisions(wish.dataset.name, wish.span.start, wish.span.end)

    def _plan_wish(self, wish: Wish, lines: list[Line], findings: list[Coverage]) -> None:
        offer = self._offer(wish)
        gaps = self.gaps(wish, SETTLED)
        choices = choose(wish, gaps, offer, self.means) if gaps else []
        if replaced := self.replaced(wish):
            choices.append(Choice(Source.FLATFILE, {ALL_SYMBOLS: tuple(replaced)}, "re-published by the vendor"))
        if offer.otc and gaps:
            findings += [self._otc(wish, *gap) for gap in beyond_files(wish, gaps, offer, self.means).items()]
        for choice in choices:
            if choice.source is Source.FLATFILE:
                findings += self._unlisted(wish, choice, offer.listed)
            line = self._line(wish, choice, offer)
            if line.tasks:
                lines.append(line)

    def _offer(self, wish: Wish) -> Offer:
        otc = frozenset(symbol for symbol, life in self._lifetimes(wish).items() if life.otc)
        return Offer(self.listed(wish), otc, self.now.astimezone(NEW_YORK).date())

    def _unlisted(self, wish: Wish, choice: Choice, listed: Mapping[date, Revision]) -> list[Coverage]:
        """What is to be said of wanted days that the vendor does not list."""
        return [self._finding(wish, day) for day in sorted(all_days(choice.gaps) - listed.keys())]

    def _finding(self, wish: Wish, day: date) -> Coverage:
        due = published_by(day)
        late = self.now > due + LATE
        verdict = Verdict.MISSING_UPSTREAM if late else Verdict.PENDING_UPSTREAM
        reason = f"{wish.dataset.key(day)} is not in the vendor's listing; " + (
            f"it was due by {due:%Y-%m-%d %H:%M} UTC" if self.now > due else f"it is due by {due:%Y-%m-%d %H:%M} UTC"
        )
        partition = Partition(wish.dataset.table, ALL_SYMBOLS, Interval(day, day))
        return Coverage(partition, wish.destination, Source.FLATFILE, verdict, Evidence(reason=reason), self.now)

    def _otc(self, wish: Wish, symbol: str, days: Days) -> Coverage:
        partition = Partition(wish.dataset.table, symbol, Interval(days[0], days[-1]))
        reason = f"{symbol} is traded over the counter: no flat file holds it, and REST is not to be asked"
        evidence = Evidence(reason=reason)
        return Coverage(partition, wish.destination, Source.REST, Verdict.MISSING_UPSTREAM, evidence, self.now)

    def _line(self, wish: Wish, choice: Choice, offer: Offer) -> Line:
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
            seconds=self.means.rates.seconds(calls.most, len(files), size),
            why=choice.why,
        )


def _drafts(wish: Wish, choice: Choice, files: Sequence[date], offer: Offer) -> Iterator[TaskDraft]:
    """The tasks of a choice: of its files, or of its gaps by REST."""
    if choice.source is Source.FLATFILE:
        return (file_draft(wish, day, offer.listed[day]) for day in files)
    return fetch_drafts(wish.dataset, choice.gaps, wish.destination, offer.today)
