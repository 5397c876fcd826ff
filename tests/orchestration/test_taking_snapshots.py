"""Snapshots as work: taken from the simulated vendor, kept in the lake, their verdicts in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from forebay import Sandbox
from forebay.app import App
from forebay.app.snapshots import snapshots
from forebay.cli.snapshot import show_snapshot
from forebay.errors import UsageError
from forebay.lake.snapshots.table import latest, read
from forebay.ledger.filter import TaskFilter
from forebay.model.coverage import Verdict
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.model.registry import SymbolRegistry
from forebay.model.snapshot import SnapshotVerdict
from forebay.model.snapshot_order import SnapshotOrder, from_key
from forebay.model.task import TaskKind, TaskState
from forebay.orchestration.ingest.snapshots import TakeThem
from forebay.settings import load
from forebay.testing import FakeClock

STOCKS = AssetClass.STOCKS
NOON = datetime(2025, 11, 20, 17, tzinfo=UTC)
"""In New York, on a Thursday."""
EVER = Interval(date.min, date.max)
NAMED = SnapshotOrder(STOCKS, ("AAPL", "AAp", "NONE"))


@pytest.fixture(scope="module")
def vendor() -> Iterator[Sandbox]:
    with Sandbox(seed=3, tickers=12, start=date(2025, 11, 3), clock=FakeClock(NOON)) as running:
        yield running


@contextmanager
def wired(vendor: Sandbox, folder: Path, now: datetime = NOON) -> Iterator[App]:
    app = App(load(environ={**vendor.env, "FOREBAY_HOME": str(folder)}), FakeClock(now), "worker-1")
    yield app
    app.close()


def phase(app: App) -> TakeThem:
    return TakeThem(app.ledger, app.clock, lambda: app.worker(kinds=[TaskKind.SNAPSHOT]))


@pytest.fixture
def app(vendor: Sandbox, tmp_path: Path) -> Iterator[App]:
    with wired(vendor, tmp_path) as app:
        yield app


def test_an_order_is_its_key() -> None:
    """Whatever a ticker is made of, the worker reads what was ordered; one order is one task, however it is put."""
    strange = SnapshotOrder(STOCKS, ("AAPL", "BRK.B", "a&ticker=b", "a/b?c", "ä b"))
    assert strange == from_key(strange.key)
    assert NAMED.key == SnapshotOrder(STOCKS, ("NONE", "AAp", "AAPL", "AAPL")).key
    for key in ("snapshot/stocks", "snapshot/shares?ticker=A", "snapshot/stocks?symbol=A", "reference/stocks?ticker=A"):
        with pytest.raises(UsageError, match="is no key of snapshots"):
            from_key(key)
    with pytest.raises(UsageError, match="no snapshots of options"):
        from_key("snapshot/options?ticker=O:SPY251219C00650000")


def test_a_task_takes_many_at_once(app: App, vendor: Sandbox) -> None:
    """One call, one commit; each ticker's verdict is in the ledger, and an unknown one harms no other."""
    app.ledger.tasks.add([NAMED.draft(NOON.date())])
    begun = len(vendor.requests)
    app.worker(kinds=[TaskKind.SNAPSHOT]).drain()
    (task,) = app.ledger.tasks.find(TaskFilter(destination="snapshots"))
    assert (TaskState.COMPLETED, 1) == (task.state, len(vendor.requests) - begun), task
    said = {row.partition.symbol: row for row in app.ledger.coverage.find("snapshots", "stocks/snapshots", limit=None)}
    told = {ticker: (row.verdict, row.evidence.details["verdict"]) for ticker, row in said.items()}
    assert {"AAPL", "AAp", "NONE"} == told.keys()
    assert (Verdict.COMPLETE, "good") == told["AAPL"]
    assert (Verdict.SUSPECT, "absent") == told["NONE"]
    assert "capitals count" in said["NONE"].evidence.reason
    held = latest(app.lake_home, STOCKS, NAMED.tickers)
    truth = vendor.market.bars("stocks", "bars_1d", date(2025, 11, 19), date(2025, 11, 19)).filter(ticker="AAPL")
    assert truth["close"].to_list() == held.filter(ticker="AAPL")["previous_close"].to_list()


def test_the_same_order_is_the_same_task(app: App) -> None:
    """Taken again and again it leaves one task, one row of coverage a ticker, and no row twice in the lake."""
    for _ in range(2):
        app.ledger.tasks.add([NAMED.draft(NOON.date())], again=True)
        app.worker(kinds=[TaskKind.SNAPSHOT]).drain()
    assert 1 == len(app.ledger.tasks.find(TaskFilter(destination="snapshots")))
    assert 3 == len(app.ledger.coverage.find("snapshots", "stocks/snapshots", limit=None))
    assert 1 == read(app.lake_home, STOCKS, EVER, ["AAPL"]).collect().height


