"""What is in an object of the csv.lzo archive."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from forebay.lzop.reading import decompress
from forebay.model.instrument import AssetClass
from forebay.sinks.csv_lzo.objects import Objects
from forebay.sinks.csv_lzo.packing import packed
from forebay.sinks.csv_lzo.series import Series
from forebay.sinks.csv_lzo.windows import Slice
from forebay.stores.folder import FolderStore
from forebay.stores.tagging import Tagging

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
