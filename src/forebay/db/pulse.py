"""Whether anything was written to the database since one last looked: one cheap question, however large it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock

import sqlalchemy as sa

from forebay.db.engine import Database
from forebay.db.errors import translated


class Pulse:
    """Marks of groups of tables, which differ when one of them may have been written to. Safe in threads.

    SQLite tells on one connection that others have committed, and not to which table: every group has the same mark.
    PostgreSQL counts the rows it wrote to each table.
    """

    def __init__(self, database: Database, groups: Mapping[str, Sequence[str]]) -> None:
        self._database = database
        self._groups = groups
        self._turn = Lock()
        self._kept: sa.Connection | None = None

    def look(self) -> dict[str, int]:
        """Group to its mark of now. Raises LedgerError."""
        with self._turn:
            return self._of_sqlite() if self._database.dialect == "sqlite" else self._of_postgresql()

    def close(self) -> None:
        """Let go of the connection."""
        with self._turn:
            if self._kept is not None:
                self._kept.close()
                self._kept = None

    def _of_sqlite(self) -> dict[str, int]:
        with translated(self._database.name):
            if self._kept is None:
                self._kept = self._database.engine.connect()
            with self._kept.begin():
                mark = int(self._kept.exec_driver_sql("PRAGMA data_version").scalar_one())
        return dict.fromkeys(self._groups, mark)

    def _of_postgresql(self) -> dict[str, int]:
        with self._database.read() as connection:
            written = {name: int(rows) for name, rows in connection.execute(_WRITTEN)}
        return {group: sum(written.get(name, 0) for name in names) for group, names in self._groups.items()}


_WRITTEN = sa.text(
    "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE schemaname = current_schema()"
)