def test_what_the_plan_once_showed_is_expected(vendor: Sandbox, tmp_path: Path) -> None:
    """A plan that never showed a trade or quote owes none; one that did within the week does, class by class."""
    with Sandbox(seed=3, tickers=12, vendor_plan="starter", start=date(2025, 11, 3), clock=FakeClock(NOON)) as poor:
        with wired(poor, tmp_path) as app:
            assert SnapshotVerdict.GOOD == snapshots(app).look(STOCKS, ["AAPL"])[0].verdict
        with wired(vendor, tmp_path) as app:
            assert SnapshotVerdict.GOOD == snapshots(app).look(STOCKS, ["AAPL"])[0].verdict
        with wired(poor, tmp_path) as app:
            (lacking,) = snapshots(app).look(STOCKS, ["AAPL"])
            (pair,) = snapshots(app).look(AssetClass.CRYPTO, ["X:BTCUSD"])
    assert (SnapshotVerdict.INCOMPLETE, 2) == (lacking.verdict, len(lacking.reasons))
    assert SnapshotVerdict.GOOD == pair.verdict


@pytest.mark.parametrize(("minute", "verdict"), [(50, SnapshotVerdict.EMPTY), (61, SnapshotVerdict.ABSENT)])
def test_a_late_plan_is_given_time(tmp_path: Path, minute: int, verdict: SnapshotVerdict) -> None:
    """Of a delayed plan a ticker may be unseen for half an hour after the open of 9:30."""
    now = NOON.replace(hour=14) + timedelta(minutes=minute)
    late = Sandbox(seed=3, vendor_plan="starter", start=date(2025, 11, 3), clock=FakeClock(now))
    with late as vendor, wired(vendor, tmp_path, now) as app:
        assert verdict == snapshots(app).look(STOCKS, ["NONE"])[0].verdict


def test_one_snapshot_is_shown(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    """Values, verdict and reasons; exit code 3 for a ticker that is not there; nothing is stored."""
    assert 0 == show_snapshot(app, "AAPL")
    said = capsys.readouterr().out
    assert all(word in said for word in ("newest word  2025-11-20 16:59", "previous", "last quote", "AAPL: good"))
    assert 3 == show_snapshot(app, "aapl", json=True)
    assert '"verdict": "absent"' in capsys.readouterr().out
    assert latest(app.lake_home, STOCKS, ["AAPL"]).is_empty()


def test_a_phase_of_many_symbols(app: App, vendor: Sandbox) -> None:
    """One call a class; who is good is recorded, who is not has his own error, and a class without any says so."""
    begun = len(vendor.requests)
    names = ("AAPL", "aapl", "X:BTCUSD", "I:SPX")
    came = phase(app)([SymbolRegistry(name) for name in names])
    assert set(names) == came.keys()
    assert (1, None) == (came["AAPL"].records, came["AAPL"].error)
    assert (1, None) == (came["X:BTCUSD"].records, came["X:BTCUSD"].error)
    assert "capitals count" in (came["aapl"].error or "")
    assert "no snapshots of indices" in (came["I:SPX"].error or "")
    assert 2 == len(vendor.requests) - begun
    again = phase(app)([SymbolRegistry("AAPL"), SymbolRegistry("aapl")])
    assert (None, True) == (again["AAPL"].error, again["aapl"].error is not None)


def test_a_phase_that_is_refused(tmp_path: Path) -> None:
    """A plan without snapshots fails each symbol with the vendor's words; no key, with the setting's name."""
    free = Sandbox(seed=3, vendor_plan="basic", start=date(2025, 11, 3), clock=FakeClock(NOON))
    with free as vendor, wired(vendor, tmp_path) as app:
        came = phase(app)([SymbolRegistry("AAPL"), SymbolRegistry("MSFT")])
    assert {"AAPL", "MSFT"} == came.keys()
    assert all("the vendor answered 403" in (one.error or "") for one in came.values())
    with closing(App(load(environ={"FOREBAY_HOME": str(tmp_path)}), FakeClock(NOON), "worker-1")) as app:
        assert "POLYGON_API_KEY" in (phase(app)([SymbolRegistry("AAPL")])["AAPL"].error or "")


def test_other_symbols_together_leave_no_tasks_for_ever(app: App) -> None:
    """Each set of symbols is a task of its own; those that were not run for a week are forgotten."""
    for ticker in ("AAPL", "AAp"):
        phase(app)([SymbolRegistry(ticker)])
        app.clock.sleep(timedelta(days=4).total_seconds())
    assert 2 == len(app.ledger.tasks.find(TaskFilter(kind=TaskKind.SNAPSHOT)))
    phase(app)([SymbolRegistry("AAPL"), SymbolRegistry("AAp")])
    left = app.ledger.tasks.find(TaskFilter(kind=TaskKind.SNAPSHOT))
    assert {"snapshot/stocks?ticker=AAp", "snapshot/stocks?ticker=AAPL&ticker=AAp"} == {one.draft.key for one in left}
