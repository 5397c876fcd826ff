"""What the tests of a lake in a bucket share: homes there with little patience, and basins over them."""

from __future__ import annotations

from pathlib import Path

from lakes import Basin

from forebay.clock import Clock, SystemClock
from forebay.lake.home.bucket import BucketHome, bucket_home
from forebay.lake.writing.table import LakeTables
from forebay.settings import AwsSettings
from forebay.stores.address import s3_bucket
from forebay.stores.client import Timeouts

KEY_ID, SECRET = "AKIDEXAMPLE", "a secret that is nowhere shown"
FAST = Timeouts(connect=2, read=5, write=5, whole=10, retries=1, pause=0.01)


def home_in(bucket: str, endpoint: str, clock: Clock | None = None) -> BucketHome:
    """The lake `s3://bucket/lake`."""
    settings = AwsSettings.model_validate(
        {"access_key_id": KEY_ID, "secret_access_key": SECRET, "endpoint_url": endpoint}
    )
    clock = clock or SystemClock()
    return bucket_home(s3_bucket(f"s3://{bucket}/lake", settings, clock, "LAKE_URI"), clock, timeouts=FAST)


def basin_in(folder: Path, home: BucketHome, worker: str = "worker") -> Basin:
    """A basin whose lake is in a bucket; `folder` has its staging."""
    basin = Basin(folder, worker)
    basin.tables = LakeTables(home, basin.staging)
    return basin
