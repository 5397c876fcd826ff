"""A universe's bars by Celery workers: whatever is killed, emptied or started again, every bar comes, and once."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import redis
from fleets import Fleet, kill
from homes import SAID_BY_BOTH, Home, held, truth
from redis_server import redis_server

from forebay import Sandbox
from forebay.model.task import TaskState

START, END = date(2026, 3, 2), date(2026, 3, 20)
TABLES = ("stocks/bars_1d", "stocks/bars_1m")
BARS = f"/v2/aggs/ticker/AAPL/range/1/minute/{START}/{END}"
STALL = {"kind": "read_stall", "path": BARS, "seconds": 4.0}


@pytest.fixture(scope="module")
def vendor():
    with Sandbox(start=START, end=END, tickers=60) as running:
        yield running


@pytest.fixture
def server():
    with redis_server() as running:
        yield running


@pytest.fixture
def fleet(tmp_path, vendor, server):
    with Fleet(Home(tmp_path, vendor), server) as fleet:
        yield fleet


@pytest.mark.timeout(240)
def test_a_universe_arrives_whole_over_six_workers_in_trouble(fleet, vendor):
    """Discovered, queued, watched in Flower; two workers killed, Redis emptied, then stopped and started again."""
    flower = start_workers(fleet)
    tickers = enqueue(fleet)
    fleet.wait(lambda: fleet.completed() >= 5, 30)
    running = fleet.services.running()
    for name in ("download1", "download2"):
        kill(running[name])
    redis.Redis.from_url(fleet.redis.url).flushall()
    fleet.wait(lambda: fleet.completed() >= 20, 30)
    seen = flower("/api/tasks?limit=1000")
    fleet.redis.stop()
    fleet.wait(lambda: "Connection to broker lost" in fleet.logs(), 30)
    assert not fleet.all_completed()
    fleet.redis.start()
    fleet.wait(fleet.all_completed, 60)

    for table in TABLES:
        arrived = held(fleet.home, table).filter(pl.col("ticker").is_in(tickers)).select(SAID_BY_BOTH)
        assert truth(vendor, table, START, END, tickers).select(SAID_BY_BOTH).equals(arrived), table
    assert "forebay.fetch" in {task["name"] for task in seen.values()}
    assert {"discovery", "download3", "download4", "download5", "flower"} == set(fleet.services.running())
    assert "flower: stopped" in fleet.run("workers", "down")
    assert {} == fleet.services.running()
    asked = Counter(one.path for one in vendor.requests if one.kind == "data")
    assert sum(asked.values()) <= len(asked) + 2  # what the two who were killed had begun
    assert [] == fleet.home.litter()


@pytest.mark.timeout(120)
def test_workers_start_as_the_settings_say_and_show_what_calls_are_left(fleet):
    """WORKERS=1 without a flag is one worker for all queues; the status tells how the rate budget stands."""
    fleet.settings |= {"WORKERS": "1", "POLYGON_RATE_LIMIT": "5"}
    fleet.run("workers", "up")
    assert {"worker"} == set(fleet.services.running())
    said = fleet.run("workers", "status")
    assert "rate budget: 5 calls a minute, counted in 127.0.0.1:" in said
    assert ": 0 in the last minute, 0 wait" in said


def start_workers(fleet: Fleet):
    """Six workers and Flower; how to ask it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    fleet.settings["FLOWER_UNAUTHENTICATED_API"] = "true"
    fleet.run("workers", "up", "--workers", "6")
    fleet.run("workers", "flower", "--port", str(port))

    def ask(path: str):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return json.loads(answer.read())

    return ask


def enqueue(fleet: Fleet) -> list[str]:
    """All five timeframes of all US equities, as a newcomer types it; their tickers."""
    fleet.run("discover", "us_equities", "--async")
    files = fleet.home.folder / "universe"
    fleet.wait(lambda: list(files.glob("us_equities_*.json")), 30)
    (universe,) = files.glob("us_equities_*.json")
    dates = ("--start", str(START), "--end", str(END), "--source", "rest")
    said = fleet.run("enqueue", str(universe), "--timeframes", "1m,5m,15m,1h,1d", *dates, "--async")
    assert "tasks queued" in said
    return [row["ticker"] for row in json.loads(universe.read_text())["tickers"]]


@pytest.mark.timeout(240)
def test_a_message_that_comes_again_runs_no_task_twice(tmp_path, server):
    """The vendor takes four seconds, the message comes again every second to a second worker: one vendor call."""
    with Sandbox(start=START, end=END, tickers=4, faults=[STALL]) as vendor:
        fleet = Fleet(Home(tmp_path, vendor), server)
        (tmp_path / "one.json").write_text(json.dumps(["AAPL"]))
        dates = ("--start", str(START), "--end", str(END), "--source", "rest")
        fleet.run("enqueue", "one.json", "--timeframes", "1m", *dates, "--async")
        workers = [short_worker(fleet, name) for name in ("one", "two")]
        try:
            fleet.wait(lambda: "SUCCESS" in [one["status"] for one in results(server)], 40)
        finally:
            for worker in workers:
                kill(worker.pid)
        said = "".join(worker.communicate(timeout=30)[0] for worker in workers)

    received = [line for line in said.splitlines() if "forebay.fetch[1-" in line and "received" in line]
    assert len(received) > 1, said
    assert 1 == len([one for one in vendor.requests if one.path == BARS])
    (kept,) = results(server)
    assert TaskState.COMPLETED == kept["result"]["state"]
    assert held(fleet.home, "stocks/bars_1m").height == kept["result"]["rows"] > 0


def results(server):
    """What the result backend says of messages about row 1."""
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        return [json.loads(client.get(key)) for key in client.keys("celery-task-meta-1-*")]


def short_worker(fleet: Fleet, name: str):
    command = [sys.executable, "-m", "celery", "-A", "celery_short", "worker", "-c", "1", "-n", f"{name}@%h"]
    env = {**fleet.home.env, "REDIS_URL": fleet.redis.url, "POLYGON_RATE_LIMIT": "0"}
    path = f"{Path(__file__).parent}:{env.get('PYTHONPATH', '')}"
    return subprocess.Popen(
        command,
        cwd=fleet.home.folder,
        env={**env, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
