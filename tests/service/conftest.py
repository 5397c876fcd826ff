"""A service over a folder of its own, asked in this process."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from starlette.testclient import TestClient

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
