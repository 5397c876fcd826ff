"""Why a cell of the grid is as it is: the cause in a sentence, what is known of it, and the command that mends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from forebay.ledger import Ledger
from forebay.ledger.filter import TaskFilter
from forebay.model.calendar import published_by
from forebay.model.coverage import Coverage, Verdict
from forebay.model.feed import LAKE
from forebay.model.grid import Cell, Standing
from forebay.model.partition import ALL_SYMBOLS, Revision
from forebay.model.task import Task
from forebay.orchestration.grid.repair import Scope, is_lost
from forebay.orchestration.grid.stored import Stored
from forebay.orchestration.grid.table import TableGrid

MOST = 100
"""Rows of evidence and tasks that are told."""
_NAMED = 5
"""Dates that a sentence names."""


@dataclass(frozen=True, slots=True)
class Why:
    """What there is to say of a cell."""

    scope: Scope
    destination: str
    cell: Cell
    days: Sequence[tuple[date, Cell]]
    """Each session of it."""
    cause: str
    evidence: Sequence[Coverage]
    """What the ledger records, at most `MOST` rows: what is not good first."""
    tasks: Sequence[Task]
    """Those about it, at most `MOST`, the last changed first."""
    listed: Mapping[date, Revision]
    """What the vendor listed of its days when it was last asked."""
    stored: Sequence[date] | None
    """Its days of which the storage lists files; None where it was not listed yet."""
    next_try: datetime | None
    """When something happens of its own accord (UTC); None where nothing does."""
    command: str
    """What mends it; empty where nothing is to be done."""


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains cells. Reads the ledger, and what the lake's log lists; asks no vendor."""

    ledger: Ledger
    find_stored: Callable[[str, str], Stored | None]
    now: datetime

    def explain(self, grid: TableGrid, scope: Scope) -> Why:
        """Everything about a cell of `grid`. Raises LedgerError, LakeError, StoreError."""
        window = grid.sessions.span(scope.dates.start.isoformat(), scope.dates.end.isoformat())
        symbols = None if scope.symbol is None else [scope.symbol] if scope.symbol in grid.wanted else []
        counts = grid.counts(symbols, window) if window[0] <= window[1] else None
        days = grid.sessions.days[window[0] : window[1] + 1]
        stored = self.find_stored(grid.destination, grid.table)
        evidence = self._evidence(grid, scope)
        tasks = self._tasks(grid, scope)
        listed = self.ledger.listings.revisions(grid.dataset.name, scope.dates.start, scope.dates.end)
        cells = [(day, counts.cell((place, place))) for place, day in enumerate(days, window[0])] if counts else []
        cell = counts.cell(window) if counts else Cell(0, {})
        looked = _Looked(cell.standing, cells, evidence, tasks, listed, stored, grid.destination)
        return Why(
            scope,
            grid.destination,
            cell,
            cells,
            looked.cause,
            evidence,
            tasks,
            listed,
            None if stored is None else [day for day in days if day in stored.days],
            self._next_try(cell, tasks, evidence, days),
            _command(cell.standing, scope, lost=bool(looked.lost) and grid.destination == LAKE),
        )

    def _evidence(self, grid: TableGrid, scope: Scope) -> list[Coverage]:
        symbols = None if scope.symbol is None else [scope.symbol, ALL_SYMBOLS]
        find, place = self.ledger.coverage.find, (grid.destination, grid.table, symbols, scope.dates)
        bad = [verdict for verdict in Verdict if not verdict.satisfies]
        rows = find(*place, verdicts=bad, limit=MOST)
        good = [verdict for verdict in Verdict if verdict.satisfies]
        return rows + find(*place, verdicts=good, limit=MOST - len(rows))

    def _tasks(self, grid: TableGrid, scope: Scope) -> list[Task]:
        """Those of the symbol, or where it has none those of the whole market."""
        about = TaskFilter(table=grid.table, symbol=scope.symbol, destination=grid.destination, dates=scope.dates)
        find = self.ledger.tasks.find
        return find(about, limit=MOST) or find(replace(about, symbol=ALL_SYMBOLS), limit=MOST)

    def _next_try(
        self, cell: Cell, tasks: Sequence[Task], evidence: Sequence[Coverage], days: Sequence[date]
    ) -> datetime | None:
        times = [task.available_at for task in tasks if task.state.claimable and task.hold is None]
        times += [row.expires_at for row in evidence if row.expires_at and row.expires_at > self.now]
        if cell.standing is Standing.PENDING_UPSTREAM:
            times += [due for day in days if (due := published_by(day)) > self.now]
        return min(times, default=None)


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a cause is told from."""

    standing: Standing | None
    days: Sequence[tuple[date, Cell]]
    evidence: Sequence[Coverage]
    tasks: Sequence[Task]
    listed: Mapping[date, Revision]
    stored: Stored | None
    where: str

    @property
    def cause(self) -> str:
        """One sentence on the gravest."""
        if self.standing is None or self.standing.held:
            return "Everything that is wanted here is held." if self.standing else "Nothing is wanted here."
        sentences = {
            Standing.DRIFT: self._drift,
            Standing.FAILED: self._failed,
            Standing.REPLACED: self._replaced,
            Standing.MISSING: self._missing,
        }
        return sentences.get(self.standing, self._told)()

    def _replaced(self) -> str:
        return f"The vendor has published {_named(self._such())} anew since it was taken."

    @property
    def lost(self) -> list[Coverage]:
        """Rows that are recorded and not there."""
        return [row for row in self.evidence if is_lost(row, self.stored)]

    def _such(self) -> list[date]:
        """The sessions that are the gravest."""
        return [day for day, cell in self.days if cell.counts.get(self.standing or Standing.MISSING)]

    def _drift(self) -> str:
        if self.lost:
            rows = ", ".join(str(row.partition) for row in self.lost[:_NAMED])
            return f"The ledger records rows of {rows}, and the {self.where} lists no file that has them."
        return f"The {self.where} has files of {_named(self._such())} of which the ledger knows nothing."

    def _failed(self) -> str:
        failed = next((task for task in self.tasks if task.error_message), None)
        if failed is None:
            return f"A task could not bring {_named(self._such())}."
        return f"A task could not bring it ({failed.error_kind}): {failed.error_message}"

    def _missing(self) -> str:
        such = self._such()
        if waiting := sum(1 for task in self.tasks if not task.state.over):
            return f"It is queued: {waiting} task{'s' if waiting > 1 else ''} will bring {_named(such)}."
        published = [day for day in such if day in self.listed]
        if published:
            return f"{_named(published)} was published, and nobody has asked for it yet."
        return f"Nothing is known of {_named(such)}: nobody has asked for it yet, or what came was withdrawn."

    def _told(self) -> str:
        row = next((row for row in self.evidence if row.verdict.value == self.standing), None)
        return row.evidence.reason if row and row.evidence.reason else f"{_named(self._such())}: {self.standing}."


def _named(days: Sequence[date]) -> str:
    more = f" and {len(days) - _NAMED} sessions more" if len(days) > _NAMED else ""
    return ", ".join(map(str, days[:_NAMED])) + more


def _command(standing: Standing | None, scope: Scope, *, lost: bool) -> str:
    dates = f"--start {scope.dates.start} --end {scope.dates.end}"
    if standing is None or standing.held:
        return ""
    if standing is Standing.SUSPECT:
        return "forebay tasks retry"
    if standing is Standing.DRIFT:  # what the archive lost is withdrawn, and the next sync brings it
        return f"forebay lake verify --mend --datasets {scope.table} {dates}" if lost else "forebay ledger rebuild"
    whose = f" --tickers {scope.symbol}" if scope.symbol not in (None, ALL_SYMBOLS) else ""
    return f"forebay sync --datasets {scope.table}{whose} {dates}"
