"""Cells of the coverage grid explained, and put right over the simulated vendor."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from forebay import Sandbox
from forebay.app import open_app
from forebay.app.grid import open_grids, repair_cell
from forebay.lake.reading.tables import Tables
from forebay.ledger.filter import TaskFilter
from forebay.model.calendar import published_by
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import ARCHIVE, LAKE, Feed, SourceChoice
from forebay.model.grid import Standing
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Source
from forebay.model.task import Retry, TaskDraft, TaskKind, TaskState
from forebay.orchestration.grid.repair import Scope
from forebay.orchestration.grid.stored import ShelfDays
from forebay.orchestration.grid.why import MOST, Explainer
from forebay.orchestration.sync import carry_out
from forebay.settings import load
from forebay.testing import FakeClock

DAYS, MINUTES = BAR_DATASETS["stocks/bars_1d"], BAR_DATASETS["stocks/bars_1m"]
START, END = date(2026, 2, 26), date(2026, 3, 5)
NAMED = ("AAPL", "MSFT")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """Day bars of the whole market from files, archived too, and minute bars of two symbols by REST, all held."""
    home = tmp_path_factory.mktemp("repaired")
    with (
        Sandbox(start=START, end=END, tickers=6) as vendor,
        open_app(load(environ={**vendor.env, "FOREBAY_HOME": str(home)})) as made,
    ):
        market = Feed("market", (DAYS,), start=START, end=END)
        some = Feed("some", (MINUTES,), NAMED, START, END, SourceChoice.REST)
        kept = Feed("kept", (DAYS,), start=START, end=END, destinations=(ARCHIVE,))
        made.settle_archive()
        carry_out(made.outlook().look_ahead([market, some, kept]).plan, made.ledger, made.worker())
        for feed in (market, some, kept):
            made.ledger.feeds.remember(feed)
        yield made


def scope(dataset, day, last=None, symbol=ALL_SYMBOLS):
    return Scope(dataset.table, Interval(day, last or day), symbol)


def explained(app, about, at=LAKE):
    grids = open_grids(app)
    if at == ARCHIVE:  # listed now, not beside
        grids.find_stored = lambda _, table: ShelfDays(app.archive.store, app.clock).look(table)
    grid = grids.overview().find(about.table, at)
    return Explainer(app.ledger, grids.find_stored, app.clock.now()).explain(grid, about)


def mended(app, about):
    return [task.state for task in repair_cell(app, about, lambda _: None, lambda: False)]


def rows_of(app, about):
    return app.ledger.coverage.find(LAKE, about.table, [about.symbol], about.dates, limit=None)


def test_all_is_held(app):
    """There is nothing to mend where everything is held."""
    why = explained(app, scope(DAYS, START, END))

    assert (Standing.COMPLETE, "") == (why.cell.standing, why.command)
    assert "Everything that is wanted here is held." == why.cause


def test_what_is_recorded_and_not_stored_is_brought_again(app):
    """A file that left the table is drift until it is loaded again; the days beside it are left alone."""
    about = scope(DAYS, date(2026, 3, 3))
    files = Tables(app.lake_home).snapshot(DAYS.table).files(about.dates)
    app.tables.set_aside(DAYS.table, [file.path for file in files])

    why = explained(app, about)

    assert Standing.DRIFT == why.cell.standing
    assert "the lake lists no file that has them" in why.cause
    assert "forebay lake verify --mend --datasets stocks/bars_1d --start 2026-03-03 --end 2026-03-03" == why.command
    assert [TaskState.COMPLETED] == mended(app, about)
    assert Standing.COMPLETE == explained(app, scope(DAYS, START, END)).cell.standing


def test_a_file_that_left_the_archive_is_brought_again(app):
    """The archive's store is held against the ledger as well; the lake, which has the day, is not asked again."""
    about = scope(DAYS, date(2026, 3, 4))
    assert Standing.COMPLETE == explained(app, about, ARCHIVE).cell.standing
    app.archive.store.delete(DAYS.key(date(2026, 3, 4)))

    why = explained(app, about, ARCHIVE)

    assert (Standing.DRIFT, "forebay ledger rebuild") == (why.cell.standing, why.command)
    assert "the archive lists no file that has them" in why.cause
    assert [TaskState.COMPLETED] == mended(app, about)
    assert Standing.COMPLETE == explained(app, about, ARCHIVE).cell.standing


def test_what_failed_a_check_is_asked_for_again(app):
    """A suspect day tells its reason; the button has the file loaded anew."""
    about = scope(DAYS, date(2026, 3, 2))
    (row,) = rows_of(app, about)
    doubt = replace(row.evidence, reason="two rows are the same")
    app.ledger.coverage.record([replace(row, verdict=Verdict.SUSPECT, evidence=doubt)])

    why = explained(app, about)

    assert (Standing.SUSPECT, "two rows are the same", "forebay tasks retry") == (
        why.cell.standing,
        why.cause,
        why.command,
    )
    assert [TaskState.COMPLETED] == mended(app, about)
    assert Standing.COMPLETE == explained(app, about).cell.standing


