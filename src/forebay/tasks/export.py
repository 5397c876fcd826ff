"""export: bars of the lake into the file of one ticker and timeframe."""

from __future__ import annotations

from dataclasses import dataclass

from forebay.model.task import Done, Lease, Outcome, Step, TaskState
from forebay.tasks.copies import Copies, made_from
from forebay.tasks.ticker_files import TickerFiles


@dataclass(frozen=True, slots=True)
class Export:
    """Brings one file up to date with the lake, once no task is about to change what the lake has of it."""

    files: TickerFiles
    copies: Copies

    def __call__(self, lease: Lease, step: Step) -> Outcome:
        """Run one task. Raises LakeError, StoreError, CheckFailed, LeaseLost."""
        draft, clock = lease.task.draft, self.files.clock
        _, timeframe = made_from(draft)
        file = self.files.file(draft.partition.symbol, timeframe)
        if snooze := self.copies.wait(draft, clock.now()):
            return snooze
        # only now: a task may have ended while it was looked for
        update = self.copies.look(draft, clock.now(), there=file.path.exists())
        step(TaskState.UPLOADING)
        done = self.files.update(file, update.todo)
        return Done(tuple(update.coverage(draft, done.rows)))
