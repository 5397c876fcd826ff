"""Where each destination was when its coverage was recorded: a store that moved holds nothing yet."""

from __future__ import annotations

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import places
from forebay.db.upsert import upsert


class Places:
    """The places table. All methods raise LedgerError for the database's sake."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def address(self, destination: str) -> str | None:
        """Where the coverage of `destination` was recorded; None if nobody has said."""
        with self._database.read() as connection:
            query = sa.select(places.c.address).where(places.c.destination == destination)
            found: str | None = connection.scalar(query)
            return found

    def remember(self, destination: str, address: str) -> None:
        """Say where `destination` is from now on. The address must hold no password."""
        if self.address(destination) == address:
            return
        row = {"destination": destination, "address": address, "since": self._clock.now()}
        with self._database.write() as connection:
            upsert(connection, places, [row])
