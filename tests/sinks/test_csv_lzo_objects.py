"""What is in an object of the csv.lzo archive."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
from s3_server import a_bucket

from forebay.lzop.reading import decompress
from forebay.model.instrument import AssetClass
from forebay.settings import AwsSettings
from forebay.sinks.csv_lzo.objects import Objects
from forebay.sinks.csv_lzo.packing import packed
from forebay.sinks.csv_lzo.series import Series
from forebay.sinks.csv_lzo.windows import Slice
from forebay.stores.address import bar_archive_store
from forebay.stores.folder import FolderStore
from forebay.stores.tagging import Tagging
from forebay.testing import FakeClock

START = datetime(2025, 12, 30, 5, tzinfo=UTC)
BARS = pl.DataFrame({"timestamp": [START], "open": [1.5]})
NONE = BARS.clear()


def test_one_head_whichever_tables_are_empty(tmp_path: Path) -> None:
    """A ticker that did not trade in the first years has one line of names all the same."""
    with packed(Slice(START, START.date(), [NONE, BARS, NONE, BARS]), "a.csv", tmp_path) as made:
        text = b"".join(decompress(made.chunks()))

    assert b"timestamp,open\n" + 2 * b"2025-12-30T05:00:00Z,1.5\n" == text
    assert 2 == made.rows


def test_no_bar_no_object(tmp_path: Path) -> None:
    """What has no bar is not stored."""
    store = FolderStore(tmp_path / "store")
    objects = Objects(store, lambda: Tagging(sent=False), tmp_path)
    series = Series("QUIE", AssetClass.STOCKS, "1m")

    assert [] == objects.send(series, [Slice(START, date(2025, 12, 30), [NONE, NONE])])
    assert [] == list(store.list())


def test_an_object_says_what_the_ledger_says_of_it(tmp_path: Path) -> None:
    """The same bytes with other labels, as when the exchange was not known then, are stored once more; else never."""
    part, unknown = Slice(START, date(2025, 12, 30), [BARS]), Series("AAPL", AssetClass.STOCKS, "1m")
    known = replace(unknown, exchange="ARCX", currency="usd")
    with a_bucket(versioned=True) as bucket:
        aws = AwsSettings(endpoint_url=bucket.endpoint, access_key_id=bucket.key_id, secret_access_key=bucket.secret)
        store = bar_archive_store(f"s3://{bucket.name}", aws, FakeClock())
        objects = Objects(store, lambda: Tagging(sent=True), tmp_path)
        sent = [objects.send(series, [part]) for series in (unknown, unknown, known, known)]
        found = bucket.client.get_object_tagging(Bucket=bucket.name, Key=sent[0][0].key)["TagSet"]

        assert known.tags(part.day) == {tag["Key"]: tag["Value"] for tag in found}
        assert sent[:1] * 4 == sent
        assert 2 == bucket.versions(sent[0][0].key)
