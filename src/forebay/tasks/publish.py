"""publish: bars of the lake, of one ticker and timeframe, to where others read them: an archive, Kafka, a database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from forebay.clock import Clock
from forebay.errors import (
    CapReached,
    ObjectChanged,
    SinkError,
    SinkUnavailable,
    StoreError,
    StoreUnavailable,
    TemporaryError,
    UsageError,
)
from forebay.model.coverage import Coverage
from forebay.model.task import Discard, Done, Lease, Outcome, Retry, Step, TaskDraft, TaskState
from forebay.tasks.away import Away
from forebay.tasks.copies import Copies, Update

Send = Callable[[TaskDraft, Update, Step], Iterable[Coverage]]
"""Brings a destination up to date; its coverage, as far as it did not record that itself.

Raises LakeError, LeaseLost, StoreError, SinkError, UsageError.
"""


@dataclass(frozen=True, slots=True)
class Publish:
    """Brings a destination up to date with the lake, once no task is about to change what the lake has."""

    copies: Copies
    sender: Callable[[str], Send | None]
    """What sends to a destination; None for one that this version does not know."""
    clock: Clock
    away: Away

    def __call__(self, lease: Lease, step: Step) -> Outcome:
        """Run one task. Raises LakeError, LedgerError, VendorError, ObjectChanged, CapReached, LeaseLost."""
        draft = lease.task.draft
        send = self.sender(draft.destination)
        if send is None:  # of another version: no reason for a worker to stop
            return Discard("unknown_destination", f"this version cannot send to {draft.destination}")
        if snooze := self.copies.wait(draft, self.clock.now()) or self.away.wait(draft.destination):
            return snooze
        update = self.copies.look(draft, self.clock.now())  # only now: a task may have ended while it was looked for
        step(TaskState.UPLOADING)
        try:
            done = Done(tuple(send(draft, update, step)))
        except (ObjectChanged, CapReached):
            raise
        except (StoreUnavailable, SinkUnavailable) as error:  # of one place, as below: other tasks need not suffer
            self.away.silent(draft.destination, lease.task.id, error)
            return Retry(error.kind, f"{error} ({error.remedy})", after=error.retry_after, upload=True)
        except TemporaryError:
            raise
        except (StoreError, SinkError, UsageError) as error:
            return Discard(error.kind, f"{error} ({error.remedy})")
        self.away.answered(draft.destination)
        return done