def test_only_the_cells_own_tasks_are_queued(app):
    """Of two symbols that lack, the one that is asked for is fetched; the other one's cell stays as it was."""
    cells = {name: scope(MINUTES, START, END, name) for name in NAMED}
    for about in cells.values():
        app.ledger.coverage.withdraw(rows_of(app, about))
    assert {Standing.MISSING} == {explained(app, about).cell.standing for about in cells.values()}

    states = mended(app, cells["AAPL"])

    assert {TaskState.COMPLETED} == set(states)
    assert {"AAPL": Standing.COMPLETE, "MSFT": Standing.MISSING} == {
        name: explained(app, about).cell.standing for name, about in cells.items()
    }
    assert "--tickers MSFT" in explained(app, cells["MSFT"]).command


def test_a_symbol_is_explained_by_its_own_tasks(tmp_path):
    """The failed task of one symbol is found behind the newer ones of more symbols than are told of."""
    about = scope(MINUTES, date(2026, 3, 3), symbol="AAPL")
    with open_app(load(environ={"FOREBAY_HOME": str(tmp_path)})) as app:
        app.ledger.feeds.remember(Feed("some", (MINUTES,), NAMED, START, END, SourceChoice.REST))
        app.ledger.tasks.add([_fetch("AAPL")])
        app.ledger.tasks.finish(app.ledger.tasks.claim("worker-1"), Retry("server_error", "HTTP 503", after=3600))
        app.ledger.tasks.add([_fetch(f"X{number}") for number in range(MOST)])

        why = explained(app, about)

    assert (["AAPL"], True) == ([task.draft.partition.symbol for task in why.tasks], "HTTP 503" in why.cause)
    assert why.next_try == why.tasks[0].available_at


def test_what_happens_by_itself_is_told(tmp_path):
    """The hour of publication of what is not published yet, the next try of a task; nothing for one that is paused."""
    clock = FakeClock(datetime(2026, 3, 6, 2, tzinfo=UTC))
    with open_app(load(environ={"FOREBAY_HOME": str(tmp_path)}), clock) as app:
        app.ledger.feeds.remember(Feed("some", (MINUTES,), NAMED, START, END, SourceChoice.REST))
        app.ledger.tasks.add([_fetch("AAPL")])
        about = scope(MINUTES, date(2026, 3, 3), symbol="AAPL")
        (task,) = explained(app, about).tasks
        assert task.available_at == explained(app, about).next_try
        app.ledger.tasks.pause(TaskFilter(ids=[task.id]))
        assert explained(app, about).next_try is None

        waits = Partition(MINUTES.table, "MSFT", Interval(END, END))
        app.ledger.coverage.record(
            [Coverage(waits, LAKE, Source.REST, Verdict.PENDING_UPSTREAM, Evidence(), clock.now())]
        )
        why = explained(app, scope(MINUTES, END, symbol="MSFT"))
        assert (Standing.PENDING_UPSTREAM, published_by(END)) == (why.cell.standing, why.next_try)
        clock.advance(86_400)
        assert explained(app, scope(MINUTES, END, symbol="MSFT")).next_try is None


def _fetch(symbol):
    key, dates = f"rest/stocks/bars_1m/{symbol}", Interval(date(2026, 3, 3), date(2026, 3, 3))
    partition = Partition(MINUTES.table, symbol, dates)
    return TaskDraft(TaskKind.FETCH, key, "rest/bars/1m", partition, LAKE, Source.REST)


ANSWERS = {
    "/grid/stocks/quotes": 404,
    "/grid/stocks/bars_1m/1999-01": 404,
    "/grid/stocks/bars_1m/2026-03?symbol=NONE": 404,
    "/why?table=stocks/quotes&start=2026-03-02&end=2026-03-02": 404,
    "/why?table=stocks/bars_1m&start=2026-03-03&end=2026-03-02": 400,
    "/why?table=stocks/bars_1m&start=2024-03-03&end=2026-03-02": 400,
    "/grid/stocks/bars_1m?year=1999": 200,
    "/grid/stocks/bars_1m?q=ZZZ": 200,
    "/grid/stocks/bars_1m?page=9": 200,
    "/why?table=stocks/bars_1m&start=2019-03-02&end=2019-03-02": 200,
    "/why?table=stocks/bars_1m&symbol=AAPL&start=2026-03-02&end=2026-03-02": 200,
}


def test_what_is_not_there_is_told(kept):
    """Pages beyond the grid are answered with a sentence, not with an error of ours."""
    html = {"Accept": "text/html"}

    assert ANSWERS == {path: kept.get(path, headers=html).status_code for path in ANSWERS}


def test_an_action_needs_the_mark_of_its_page(kept):
    """A form of another site cannot have anything mended."""
    form = {"table": "stocks/bars_1m", "start": "2026-03-02", "end": "2026-03-02"}

    assert 403 == kept.post("/repair", data=form).status_code


@pytest.fixture
def kept(serve, filled_home):
    """A service over bars of the whole market."""
    with serve(FOREBAY_HOME=str(filled_home)) as client:
        yield client
