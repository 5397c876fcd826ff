"""Runs the registry: claims symbols, runs their phases in order, writes down how each fared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from structlog import get_logger

from forebay.clock import Clock
from forebay.errors import ForebayError
from forebay.model.registry import IngestionStatus, Phase
from forebay.orchestration.heartbeat import Heartbeat
from forebay.orchestration.ingest.phases import Came, RunPhase, order
from forebay.symbols.registry import Claimed, Registry
from forebay.symbols.registry_rows import flaw_of

log = get_logger()

_RENEW = 15.0
"""Seconds between two renewals of what is held."""
_LOOK_AGAIN = 1.0
"""Seconds between two looks at symbols that another process runs."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_OTHERS = timedelta(minutes=2)
"""How long symbols that another process runs are waited for: twice as long as a dead one holds them."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How one symbol's run ended."""

    symbol: str
    records: int
    error: str | None
    notes: tuple[str, ...] = ()


@dataclass
class _Run:
    """One symbol's run under way."""

    claimed: Claimed
    phases: tuple[Phase, ...]
    began: datetime
    came: dict[Phase, Came] = field(default_factory=dict)
    done: dict[Phase, datetime] = field(default_factory=dict)

    @property
    def records(self) -> int:
        return sum(came.records for came in self.came.values())

    @property
    def failed(self) -> tuple[Phase, str] | None:
        """The first phase that failed, and what is said of all that did."""
        errors = {phase: came.error for phase, came in self.came.items() if came.error}
        return (next(iter(errors)), "; ".join(f"{phase}: {why}" for phase, why in errors.items())) if errors else None

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(came.note for came in self.came.values() if came.note)


