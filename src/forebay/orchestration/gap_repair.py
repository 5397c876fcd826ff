"""Gaps closed: exactly what lacks is fetched again, by the way it came, and why something stays is recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from forebay.failpoints import reach
from forebay.lake.reading.tables import Tables
from forebay.ledger import Ledger
from forebay.model.catalogue import Dataset
from forebay.model.coverage import Coverage, Verdict
from forebay.model.feed import LAKE
from forebay.model.gap import Gap, Outcome
from forebay.model.intervals import Interval, subtract
from forebay.model.partition import ALL_SYMBOLS, Revision
from forebay.model.task import Task, TaskDraft
from forebay.orchestration.chunks import fetch_drafts
from forebay.orchestration.gap_book import NO_BARS, GapBook
from forebay.orchestration.gaps import shapes
from forebay.orchestration.mend import reload_draft
from forebay.orchestration.minutes_scan import GapScan, GapScope
from forebay.orchestration.planner import Planner
from forebay.orchestration.remedies import repair
from forebay.orchestration.rows_brought import rows_of_files
from forebay.orchestration.upstream import Upstream

CarryOut = Callable[[Sequence[TaskDraft], datetime], Sequence[Task]]
"""Works tasks off that were planned at a time, unless others have done so since; those that have not ended well."""
_Days = tuple[date, ...]
_Place = tuple[str, date]
"""A symbol's session."""
_DOUBT = "minutes of it that were traded are not in the lake: it is asked for again by `forebay gaps repair`"


@dataclass
class _Work:
    """What is done about the gaps of one table."""

    drafts: list[TaskDraft] = field(default_factory=list)
    whole: dict[date, Revision] = field(default_factory=dict)
    """The files that are held whole and lack what the gaps are about."""
    loaded: dict[date, Revision] = field(default_factory=dict)
    """The files that are loaded again."""
    refused: dict[date, str] = field(default_factory=dict)
    """Days whose file failed its checks, with the reason."""
    unlisted: dict[date, str] = field(default_factory=dict)
    """Days whose file the vendor does not list, with a sentence on it: planning looks again each time."""


@dataclass(frozen=True, slots=True)
class GapRepair:
    """Repairs. What the lake holds otherwise stays as it is, and no day is asked for that has no gap."""

    scan: GapScan
    planner: Planner
    ledger: Ledger
    tables: Tables
    book: GapBook
    upstream: Upstream | None
    """None without flat-file keys."""
    carry_out: CarryOut

    def run(self, scope: GapScope, gaps: Sequence[Gap], since: datetime) -> list[Gap]:
        """Try to close open gaps of `scope`, and say of each what became of it, in the same order.

        `since` is when they began to be looked for: what others have brought from then on is not asked for again.
        A gap is closed when the scan does not find it any more. Cut off at any point, the next scan finds what is left:
        the counts by which it is found stay until others come. What another process is at is left to it.
        Raises LakeError, LedgerError, VendorError.
        """
        if not gaps:
            return []
        dataset = scope.minutes
        span = Interval(min(gap.day for gap in gaps), max(gap.day for gap in gaps))
        if self.upstream:
            self.upstream.look([(dataset, span)])
        work = self._work(scope, gaps, span, since)
        reach("gaps.cut_out")
        failed = self.carry_out(work.drafts, since)
        judged = self.scan.run(_judged(scope, gaps))
        left = {(gap.symbol, gap.day): gap for gap in judged}
        empty = self.book.empty(dataset, sorted({gap.symbol for gap in gaps}), span)
        done = [_outcome(gap, left, work, failed, empty) for gap in gaps]
        stays = [gap for gap in done if gap.outcome is Outcome.MISSING_UPSTREAM and gap.day not in work.unlisted]
        self.book.record(dataset, stays, {**work.whole, **work.loaded})
        return done

    def _work(self, scope: GapScope, gaps: Iterable[Gap], span: Interval, since: datetime) -> _Work:
        dataset = scope.minutes
        work, alone, never = _Work(), defaultdict[str, list[date]](list), defaultdict[str, list[date]](list)
        files, own = self.book.files(dataset, span), self._by_rest(dataset, span, {gap.symbol for gap in gaps})
        days_of_files: set[date] = set()
        for gap in gaps:
            if gap.day in files:
                days_of_files.add(gap.day)
            elif any(gap.day in row.partition.dates for row in own[gap.symbol]):
                alone[gap.symbol].append(gap.day)
            else:
                never[gap.symbol].append(gap.day)
        self._reload(dataset, {day: files[day] for day in sorted(days_of_files)}, work)
        earlier = {symbol: [row for row in rows if row.checked_at <= since] for symbol, rows in own.items()}
        work.drafts += fetch_drafts(dataset, self._cut_out(alone, earlier), LAKE)
        self._fetch(scope, never, work)
        return work

    def _by_rest(self, dataset: Dataset, span: Interval, symbols: set[str]) -> defaultdict[str, list[Coverage]]:
        """What is recorded as brought by REST, by symbol."""
        own: defaultdict[str, list[Coverage]] = defaultdict(list)
        for row in self.book.by_rest(dataset, sorted(symbols), span):
            own[row.partition.symbol].append(row)
        return own

    def _reload(self, dataset: Dataset, files: dict[date, Coverage], work: _Work) -> None:
        """Load files again that lost rows in the lake, or that the vendor has published anew since; no others."""
        if not files:
            return
        span = Interval(min(files), max(files))
        listed = self.ledger.listings.revisions(dataset.name, span.start, span.end)
        counts = rows_of_files(self.tables, dataset, span)
        patched = {day for _, day in self.book.by_trades(dataset, None, span)}
        for day, row in files.items():
            held, newest = row.evidence.revision, listed.get(day, row.evidence.revision)
            stored = None if day in patched else counts.get(day, 0)
            whole = stored is None or stored >= (row.evidence.rows or 0)
            if newest is None or (newest == held and whole):
                work.whole |= {day: held} if held else {}
                work.refused |= {day: row.evidence.reason} if row.verdict is Verdict.SUSPECT else {}
            else:
                work.loaded[day] = newest
                work.drafts.append(reload_draft(dataset, day, newest))

    def _cut_out(
        self, gaps: Mapping[str, Sequence[date]], own: Mapping[str, Sequence[Coverage]]
    ) -> dict[str, tuple[date, ...]]:
        """Take sessions that REST brought out of what is recorded as good; those of which that was done.

        They stay as suspect, with the counts by which a scan finds them, until they come. A record that is another by
        now was just changed by somebody who is at the same.
        """
        asked: dict[str, tuple[date, ...]] = {}
        for symbol, days in gaps.items():
            mine = set[date]()
            for row in own[symbol]:
                some = [day for day in days if day in row.partition.dates]
                if some and self.ledger.coverage.exchange(row, _parts(row, some, self.book.clock.now())):
                    mine |= set(some)
            asked |= {symbol: tuple(sorted(mine))} if mine else {}
        return asked

    def _fetch(self, scope: GapScope, gaps: dict[str, list[date]], work: _Work) -> None:
        """Plan what was never fetched; symbols that lack the same sessions are planned together."""
        alike: dict[_Days, _Days] = {}
        lacking = {symbol: alike.setdefault(tuple(days), tuple(days)) for symbol, days in gaps.items()}
        wishes = [
            replace(scope, symbols=tuple(symbols), dates=Interval(days[0], days[-1])).wish(scope.minutes, days)
            for days, symbols in shapes(lacking)
        ]
        plan = self.planner.plan(wishes)
        self.ledger.coverage.record(plan.findings)
        work.drafts += plan.each()
        found = (row for row in plan.findings if row.partition.symbol == ALL_SYMBOLS)
        work.unlisted |= {row.partition.day: row.evidence.reason for row in found}


