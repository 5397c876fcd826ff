"""wanted - covered = gaps -> tasks. Nothing else in Forebay decides what to fetch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from forebay.ledger import Ledger
from forebay.model.calendar import NEW_YORK
from forebay.model.catalogue import Kind
from forebay.model.coverage import Coverage, Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Revision, Source
from forebay.model.universe import Lifetime
from forebay.orchestration.chunks import calls_of
from forebay.orchestration.exports import Exports
from forebay.orchestration.findings import in_no_file, not_listed
from forebay.orchestration.gaps import Days, Gaps, all_days, between, missing
from forebay.orchestration.grouped import GROUPED_TABLES
from forebay.orchestration.lifetimes import ALWAYS, FindLifetimes, lifetimes, nothing_known
from forebay.orchestration.lines import line_of, queued_line
from forebay.orchestration.plan import Calls, Line, Plan
from forebay.orchestration.queued import split
from forebay.orchestration.sources import Choice, Means, Offer, beyond_files, choose
from forebay.orchestration.wanted import Wish

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
    """Plans what is written from the lake; without it nothing is."""
    _lives: dict[tuple[str, ...], Mapping[str, Lifetime]] = field(default_factory=dict, init=False, repr=False)

    def as_of(self, moment: datetime) -> Planner:
        """A planner that decides as one did at `moment`, by what is held and listed now."""
        return replace(self, means=replace(self.means, today=moment.date()), now=moment)

    def plan(self, wishes: Iterable[Wish]) -> Plan:
        """The plan that would close every gap of `wishes`. Raises UsageError when a gap has no possible source."""
        lines: list[Line] = []
        findings: list[Coverage] = []
        alone: defaultdict[Kind, Calls] = defaultdict(Calls)
        for wish in wishes:
            if wish.from_lake:
                lines += self._copies(wish, lines)
            else:
                gaps = self._plan_wish(wish, lines, findings)
                if wish.dataset.by_rest and not wish.whole_market:
                    alone[wish.dataset.kind] += calls_of(wish.dataset, gaps)
        return Plan(self.now, tuple(lines), tuple(findings), alone)

    def gaps(
        self, wish: Wish, verdicts: Collection[Verdict] = SATISFIED, before: Iterable[Line] = ()
    ) -> dict[str, Days]:
        """Symbol to its session dates that are wanted and have none of `verdicts`, sorted.

        A file of a ticker lacks what the lines `before` bring anew into the lake, too.
        Nothing is wanted of a symbol before its listing or after its delisting. What the whole market's files and
        answers cover, they do not cover for OTC tickers, which are in neither.
        """
        days = wish.days
        if wish.whole_market:
            days = tuple(sorted({*days, *self.listed(wish)}))
        held = self._held(wish, verdicts, before)
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

    def _held(self, wish: Wish, verdicts: Collection[Verdict], before: Iterable[Line]) -> dict[str, list[Interval]]:
        if wish.from_lake:
            return self.exports.fresh(wish, verdicts, before) if self.exports else {}
        held = self.ledger.coverage.covered(
            wish.destination, wish.dataset.table, wish.symbols, wish.span, verdicts=verdicts
        )
        if Verdict.SUSPECT in verdicts:
            for doubtful in self._doubtful(wish):
                with suppress(KeyError, ValueError):  # it has just been replaced
                    held[ALL_SYMBOLS].remove(doubtful)
        return held

    def _doubtful(self, wish: Wish) -> list[Interval]:
        """Days of the whole market that failed a check when they came by REST: no end of it for tickers by name.

        A ticker that nobody asked for may be what is wrong with them.
        """
        if wish.whole_market or wish.dataset.table not in GROUPED_TABLES:
            return []
        place, rest = (wish.destination, wish.dataset.table, [ALL_SYMBOLS], wish.span), [Source.REST]
        found = self.ledger.coverage.covered(*place, verdicts=[Verdict.SUSPECT], sources=rest)
        return found.get(ALL_SYMBOLS, [])

    def _copies(self, wish: Wish, lines: Iterable[Line]) -> list[Line]:
        """What is to be written from the lake once `lines` are done."""
        gaps = self.gaps(wish, SETTLED, lines) if self.exports else {}
        line = self.exports.line(wish, gaps, lines) if self.exports and gaps else None
        return [line] if line else []

    def _lifetimes(self, wish: Wish) -> Mapping[str, Lifetime]:
        """Asked for once: the wishes of a feed have the same symbols."""
        if wish.symbols not in self._lives:
            self._lives[wish.symbols] = lifetimes(wish, self.find_lifetimes)
        return self._lives[wish.symbols]

    def replaced(self, wish: Wish) -> list[date]:
        """Days held from a flat file that the vendor has re-published since, sorted."""
        listed = self.listed(wish)
        held = self.ledger.coverage.revisions(wish.destination, wish.dataset.table, wish.span)
        return sorted(day for day, revision in held.items() if day in listed and listed[day] != revision)

    def listed(self, wish: Wish) -> Mapping[date, Revision]:
        """Each day of the wish's span whose file the vendor listed when it was last asked."""
        return self.ledger.listings.revisions(wish.dataset.name, wish.span.start, wish.span.end)

    def _plan_wish(self, wish: Wish, lines: list[Line], findings: list[Coverage]) -> Gaps:
        offer = self._offer(wish)
        gaps = self.gaps(wish, SETTLED)
        queued = split(gaps, self._coming(wish) if gaps else {}, offer.otc)
        if queued.ranges:
            lines.append(queued_line(wish, queued, self.means.rates))
        choices = choose(wish, queued.open, offer, self.means) if queued.open else []
        if replaced := self.replaced(wish):
            choices.append(Choice(Source.FLATFILE, {ALL_SYMBOLS: tuple(replaced)}, "re-published by the vendor"))
        for choice in choices:
            if choice.source is Source.FLATFILE:
                absent = sorted(all_days(choice.gaps) - offer.listed.keys())
                findings += [not_listed(wish, day, self.now) for day in absent]
            line = line_of(wish, choice, offer, self.means.rates)
            if line.tasks:
                lines.append(line)
        findings += self._beyond_files(wish, queued.open, offer)
        return gaps

    def _offer(self, wish: Wish) -> Offer:
        otc = frozenset(symbol for symbol, life in self._lifetimes(wish).items() if life.otc)
        doubtful = frozenset(day.start for day in self._doubtful(wish))
        return Offer(self.listed(wish), otc, self.now.astimezone(NEW_YORK).date(), doubtful)

    def _coming(self, wish: Wish) -> dict[str, list[Interval]]:
        return self.ledger.tasks.fetching(wish.destination, wish.dataset.table)

    def _beyond_files(self, wish: Wish, gaps: Gaps, offer: Offer) -> list[Coverage]:
        left = beyond_files(wish, gaps, offer, self.means) if offer.otc and gaps else {}
        return [in_no_file(wish, symbol, days, self.now) for symbol, days in left.items()]
