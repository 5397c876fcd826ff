"""Gaps closed: exactly what lacks is fetched again, by the way it came, and why something stays is recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from forebay.lake.reading.tables import Tables
from forebay.ledger import Ledger
from forebay.model.catalogue import Dataset
from forebay.model.coverage import Coverage, Verdict
from forebay.model.feed import LAKE
from forebay.model.gap import Gap, Outcome
from forebay.model.intervals import Interval, subtract
from forebay.model.partition import ALL_SYMBOLS, Revision, Source
from forebay.model.task import Task, TaskDraft
from forebay.orchestration.chunks import fetch_drafts
from forebay.orchestration.gap_book import STORED, GapBook
from forebay.orchestration.gaps import shapes
from forebay.orchestration.mend import reload_draft
from forebay.orchestration.minutes_scan import GapScan, GapScope, rows_of_files
from forebay.orchestration.planner import Planner
from forebay.orchestration.remedies import repair
from forebay.orchestration.upstream import Upstream

CarryOut = Callable[[Sequence[TaskDraft]], Sequence[Task]]
"""Works tasks off; those that did not end well."""
_Days = tuple[date, ...]


@dataclass
class _Work:
    """What is done about the gaps of one table."""

    drafts: list[TaskDraft] = field(default_factory=list)
    whole: dict[date, Revision] = field(default_factory=dict)
    """The files that are held whole and lack what the gaps are about."""
    loaded: dict[date, Revision] = field(default_factory=dict)
    """The files that are loaded again."""
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

    def run(self, scope: GapScope, gaps: Sequence[Gap]) -> list[Gap]:
        """Try to close open gaps of `scope`, and say of each what became of it, in the same order.

        A gap is closed when the scan does not find it any more. Cut off at any point, the next scan finds what is left.
        Raises LakeError, LedgerError, VendorError.
        """
        if not gaps:
            return []
        dataset = scope.minutes
        span = Interval(min(gap.day for gap in gaps), max(gap.day for gap in gaps))
        if self.upstream:
            self.upstream.look([(dataset, span)])
        work = self._work(scope, gaps, span)
        failed = self.carry_out(work.drafts)
        symbols = tuple(sorted({gap.symbol for gap in gaps} - {ALL_SYMBOLS})) or scope.symbols
        judged = self.scan.run(replace(scope, symbols=symbols))  # over the same sessions: they say what is usual
        left = {(gap.symbol, gap.day): gap for gap in judged}
        done = [_outcome(gap, left, work, failed) for gap in gaps]
        stays = [gap for gap in done if gap.outcome is Outcome.MISSING_UPSTREAM and gap.day not in work.unlisted]
        self.book.record(dataset, stays, {**work.whole, **work.loaded})
        return done

    def _work(self, scope: GapScope, gaps: Iterable[Gap], span: Interval) -> _Work:
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
        self._ask_again(dataset, alone, own, work)
        self._fetch(scope, never, work)
        return work

    def _by_rest(self, dataset: Dataset, span: Interval, symbols: set[str]) -> defaultdict[str, list[Coverage]]:
        """What is recorded as brought by REST, by symbol."""
        own: defaultdict[str, list[Coverage]] = defaultdict(list)
        verdicts = (*STORED, Verdict.KNOWN_EMPTY)
        rows = self.ledger.coverage.find(LAKE, dataset.table, sorted(symbols), span, verdicts=verdicts, limit=None)
        for row in rows:
            if row.source is Source.REST:
                own[row.partition.symbol].append(row)
        return own

    def _reload(self, dataset: Dataset, files: dict[date, Coverage], work: _Work) -> None:
        """Load files again that lost rows in the lake, or that the vendor has published anew since; no others."""
        if not files:
            return
        span = Interval(min(files), max(files))
        listed = self.ledger.listings.revisions(dataset.name, span.start, span.end)
        counts = rows_of_files(self.tables, dataset, span)
        for day, row in files.items():
            held, newest = row.evidence.revision, listed.get(day, row.evidence.revision)
            whole = counts.get(day, 0) in (row.evidence.rows, None)
            if newest is None or (newest == held and whole):
                work.whole |= {day: held} if held else {}
            else:
                work.loaded[day] = newest
                self.ledger.coverage.withdraw([row])
                work.drafts.append(reload_draft(dataset, day, newest))

    def _ask_again(
        self, dataset: Dataset, gaps: dict[str, list[date]], own: dict[str, list[Coverage]], work: _Work
    ) -> None:
        """Fetch sessions by REST again that it brought before: they are cut out of what is recorded as held."""
        for symbol, days in gaps.items():
            single = [Interval(day, day) for day in days]
            rows = [row for row in own[symbol] if any(day in row.partition.dates for day in days)]
            pieces = [_piece(row, dates) for row in rows for dates in subtract([row.partition.dates], single)]
            self.ledger.coverage.record(pieces)  # first: cut off in between, the whole still stands and is found again
            self.ledger.coverage.withdraw(rows)
        work.drafts += fetch_drafts(dataset, {symbol: tuple(days) for symbol, days in gaps.items()}, LAKE)

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


def _piece(row: Coverage, dates: Interval) -> Coverage:
    """What is left of a recorded range; how many of its rows that are is not known."""
    evidence = replace(row.evidence, rows=None if row.evidence.rows else row.evidence.rows)
    return replace(row, partition=replace(row.partition, dates=dates), evidence=evidence)


def _outcome(gap: Gap, left: dict[tuple[str, date], Gap], work: _Work, failed: Sequence[Task]) -> Gap:
    now = left.get((gap.symbol, gap.day))
    if now is None:
        return replace(gap, outcome=Outcome.CLOSED)
    for task in failed:
        where = task.draft.partition
        if where.symbol in (gap.symbol, ALL_SYMBOLS) and gap.day in where.dates:
            return replace(now, outcome=Outcome.FAILED, reason=task.error_message or task.hold or "not begun")
    if now.outcome is not Outcome.OPEN:
        return now
    return replace(now, outcome=Outcome.MISSING_UPSTREAM, reason=_why(now, work))


def _why(gap: Gap, work: _Work) -> str:
    if gap.day in work.whole:
        remedy = repair(gap.day, [gap.symbol])
        return f"the vendor's file is held whole and has no more of it; next: `{remedy}`"
    asked_again = f"the vendor was asked again and has no more: {gap.evidence}"
    return work.unlisted.get(gap.day, asked_again)
