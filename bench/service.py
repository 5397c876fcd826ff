"""The service under 200 clients while a backfill runs, beside a bare FastAPI endpoint that returns the same bytes."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from multiprocessing.connection import Connection

import httpx2
from bench.service_client import Load, load
from fastapi import FastAPI, Response

from forebay import Sandbox
from forebay.service.factory import create_app
from forebay.service.server import listening
from forebay.service.server import run as serve
from forebay.settings import load as load_settings

CLIENTS, REQUESTS = 200, 10
START, END = date(2026, 2, 19), date(2026, 3, 11)
BARS = "/api/v1/bars/AAPL?timeframe=5m&start=2026-03-02&end=2026-03-06"
LIST = "/api/v1/symbols?limit=100"
PATHS = {"bars": BARS, "bars, each client its own page": BARS + "&limit=1{client:03}", "list": LIST}
TICKERS = 40
_LOOK_AGAIN = 0.1


def run() -> dict[str, object]:
    """Answers a second and the slowest hundredth, of the service and of the bare endpoint; errors of either."""
    with (
        tempfile.TemporaryDirectory() as home,
        _process(_sandbox) as (_, env),
        _process(_service, {**env, "FOREBAY_HOME": home}) as (port, _),
    ):
        url = f"http://127.0.0.1:{port}"
        _fill(url)
        alone = {name: _measured(port, path) for name, path in PATHS.items()}
        follow = httpx2.post(f"{url}/api/v1/registry/execute", timeout=60).raise_for_status().headers["location"]
        busy = {name: load(port, path, clients=CLIENTS, requests=REQUESTS) for name, path in PATHS.items()}
        shown: dict[str, object] = {"clients": CLIENTS, "requests": CLIENTS * REQUESTS}
        shown["the backfill at the end"] = httpx2.get(url + follow, timeout=60).json()["state"]
        return shown | {name: {**alone[name], "service in a backfill": _line(busy[name])} for name in PATHS}


def _measured(port: int, path: str) -> dict[str, object]:
    body = httpx2.get(f"http://127.0.0.1:{port}{path.format(client=0)}", timeout=60).content
    with _process(_bare, body) as (bare_port, _):
        bare = load(bare_port, "/", clients=CLIENTS, requests=REQUESTS)
    load(port, path, clients=CLIENTS, requests=1)  # from now on it is kept
    seen = load(port, path, clients=CLIENTS, requests=REQUESTS)
    return {
        "bytes": len(body),
        "bare": _line(bare),
        "service": _line(seen),
        "of the bare endpoint's rate": round(seen.per_second / bare.per_second, 2),
    }


def _line(seen: Load) -> str:
    return f"{seen.per_second:,.0f}/s, p99 {seen.p99:,.0f} ms, {seen.errors} errors"


def _fill(url: str) -> None:
    """Some bars of one symbol at once; those of the others are left to a backfill under way."""
    kept = {"metadata": {"start": "2026-03-02", "timeframes": ["1m"]}}
    httpx2.post(f"{url}/api/v1/symbols", json={"symbol": "AAPL", **kept}, timeout=60).raise_for_status()
    follow = httpx2.post(f"{url}/api/v1/registry/execute", timeout=60).headers["location"]
    while httpx2.get(url + follow, timeout=60).json()["state"] in ("waiting", "running"):
        time.sleep(_LOOK_AGAIN)
    others = Sandbox(start=START, end=END, tickers=TICKERS).market.bars("stocks", "bars_1d", END, END)["ticker"]
    added = [{"symbol": each, "metadata": {"start": "2026-02-19"}} for each in others if each != "AAPL"]
    httpx2.post(f"{url}/api/v1/symbols/bulk", json={"symbols": added}, timeout=60).raise_for_status()


@contextmanager
def _process(target: Callable[..., None], *args: object) -> Iterator[tuple[int, dict[str, str]]]:
    """A server in a process of its own: its port, and the settings that point at it."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    running = context.Process(target=target, args=(there, *args), daemon=True)
    running.start()
    try:
        yield here.recv()
    finally:
        running.terminate()
        running.join(30)


def _sandbox(told: Connection) -> None:
    with Sandbox(start=START, end=END, tickers=TICKERS) as vendor:
        told.send((vendor.port, vendor.env))
        vendor.wait(3600)


def _service(told: Connection, env: dict[str, str]) -> None:
    _serve(told, create_app(load_settings(environ=env)))


def _bare(told: Connection, body: bytes) -> None:
    app = FastAPI()

    @app.get("/")
    def same() -> Response:
        return Response(body, media_type="application/json")

    _serve(told, app)


def _serve(told: Connection, app: FastAPI) -> None:
    with listening("127.0.0.1", 0) as found:
        found.listen(1000)
        told.send((found.getsockname()[1], {}))
        serve(app, found)
