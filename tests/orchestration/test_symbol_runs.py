"""Symbols run phase by phase: in order, shared among processes, each with its own end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from forebay.errors import WrongKey
from forebay.model.registry import IngestionStatus, IngestionStrategy, Phase, SymbolRegistry
from forebay.orchestration.ingest.phases import Came
from forebay.orchestration.ingest.run import Ingest
from forebay.symbols.registry import Registry

ALL = IngestionStrategy.FLATPACK_SNAPSHOT_STREAM


@pytest.fixture
def registry(ledger, clock):
    made = Registry(ledger.database, clock)
    made.add_many(SymbolRegistry(name, ALL) for name in ("AAPL", "MSFT", "NVDA", "TSLA"))
    return made


class Phases:
    """Phases that note who was run, and fail whom they are told to."""

    def __init__(self, fails=None, on=lambda: None):
        self.fails, self.on, self.ran = fails or {}, on, []

    def of(self, phase):
        def run(entries):
            self.ran += [(phase, entry.symbol) for entry in entries]
            self.on()
            return {entry.symbol: Came(1, self.fails.get((phase, entry.symbol))) for entry in entries}

        return run

    def ingest(self, registry, clock, worker="one", batch=10):
        return Ingest(registry, {phase: self.of(phase) for phase in Phase}, clock, worker, batch)


def test_phases_come_in_order_and_one_that_fails_keeps_no_other(registry, clock):
    """Of a symbol whose snapshot failed the stream is still handed over; what is written down is the failure."""
    phases = Phases({(Phase.SNAPSHOT, "MSFT"): "too old"})
    ended = {one.symbol: (one.records, one.error) for one in phases.ingest(registry, clock).run()}

    assert ["backfill"] * 4 + ["snapshot"] * 4 + ["stream"] * 4 == [phase for phase, _ in phases.ran]
    assert ((3, None), (3, "snapshot: too old")) == (ended["AAPL"], ended["MSFT"])
    entry = registry.get("MSFT")
    assert (IngestionStatus.ERROR, "snapshot: too old", 1) == (entry.status, entry.error_message, entry.failures)
    assert [True, False, True] == [
        at is not None for at in (entry.last_backfill, entry.last_snapshot, entry.last_stream)
    ]


def test_a_symbol_that_was_taken_over_is_told_by_whoever_took_it(registry, clock):
    """Whoever was asleep for longer than its lease has not completed it, whatever it did."""

    def asleep():
        clock.advance(61)
        registry.claim("another", 1, symbols=["AAPL"])

    told = list(Phases(on=asleep).ingest(registry, clock).run(["AAPL"], phases=[Phase.BACKFILL]))

    assert [] == told
    assert registry.get("AAPL").last_backfill is None


def test_one_that_failed_is_run_whole(registry, clock):
    """Otherwise the success of another phase would hide what is wrong, and its tries would never grow rarer."""
    list(Phases({(Phase.BACKFILL, "AAPL"): "no file"}).ingest(registry, clock).run(["AAPL"]))
    clock.advance(60)
    phases = Phases({(Phase.BACKFILL, "AAPL"): "no file"})
    list(phases.ingest(registry, clock).run(["AAPL"], phases=[Phase.SNAPSHOT]))

    assert [(phase, "AAPL") for phase in Phase] == phases.ran
    assert ("backfill: no file", 2) == ((entry := registry.get("AAPL")).error_message, entry.failures)


def test_those_that_share_a_phase_leave_out_who_completed_it(registry, clock):
    """Whether in a run of this phase or in another since; one that was stopped before it is taken."""
    since = clock.now()
    registry.set_strategy("TSLA", IngestionStrategy.STREAM)
    [done, stopped] = registry.claim("another", 2)
    registry.finish(done, {Phase.BACKFILL: since}, None)
    registry.finish(stopped, {Phase.SNAPSHOT: since}, None)
    [failed] = registry.claim("another", 1, symbols=["NVDA"])
    registry.finish(failed, {}, "no file")
    clock.advance(600)
    phases = Phases()
    ended = [one.symbol for one in phases.ingest(registry, clock).run(phases=[Phase.BACKFILL], not_since=since)]

    assert ("AAPL", ["MSFT"]) == (done.symbol, ended)


def test_only_the_phases_asked_for_are_run(registry, clock):
    """And only of symbols whose strategy has them."""
    registry.set_strategy("TSLA", IngestionStrategy.FLATPACK)
    phases = Phases()
    list(phases.ingest(registry, clock).run(phases=[Phase.SNAPSHOT]))

    assert [(Phase.SNAPSHOT, name) for name in ("AAPL", "MSFT", "NVDA")] == phases.ran


def test_what_stops_all_of_them_is_raised_and_written_down(registry, clock):
    """A wrong key: those under way say so, those not begun are left as they were, and no symbol stays held."""

    def refuse():
        raise WrongKey("the key is wrong", remedy="set another")

    with pytest.raises(WrongKey):
        list(Phases(on=refuse).ingest(registry, clock, batch=2).run())

    entries = registry.list()
    assert [IngestionStatus.ERROR] * 2 + [IngestionStatus.IDLE] * 2 == [entry.status for entry in entries]
    assert "backfill: the key is wrong" == entries[0].error_message


def test_what_a_stopped_run_did_not_reach_is_no_failure(registry, clock):
    """Told to stop in its first batch it takes no second, and counts nothing against symbols it broke off."""
    phases = Phases({(Phase.BACKFILL, "AAPL"): "it has not come yet"})
    runner = phases.ingest(registry, clock, batch=2)
    phases.on = runner.stop
    ended = [one.symbol for one in runner.run()]

    assert ["MSFT"] == ended
    assert {"AAPL", "MSFT"} == {symbol for _, symbol in phases.ran}
    assert (IngestionStatus.IDLE, 0) == ((entry := registry.get("AAPL")).status, entry.failures)
    assert entry.last_backfill is None


def test_two_at_once_share_the_symbols(registry, clock):
    """Each is run once between them, though both begin with the whole list."""
    together = Barrier(2, timeout=20)
    phases = [Phases(), Phases()]
    runners = [each.ingest(registry, clock, f"worker {number}", 1) for number, each in enumerate(phases)]

    def run(runner):
        together.wait()
        return [one.symbol for one in runner.run(not_since=clock.now())]

    with ThreadPoolExecutor(2) as pool:
        ended = [symbol for several in pool.map(run, runners) for symbol in several]
    assert ["AAPL", "MSFT", "NVDA", "TSLA"] == sorted(ended)


def test_what_another_is_running_is_waited_for_and_not_run_again(registry, clock):
    """He began it before us and ended it while we waited: it is done. Where nothing is shared it is run."""
    ran = {}
    for shared in (True, False):
        [claimed] = registry.claim("another", 1, symbols=["AAPL"])
        clock.advance(1)
        phases, since = Phases(), clock.now()
        phases.on = lambda claimed=claimed: registry.finish(claimed, {}, None)
        ran[shared] = [one.symbol for one in phases.ingest(registry, clock).run(not_since=since if shared else None)]
        clock.advance(60)

    assert (["MSFT", "NVDA", "TSLA"], ["MSFT", "NVDA", "TSLA", "AAPL"]) == (ran[True], ran[False])


def test_those_of_a_dead_process_are_waited_for_and_run(registry, clock):
    """Its lease has to end first; a living one's symbols are left to it after a while."""
    registry.claim("dead", 1, symbols=["AAPL"])
    begun = clock.now()
    ended = [one.symbol for one in Phases().ingest(registry, clock).run(not_since=begun)]

    assert ["MSFT", "NVDA", "TSLA", "AAPL"] == ended
    assert timedelta(minutes=1) <= clock.now() - begun < timedelta(minutes=2)


def test_a_run_that_lost_its_symbol_changes_nothing_of_it(registry, clock):
    """Somebody set its status by hand meanwhile: what he said stays."""
    phases = Phases({(Phase.BACKFILL, "AAPL"): "too late"})
    phases.on = lambda: registry.set_status("AAPL", IngestionStatus.DISABLED)
    list(phases.ingest(registry, clock).run(["AAPL"]))

    assert (IngestionStatus.DISABLED, None) == ((entry := registry.get("AAPL")).status, entry.error_message)
