"""`run-once`, `enqueue`, `enqueue-batch` and `status --interval`, as typed."""

from __future__ import annotations

import json
import socket
from datetime import date, timedelta

import pytest
from homes import SAID_BY_BOTH, held, truth
from redis_server import redis_server

from forebay.cli.order import queue
from forebay.cli.wishes import Asked, feeds_asked
from forebay.model.task import TaskState
from forebay.orchestration.celery.broker import Broker

DATES = ("--start", "2026-03-02", "--end", "2026-03-04", "--source", "rest")
START, END = date(2026, 3, 2), date(2026, 3, 4)
NAMES = ["AAPL", "AMZN", "BRK.B", "GOOGL", "META", "MSFT", "NVDA"]


@pytest.fixture
def universe(home):
    """A universe file as people write them by hand."""
    (home.folder / "some.json").write_text(json.dumps(NAMES))
    return "some.json"


@pytest.fixture
def nobody():
    """The address of a Redis that is not there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{probe.getsockname()[1]}/0"


def test_run_once_fetches_and_status_tells_what_is_held(shell, home, vendor):
    """Day bars and, for 1h, minute bars: every one; `status --interval` counts what each timeframe comes to."""
    said = shell("run-once", "AAPL", "--timeframes", "1h,1d", *DATES)
    assert 0 == said.code, said.all
    day, hour = (json.loads(shell("status", "AAPL", "--interval", size, "--json").out) for size in ("1d", "1h"))
    assert "complete: nothing is missing" in said.out
    for table in ("stocks/bars_1d", "stocks/bars_1m"):
        assert len(truth(vendor, table, START, END, ["AAPL"])) == held(home, table).height
    assert (3, "2026-03-02", "2026-03-04") == (day["rows"], day["first"], day["last"])
    assert {"rest": [{"start": "2026-03-02", "end": "2026-03-04"}]} == day["sources"]
    assert [] == day["gaps"]
    assert ("stocks/bars_1m", home.lake.bars("AAPL", "1h").collect().height) == (hour["table"], hour["rows"])
    assert "AAPL 5m: " in shell("status", "AAPL", "--interval", "5m").out


def test_status_of_an_interval_lists_its_gaps(shell, universe):
    """What was queued and not fetched is a gap of that timeframe, and of no other."""
    shell("enqueue-batch", universe, "--timeframes", "1d", *DATES)
    said = shell("status", "AAPL", "--interval", "1d").out

    assert "AAPL 1d: 0 bars" in said
    assert "gap: 2026-03-02..2026-03-04 (3 sessions): not fetched yet" in said
    assert "gaps: none" in shell("status", "AAPL", "--interval", "1m").out


def test_a_ticker_that_does_not_exist_is_told_from_one_without_trades(shell):
    """Nothing came for it, and the vendor knows nobody of that name."""
    said = shell("run-once", "AAPL,NOSUCH", "--timeframes", "1d", *DATES)

    assert 3 == said.code
    assert "the vendor knows no ticker NOSUCH" in said.err
    assert "AAPL" not in said.err.partition("knows no ticker")[2]


@pytest.mark.parametrize(
    "command",
    [
        ("sync", "--datasets", "stocks/bars_1d", "--tickers", "FMCC,AAPL,KO"),
        ("run-once", "FMCC,AAPL,KO", "--timeframes", "1d"),
    ],
)
def test_an_otc_ticker_that_nobody_knew_is_asked_for_by_itself(shell, home, command):
    """One answer for the whole market seems to hold it, and does not."""
    said = shell(*command, *DATES[:2], "--end", "2026-03-03", *DATES[4:])
    assert 0 == said.code, said.all
    assert "FMCC is traded over the counter" in said.err
    assert 2 == home.lake.bars("FMCC", "1d").collect().height
    assert "nothing is missing: the plan is empty" in shell("plan").all


def test_an_otc_ticker_in_files_alone_stays_open(shell):
    """Whoever takes flat files only is told what they do not hold."""
    said = shell("sync", "--datasets", "stocks/bars_1d", "--tickers", "FMCC", *DATES[:4], "--source", "flatfiles")
    assert 3 == said.code, said.all
    assert "FMCC is traded over the counter" in said.err


def test_enqueue_without_async_fetches_files_and_globs_as_one_list(shell, home, universe, vendor):
    """Several files, a quoted glob among them, each ticker once."""
    (home.folder / "more.json").write_text(json.dumps(["MSFT", "TSLA"]))
    said = shell("enqueue", universe, "m*.json", "--timeframes", "1d", *DATES)

    assert 0 == said.code, said.all
    expected = truth(vendor, "stocks/bars_1d", START, END, [*NAMES, "TSLA"])
    assert expected["ticker"].to_list() == [t for t in held(home, "stocks/bars_1d")["ticker"] if t in (*NAMES, "TSLA")]


def test_batches_are_queued_by_number_and_workers_without_a_broker_run_them(shell, home, universe, vendor):
    """Two of four batches of two tickers, a minute apart; `forebay worker` drains what Celery would."""
    began = shell.clock.now()
    said = shell("enqueue-batch", universe, "--batch-size", "2", "--start-batch", "1", "--max-batches", "2",
                 "--delay", "60", "--timeframes", "1m", *DATES)  # fmt: skip
    waited = shell.clock.now() - began

    assert 0 == said.code, said.all
    assert ["batch 1: 2 tickers, BRK.B to GOOGL", "batch 2: 2 tickers, META to MSFT"] == [
        line.rpartition(":")[0] for line in said.err.splitlines() if line.startswith("batch ")
    ]
    assert timedelta(seconds=60) <= waited < timedelta(seconds=90)
    assert 0 == shell("worker", "--once").code
    assert NAMES[2:6] == held(home, "stocks/bars_1m")["ticker"].unique().sort().to_list()


def test_batches_are_planned_together(shell, home, universe):
    """Seven tickers by ones take no more tasks than at once: what one file holds of all is asked for once."""
    dates = ("--start", "2026-03-02", "--end", "2026-03-10")
    planned = json.loads(shell("plan", "--tickers", ",".join(NAMES), *dates, "--json").out)
    said = shell("enqueue-batch", universe, "--batch-size", "1", *dates, "--json")

    assert sum(line["tasks"] for line in planned["lines"]) == json.loads(said.out)["queued"]
    assert "batch 6: 1 tickers, NVDA to NVDA" in said.err


def test_day_bars_go_before_minute_bars(shell, home, universe):
    """Whatever their dates: the first that workers take is the last of the day bars' ranges."""
    shell("enqueue-batch", universe, "--timeframes", "1m,1d", *DATES)
    with home.app() as app:
        kinds = [task.draft.partition.table for task in app.ledger.tasks.due(limit=100)]

    assert ["stocks/bars_1d"] * 3 + ["stocks/bars_1m"] * len(NAMES) == kinds


