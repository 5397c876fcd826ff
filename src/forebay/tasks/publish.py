"""publish: bars of the lake, of one ticker and timeframe, into a csv.lzo archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from forebay.clock import Clock
from forebay.errors import CapReached, ObjectChanged, StoreError, StoreUnavailable, TemporaryError, UsageError
from forebay.failpoints import reach
from forebay.lake.reading.reader import Lake
from forebay.model.coverage import Coverage
from forebay.model.csv_lzo import BarArchive, Window, bar_archive
from forebay.model.task import Discard, Done, Lease, Outcome, Retry, Step, TaskDraft, TaskState
from forebay.model.universe import Listing
from forebay.sinks.csv_lzo.objects import Objects
from forebay.sinks.csv_lzo.series import Series
from forebay.tasks.away import Away
from forebay.tasks.copies import Copies, Update, made_from
from forebay.tasks.lzo_copy import LzoCopy, keys_of


@dataclass(frozen=True, slots=True)
class Publish:
    """Brings one ticker's objects up to date with the lake, once no task is about to change what the lake has.

    An object is sent only where it is not there with these bytes; what it replaces under another key goes last.
    """

    lake: Lake
    copies: Copies
    objects_at: Callable[[BarArchive], Objects]
    listing: Callable[[str], Listing | None]
    """What the reference data say of a ticker; None when it is not known."""
    clock: Clock
    away: Away

    def __call__(self, lease: Lease, step: Step) -> Outcome:
        """Run one task. Raises LakeError, VendorError, ObjectChanged, CapReached, LeaseLost."""
        draft = lease.task.draft
        archive = bar_archive(draft.destination)
        if archive is None:  # of another version: no reason for a worker to stop
            return Discard("unknown_destination", f"this version cannot send to {draft.destination}")
        if snooze := self.copies.wait(draft, self.clock.now()) or self.away.wait(draft.destination):
            return snooze
        update = self.copies.look(draft, self.clock.now())  # only now: a task may have ended while it was looked for
        step(TaskState.UPLOADING)
        try:
            done = Done(tuple(self._publish(draft, archive, update, step)))
        except (ObjectChanged, CapReached):
            raise
        except StoreUnavailable as error:  # of one user's bucket, as below: other tasks need not suffer
            self.away.silent(draft.destination, lease.task.id, error)
            return Retry(error.kind, f"{error} ({error.remedy})", after=error.retry_after, upload=True)
        except TemporaryError:
            raise
        except (StoreError, UsageError) as error:
            return Discard(error.kind, f"{error} ({error.remedy})")
        self.away.answered(draft.destination)
        return done

    def _publish(self, draft: TaskDraft, archive: BarArchive, update: Update, step: Step) -> Iterator[Coverage]:
        if not update.todo:
            return
        before = self._earlier(draft, update)
        copy = LzoCopy(self.lake, self.objects_at(archive), draft, update, self._series(draft))
        copy.objects.give_up(copy.series)
        now = list(copy.all() if archive.window is Window.ALL else copy.days(archive.window, step))
        reach("csv_lzo.all")
        copy.objects.remove(sorted(before - {key for row in now for key in keys_of(row)}))
        reach("csv_lzo.removed")
        yield from now

    def _series(self, draft: TaskDraft) -> Series:
        dataset, timeframe = made_from(draft)
        ticker = draft.partition.symbol
        known = self.listing(ticker)
        exchange, currency = (known.exchange, known.currency) if known else ("", "")
        return Series(ticker, dataset.asset_class, timeframe, exchange, currency)

    def _earlier(self, draft: TaskDraft, update: Update) -> set[str]:
        """The objects that the ledger knows of the dates which are written now."""
        rows = self.copies.ledger.coverage.find(
            draft.destination, draft.partition.table, [draft.partition.symbol], update.span, limit=None
        )
        return {
            key
            for row in rows
            if any(
                row.partition.dates.start <= part.end and part.start <= row.partition.dates.end for part in update.todo
            )
            for key in keys_of(row)
        }
