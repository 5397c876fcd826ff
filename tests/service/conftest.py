"""A service over a folder of its own, asked in this process."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date

import pytest
from starlette.testclient import TestClient

from forebay import Sandbox
from forebay.app import App, new_worker_id
from forebay.clock import SystemClock
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.feed import Feed
from forebay.orchestration.sync import carry_out
from forebay.service.factory import create_app
from forebay.settings import load

HERE = "http://127.0.0.1:8000"


@pytest.fixture
def serve(tmp_path):
    """A client of this machine, of a service without a token unless settings say so. For `with`."""

    @contextmanager
    def serving(*, base_url=HERE, peer="127.0.0.1", **settings):
        app = create_app(load(tmp_path / ".env", environ={"FOREBAY_HOME": str(tmp_path / "data"), **settings}))
        with TestClient(app, base_url, raise_server_exceptions=False, client=(peer, 40000)) as client:
            yield client

    (tmp_path / ".env").touch()
    return serving


@pytest.fixture
def client(serve):
    with serve() as client:
        yield client


@pytest.fixture(scope="session")
def filled_home(tmp_path_factory):
    """A ledger and a lake with a few sessions of minute and day bars."""
    home = tmp_path_factory.mktemp("served")
    with Sandbox(start=date(2026, 2, 19), end=date(2026, 3, 11), tickers=8) as vendor:
        app = App(load(environ={**vendor.env, "FOREBAY_HOME": str(home)}), SystemClock(), new_worker_id())
        datasets = tuple(BAR_DATASETS[f"stocks/{kind}"] for kind in ("bars_1d", "bars_1m"))
        days = {"start": date(2026, 2, 19), "end": date(2026, 3, 6)}
        plan = app.outlook().look_ahead([Feed(name="some", datasets=datasets, **days)]).plan
        carry_out(plan, app.ledger, app.worker())
        app.close()
    return home