def test_orders_that_overlap_ask_for_each_day_once(shell, home, universe, vendor):
    """The second asks only for the days that the first one's waiting tasks do not bring."""
    shell("enqueue-batch", universe, "--timeframes", "1m", *DATES)
    shell("enqueue-batch", universe, "--timeframes", "1m", "--start", "2026-03-03", "--end", "2026-03-06", *DATES[4:])
    asked = [task["partition"] for task in json.loads(shell("tasks", "list", "--json").out) if "AAPL" in task["key"]]
    shell("worker", "--once")

    assert ["2026-03-02..2026-03-04", "2026-03-05..2026-03-06"] == sorted(one.split()[-1] for one in asked)
    expected = truth(vendor, "stocks/bars_1m", START, date(2026, 3, 6), NAMES).select(SAID_BY_BOTH)
    assert expected.equals(held(home, "stocks/bars_1m").select(SAID_BY_BOTH))


def test_async_without_redis_queues_nothing(shell, universe, nobody):
    """Down: an error at once. Not set: the setting is named. Neither leaves a task or a feed behind."""
    shell.refuses("enqueue", universe, "--async", *DATES, code=1, says="Redis does not answer",
                  next_step="start it, or correct REDIS_URL", REDIS_URL=nobody)  # fmt: skip
    shell.refuses("enqueue-batch", universe, *DATES, code=1, says="Redis does not answer",
                  next_step="start it, or correct REDIS_URL", CELERY_BROKER_URL=nobody)  # fmt: skip
    shell.refuses("enqueue", universe, "--async", *DATES, says="no Redis: REDIS_URL", next_step="REDIS_URL=redis://")

    assert [] == json.loads(shell("tasks", "list", "--json").out)
    assert "nothing says what to hold" in shell("feeds", "list").err


def test_a_redis_that_goes_away_while_queueing_loses_nothing(home, capsys):
    """The ledger has the tasks; that workers will find them is said."""
    with redis_server() as server, home.app(REDIS_URL=server.url) as app:
        broker = Broker(server.url)
        broker.ping()
        asked = Asked(tickers=["AAPL"], start=START, end=END, source="rest")
        plan = app.outlook().look_ahead(feeds_asked(app, asked)).plan
        server.stop()
        queued = queue(app, plan, broker)
        waiting = app.ledger.tasks.counts()[TaskState.PENDING]

    assert queued == waiting > 0
    assert "the ledger has every task" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "says", "next_step"),
    [
        (("enqueue", "nowhere.json"), "there is no file nowhere.json", "discover"),
        (("enqueue", "no*.json"), "no file matches no*.json", "discover"),
        (("enqueue", "some.json", "--timeframes", "1w"), "unknown timeframe '1w'", "known are 1m, 5m, 15m, 1h, 1d"),
        (("run-once", "AAPL", "--start", "2026-03-04", "--end", "2026-03-02"), "2026-03-04", "2026-03-02"),
        (("run-once", ","), "no ticker is named", "forebay run-once AAPL"),
        (("enqueue-batch", "some.json", "--start-batch", "9"), "there is no batch 9", "up to 0"),
        (("status", "--interval", "1d"), "--interval is about one ticker", "status AAPL --interval 1d"),
        (("status", "AAPL", "--interval", "2d"), "unknown timeframe '2d'", "1d"),
    ],
)
def test_orders_that_cannot_be_meant_are_refused(shell, universe, args, says, next_step):
    """Nothing is asked of the vendor and nothing is queued."""
    shell.refuses(*args, says=says, next_step=next_step)

    assert [] == json.loads(shell("tasks", "list", "--json").out)


def test_all_tasks_are_cancelled_at_once(shell, universe):
    """`tasks cancel --all` empties the queue."""
    shell("enqueue-batch", universe, "--timeframes", "1m", *DATES)
    said = shell("tasks", "cancel", "--all")

    assert "7 tasks cancelled" in said.out
    assert "0 tasks cancelled" in shell("tasks", "cancel", "--all").out