@dataclass
class Ingest:
    """Runs symbols of the registry; any number of processes may do so at once, and share the symbols."""

    registry: Registry
    run_phase: Mapping[Phase, RunPhase]
    clock: Clock
    worker_id: str
    batch: int
    """Symbols that are planned together and held at once."""
    kafka: bool = False
    """Whether what the phases bring goes to Kafka, too: for the log."""
    _stop: bool = False

    def stop(self) -> None:
        """Take no further symbols. What those that are held lack now is no failure. Safe in a signal handler."""
        self._stop = True

    def run(
        self,
        symbols: Collection[str] | None = None,
        phases: Sequence[Phase] = tuple(Phase),
        *,
        due_only: bool = True,
        not_since: datetime | None = None,
    ) -> Iterator[Ran]:
        """Run every enabled symbol (or of these) whose strategy comes to any of `phases`; each as it ends.

        Symbols that failed wait for their `retry_at` with `due_only`, and are run whole then. With `not_since` the
        symbols are shared: those of which anybody ran these phases since then, or is running one now, are left to him
        unless he dies. A symbol's error is its own, and one whose lease was lost on the way is told by whoever took
        it. Raises what stops all of them, after writing down what became of those under way.
        """
        if freed := self.registry.clear_stale():
            log.warning("stale_locks_cleared", symbols=freed)
        wanted = self._wanted(None if symbols is None else set(symbols), phases)
        some = () if set(phases) == set(Phase) else phases
        until = self.clock.now() + _OTHERS
        while wanted and not self._stop:
            elsewhere: list[str] = []
            for first in range(0, len(wanted), self.batch):
                several = wanted[first : first + self.batch]
                claims = self._claim(several, due_only=due_only, not_since=not_since, phases=some)
                elsewhere += self._elsewhere({*several} - {claimed.symbol for claimed in claims})
                yield from self._run_batch(claims, phases) if claims else ()
            wanted = elsewhere if self.clock.now() < until else []
            if not_since and not some:
                not_since = _EVER  # of those that somebody ran, only what he lost is ours
            if wanted:
                self.clock.sleep(_LOOK_AGAIN)

    def _wanted(self, symbols: set[str] | None, phases: Sequence[Phase]) -> list[str]:
        """The enabled symbols that have any of `phases`, in byte order."""
        entries = self.registry.list(enabled_only=True)
        among = (entry for entry in entries if symbols is None or entry.symbol in symbols)
        return [entry.symbol for entry in among if order(entry, phases) or not entry.strategy.known]

    def _claim(
        self, several: Sequence[str], *, due_only: bool, not_since: datetime | None, phases: Sequence[Phase]
    ) -> list[Claimed]:
        if self._stop:
            return []
        return self.registry.claim(
            self.worker_id, len(several), symbols=several, due_only=due_only, not_since=not_since, phases=phases
        )

    def _elsewhere(self, symbols: Collection[str]) -> list[str]:
        """Those that another process runs, in byte order: it ends with them or, if it died, loses them."""
        if not symbols:
            return []
        running = self.registry.list(status=IngestionStatus.RUNNING)
        return [entry.symbol for entry in running if entry.symbol in symbols]

    def _run_batch(self, claims: Sequence[Claimed], phases: Sequence[Phase]) -> Iterator[Ran]:
        now = self.clock.now()
        runs = [_begin(claimed, phases, now) for claimed in claims]
        for run in runs:
            self._log(run, "symbol_execution_started", run.phases[0], 0.0)
        with Heartbeat(lambda: self.registry.renew(claims), _RENEW):
            try:
                self._run_phases(runs)
            except Exception:
                self._finish(runs)
                raise
            ended = self._finish(runs)
        for run in ended:
            failed = run.failed
            if not (failed and self._stop):
                yield Ran(run.claimed.symbol, run.records, failed[1] if failed else None, run.notes)

    def _run_phases(self, runs: Sequence[_Run]) -> None:
        """Each phase for all that have it: what they need is asked for together."""
        for phase in Phase:
            having = [run for run in runs if phase in run.phases and phase not in run.came]
            if not having:
                continue
            try:
                came = self.run_phase[phase]([run.claimed.entry for run in having])
            except Exception as error:
                why = str(error) if isinstance(error, ForebayError) else f"{type(error).__name__}: {error}"
                for run in having:
                    run.came[phase] = Came(error=why, done=False)
                raise
            for run in having:
                run.came[phase] = came[run.claimed.symbol]
                if came[run.claimed.symbol].done and not came[run.claimed.symbol].error:
                    run.done[phase] = self.clock.now()

    def _finish(self, runs: Iterable[_Run]) -> list[_Run]:
        """Write down how each fared; those that were still ours."""
        ended = []
        for run in runs:
            elapsed = (self.clock.now() - run.began).total_seconds()
            failed = None if self._stop else run.failed
            if not self.registry.finish(run.claimed, run.done, failed[1] if failed else None):
                log.warning("symbol_lost", symbol=run.claimed.symbol, worker=self.worker_id)
                continue
            ended.append(run)
            if run.failed and self._stop:
                self._log(run, "symbol_execution_stopped", run.failed[0], elapsed)
            elif failed:
                self._log(run, "symbol_execution_failed", failed[0], elapsed, error=failed[1])
            else:
                self._log(run, "symbol_execution_completed", next(reversed(run.done), run.phases[-1]), elapsed)
        return ended

    def _log(self, run: _Run, message: str, phase: Phase, elapsed: float, **more: str) -> None:
        entry = run.claimed.entry
        write = log.error if more else log.info
        write(
            message,
            symbol=entry.symbol,
            strategy=entry.strategy.value,
            phase=phase.value,
            records=run.records,
            kafka=self.kafka,
            redis=False,
            elapsed=round(elapsed, 3),
            **more,
        )


def _begin(claimed: Claimed, phases: Sequence[Phase], now: datetime) -> _Run:
    """A run: all of a symbol that failed, so that no other phase's success hides what is wrong.

    Of an entry that another program wrote wrongly it has failed already.
    """
    entry = claimed.entry
    if flaw := flaw_of(entry):
        return _Run(claimed, (phases[0],), now, {phases[0]: Came(error=flaw)})
    return _Run(claimed, entry.strategy.phases if entry.failures else order(entry, phases), now)
