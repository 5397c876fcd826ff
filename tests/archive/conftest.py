"""What the archive's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from s3_server import ABucket, a_bucket
from sites import MIB, Site, csv_gz


@pytest.fixture
def bucket() -> Iterator[ABucket]:
    """An empty bucket on a real S3 server."""
    with a_bucket() as made:
        yield made


@pytest.fixture(params=["folder", "bucket"])
def site(request: pytest.FixtureRequest, tmp_path) -> Iterator[Site]:
    """A running vendor with one small file, and an empty archive of either kind."""
    made = Site(tmp_path)
    if request.param == "bucket":
        bucket = request.getfixturevalue("bucket")
        made = Site(tmp_path, bucket=(bucket.name, bucket.endpoint), part_bytes=MIB)
    made.publish(csv_gz(100_000))
    with made.open() as (running, _):
        yield running
