"""snapshot: what the vendor says of tickers now, judged, and kept in the lake."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from forebay.bars.snapshots import Expected, absent, judge
from forebay.clock import Clock
from forebay.errors import UsageError
from forebay.lake.home.home import Home
from forebay.lake.snapshots.table import append
from forebay.ledger.entitlements import EntitlementBook
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.model.partition import Partition
from forebay.model.snapshot import Judged, Snapshot
from forebay.model.snapshot_order import from_key
from forebay.model.task import Discard, Done, Lease, Outcome, Step, TaskDraft, TaskState
from forebay.vendor.rest import RestClient

_REMEMBERED = timedelta(days=7)
"""So long after the vendor last showed a trade or a quote of a class they are expected of it."""
_DAILY = timedelta(days=1)
_DELAY = timedelta(minutes=15)
"""Of the plans whose data are late; an answer without any ticker does not say whether it is of one."""
_EVER = Interval(date.min, date.max)


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Asks for snapshots and judges them. Safe to use from several threads."""

    rest: RestClient
    home: Callable[[], Home]
    """Of the lake; asked for when there is something to keep."""
    plan: EntitlementBook
    clock: Clock

    def look(self, asset_class: AssetClass, tickers: Collection[str]) -> list[Judged]:
        """A verdict on each of `tickers` (case-sensitive), in byte order; keeps no snapshot.

        Raises VendorError, LedgerError, and UsageError for a class that has none.
        """
        found = self.rest.snapshots.of(asset_class, tickers)
        expected = self._expected(asset_class, found)
        seen = self.clock.now() - max((one.delay for one in found.values()), default=_DELAY)
        wanted = sorted(set(tickers), key=str.encode)
        return [judge(found[one], expected) if one in found else absent(one, asset_class, seen) for one in wanted]

    def take(self, asset_class: AssetClass, tickers: Collection[str]) -> list[Judged]:
        """As `look`, and keeps them in the lake, in one commit. Raises LakeError, StoreError, too."""
        judged = self.look(asset_class, tickers)
        append(self.home(), asset_class, judged, self.clock)
        return judged

    def _expected(self, asset_class: AssetClass, found: Mapping[str, Snapshot]) -> Expected:
        """What the plan shows of a class, as far as any of its tickers ever had it."""
        trade = any(one.trade for one in found.values())
        quote = any(one.quote for one in found.values())
        return Expected(
            trade=self._shown(f"rest/{asset_class}/last_trade", seen=trade),
            quote=self._shown(f"rest/{asset_class}/last_quote", seen=quote),
        )

    def _shown(self, what: str, *, seen: bool) -> bool:
        now = self.clock.now()
        if seen and self.plan.first_day(what, since=now - _DAILY) is None:
            self.plan.remember(what, now.date(), now)
        return seen or self.plan.first_day(what, since=now - _REMEMBERED) is not None


@dataclass(frozen=True, slots=True)
class TakeSnapshots:
    """The task: what was last said of a ticker is its coverage, one row for each."""

    snapshots: Snapshots
    send_on: Callable[[AssetClass, Sequence[Judged]], None] | None = None
    """Sends them to Kafka, where one is set, and returns when they are there."""

    def __call__(self, lease: Lease, step: Step) -> Outcome:
        """Run one task. Raises VendorError, StoreError, LakeError, LedgerError, SinkError, LeaseLost."""
        draft = lease.task.draft
        try:
            wanted = from_key(draft.key)
        except UsageError as error:  # of another version: no reason for a worker to stop
            return Discard(error.kind, f"{error} ({error.remedy})")
        step(TaskState.DOWNLOADING)
        judged = self.snapshots.take(wanted.asset_class, wanted.tickers)
        step(TaskState.DOWNLOADED, TaskState.UPLOADING)
        if self.send_on is not None:
            self.send_on(wanted.asset_class, judged)
        return Done(tuple(self._coverage(draft, judged)))

    def _coverage(self, draft: TaskDraft, judged: Iterable[Judged]) -> Iterator[Coverage]:
        now = self.snapshots.clock.now()
        for one in judged:
            partition = Partition(draft.partition.table, one.ticker, _EVER)
            rows = int(one.snapshot is not None and one.snapshot.day is not None)
            held = Verdict.COMPLETE if rows else Verdict.KNOWN_EMPTY
            verdict = Verdict.SUSPECT if one.verdict.fails else held
            evidence = Evidence(rows=rows, reason="; ".join(one.reasons), details={"verdict": str(one.verdict)})
            yield Coverage(partition, draft.destination, draft.source, verdict, evidence, now, now + _REMEMBERED)
