"""What the tracker of the system before Forebay said of its files, until each is turned into coverage or a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.conditions import UNSETTLED
from forebay.db.engine import Database
from forebay.db.tables import files_earlier

_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class EarlierFile:
    """A row of the tracker. Its word is a claim, not evidence."""

    file_key: str
    """The vendor's object key."""
    status: str
    """Usually a TaskState, in lower case."""
    retry_count: int
    error_message: str | None
    worker_id: str | None
    created_at: datetime | None
    """UTC."""
    updated_at: datetime | None


class EarlierFiles:
    """The rows taken over and not settled yet. All methods raise LedgerError for the database's sake."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def rows(self) -> Iterator[EarlierFile]:
        """Each row that is not settled, by key. Rows may be settled while this goes on."""
        columns = [files_earlier.c[name] for name in EarlierFile.__dataclass_fields__]
        query = sa.select(*columns).where(UNSETTLED).order_by(files_earlier.c.file_key).limit(_CHUNK)
        after = ""
        while True:
            with self._database.read() as connection:
                found = [EarlierFile(*row) for row in connection.execute(query.where(files_earlier.c.file_key > after))]
            yield from found
            if len(found) < _CHUNK:
                return
            after = found[-1].file_key

    def settled(self, keys: Iterable[str]) -> int:
        """Note that the rows of `keys` need no further look; how many were open."""
        iterator, settled = iter(keys), 0
        while chunk := list(islice(iterator, _CHUNK)):
            statement = sa.update(files_earlier).where(files_earlier.c.file_key.in_(chunk), UNSETTLED)
            with self._database.write() as connection:
                settled += connection.execute(statement.values(settled_at=self._clock.now())).rowcount
        return settled
