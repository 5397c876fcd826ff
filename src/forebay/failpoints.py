"""Points at which a test can kill this process. `FOREBAY_FAILPOINT=name` or `name:3` (the third time) arms one."""

from __future__ import annotations

import os
import signal
from collections import Counter

POINTS = (
    "mirror.claimed",  # the task is ours, nothing was asked
    "mirror.first_chunk",  # bytes flow
    "mirror.middle",  # half of the file has been handed to the store
    "mirror.checked",  # the last byte passed the check
    "mirror.kept",  # the earlier revision is put aside
    "mirror.receipt",  # the receipt is written, the object is not visible
    "mirror.visible",  # the object is visible, the ledger does not know
    "fetch.staged",  # some sessions of a range are checked, the lake does not have them
    "fetch.stored",  # the lake has them, the ledger does not know
    "fetch.recorded",  # the ledger knows, and more of the range is to come
    "gaps.cut_out",  # what lacks is recorded as suspect, and nothing was asked for
    "task.finished",  # the ledger knows
    "spool.chunk",  # --spool: some bytes are in the local file
    "spool.written",  # --spool: the local file is whole and checked
    "spool.uploaded",  # --spool: the object is visible, the local file is still there
    "files.part",  # a ticker's file: some rows are in the copy that will replace it
    "files.written",  # a ticker's file: the copy is whole and on disk
    "files.visible",  # a ticker's file: the copy has its name
    "csv_lzo.packed",  # an object of the csv.lzo archive is packed, and not sent
    "csv_lzo.sent",  # it is there, the ledger does not know
    "csv_lzo.all",  # all of a task's are there, and what they replace
    "csv_lzo.removed",  # what they replace is gone
    "send.flushed",  # a month of a ticker is acknowledged by its sink, the ledger does not know
    "send.recorded",  # the ledger knows, and more months are to come
    "lake.placed",  # a file of the lake has its name, the log does not name it
    "lake.planned",  # all files have their names, nothing is committed
    "lake.committed",  # the log names them, what was noted of them is not cleared
    "compact.file",  # one compacted file is whole, in staging
    "compact.written",  # all of them are, and are on disk
    "compact.proved",  # they hold the rows that were read
    "consume.taken",  # messages of a batch are read, nothing is done with them
    "consume.buried",  # those that cannot be used are in the topic of dead letters
    "consume.moved",  # the transaction has moved their positions, and stored none of them
    "consume.staged",  # rows are in the staging table, because their table may have some of them
    "consume.stored",  # rows are in their table, nothing is committed
    "consume.committed",  # all is, and the process does not know
    "stream.heard",  # a frame waits for the sinks, and none has it
    "stream.flushed",  # a sink has acknowledged what came, the stream does not know
    "stream.interrupted",  # something was not heard, the ledger does not know
    "stream.refilled",  # every sink has what was not heard, the interruption is open
    "vacuum.removing",  # another file that nothing needs is about to go
)
"""Every step boundary of a transfer, and of an update of a ticker's file."""

_armed, _, _turn = os.environ.get("FOREBAY_FAILPOINT", "").partition(":")
_seen: Counter[str] = Counter()


def reach(point: str) -> None:
    """Die here, by SIGKILL, if this point is armed. Raises KeyError for a point that is not declared."""
    if point not in POINTS:
        raise KeyError(point)
    if point == _armed:
        _seen[point] += 1
        if _seen[point] == int(_turn or 1):
            os.kill(os.getpid(), signal.SIGKILL)
