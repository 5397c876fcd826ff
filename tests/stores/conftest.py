"""Stores of both kinds, empty, and the clock they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from s3_server import ABucket, a_bucket

from chaos_proxy import ChaosProxy, chaos
from forebay.stores.bucket import Bucket, Keys
from forebay.stores.client import Timeouts
from forebay.stores.folder import FolderStore
from forebay.stores.s3 import S3Store
from forebay.stores.store import Store
from forebay.testing import FakeClock

QUICK = Timeouts(connect=2, read=1, write=1, whole=20, retries=2, pause=0.01)
"""A test that needs a deadline to pass waits a second."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def bucket() -> Iterator[ABucket]:
    """An empty bucket on a real S3 server."""
    with a_bucket() as made:
        yield made


@pytest.fixture
def proxy(bucket: ABucket) -> Iterator[ChaosProxy]:
    """What stands between the store and its server."""
    with chaos(bucket.endpoint) as running:
        yield running


@pytest.fixture
def opened(clock: FakeClock) -> Callable[..., S3Store]:
    """Opens a bucket, through the proxy at `url`."""

    def open_store(bucket: ABucket, url: str, prefix: str = "vendor/files", **options: object) -> S3Store:
        keys = Keys(bucket.key_id, bucket.secret)
        place = Bucket(bucket.name, prefix, url, "us-east-1", lambda: keys)
        return S3Store(place, clock, **{"timeouts": QUICK, **options})

    return open_store


@pytest.fixture
def s3(bucket: ABucket, proxy: ChaosProxy, opened: Callable[..., S3Store]) -> S3Store:
    """The bucket as a store."""
    return opened(bucket, proxy.url)


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """An empty store of either kind."""
    if request.param == "folder":
        return FolderStore(tmp_path_factory.mktemp("stores") / "archive")
    return request.getfixturevalue("s3")