def _judged(scope: GapScope, gaps: Sequence[Gap]) -> GapScope:
    """What is searched again: the symbols that had gaps, over the same sessions, which say what is usual."""
    symbols = tuple(sorted({gap.symbol for gap in gaps} - {ALL_SYMBOLS}))
    return replace(scope, symbols=symbols) if symbols and scope.named else scope


def _parts(row: Coverage, days: Iterable[date], now: datetime) -> list[Coverage]:
    """What is recorded of a range as it is, and the days in it that are asked for again."""
    single = [Interval(day, day) for day in days]
    good = [_piece(row, dates) for dates in subtract([row.partition.dates], single)]
    doubtful = [replace(_piece(row, dates), verdict=Verdict.SUSPECT, checked_at=now) for dates in single]
    return [*good, *(replace(each, evidence=replace(each.evidence, reason=_DOUBT)) for each in doubtful)]


def _piece(row: Coverage, dates: Interval) -> Coverage:
    """What is left of a recorded range; how many of its rows that are is known where they were counted by day."""
    piece = replace(row, partition=replace(row.partition, dates=dates))
    by_day = piece.rows_by_day
    rows = row.evidence.rows and (None if by_day is None else sum(by_day.values()))
    return replace(piece, evidence=replace(row.evidence, rows=rows))


def _outcome(gap: Gap, left: dict[_Place, Gap], work: _Work, failed: Sequence[Task], empty: Collection[_Place]) -> Gap:
    place = gap.symbol, gap.day
    now = left.get(place)
    if now is None:
        closed = replace(gap, outcome=Outcome.CLOSED)
        return replace(closed, missing=0, reason=NO_BARS) if place in empty else closed
    task = next((task for task in failed if _brings(task.draft, gap)), None)
    if task is not None and not task.state.held:
        return replace(now, outcome=Outcome.FAILED, reason=task.error_message or task.hold or "not begun")
    if now.outcome is not Outcome.OPEN:
        return now
    if task is None and (reason := _why(now, work)):
        return replace(now, outcome=Outcome.MISSING_UPSTREAM, reason=reason)
    return replace(now, reason="another process is fetching it")


def _brings(draft: TaskDraft, gap: Gap) -> bool:
    return draft.partition.symbol in (gap.symbol, ALL_SYMBOLS) and gap.day in draft.partition.dates


def _why(gap: Gap, work: _Work) -> str:
    """Why a gap stays of which no task failed; nothing where none of ours was about it."""
    if gap.day in work.refused:
        return f"the vendor's file failed its checks: {work.refused[gap.day]}; next: `forebay quarantine list`"
    if gap.day in work.whole:
        remedy = repair(gap.day, [gap.symbol])
        return f"the vendor's file is held whole and has no more of it; next: `{remedy}`"
    if any(_brings(draft, gap) for draft in work.drafts):
        return f"the vendor was asked again and has no more: {gap.evidence}"
    return work.unlisted.get(gap.day, "")
