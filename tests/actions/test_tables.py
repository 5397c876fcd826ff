from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from s3_server import a_bucket

from forebay.errors import CheckFailed
from forebay.lake.actions.merge import check_losses, merge
from forebay.lake.actions.shape import SPLITS
from forebay.lake.actions.tables import read, update
from forebay.lake.home.address import home_at
from forebay.lake.home.home import Home
from forebay.testing import FakeClock

DAY = date(2025, 1, 2)


def listed(*rows: tuple[str, date, float]) -> pl.DataFrame:
    """Splits 1:n as the vendor lists them: id, day, n."""
    told = [
        {"id": name, "ticker": "T", "execution_date": day, "split_from": 1.0, "split_to": new}
        for name, day, new in rows
    ]
    return pl.DataFrame(told, schema=SPLITS.vendor)


class Place:
    """A lake's home, and a clock that moves a day with each refresh."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.clock = FakeClock()

    def refresh(self, fresh: pl.DataFrame, since: date = date.min) -> bool:
        self.clock.advance(86_400)
        asked = pl.col("execution_date") >= since
        return update(self.home, SPLITS, lambda held: merge(held, fresh, asked, SPLITS, self.clock.now()), self.clock)

    def now(self) -> list[tuple]:
        return self.rows("id", "execution_date", "split_to")

    def rows(self, *columns: str, **asked) -> list[tuple]:
        found = read(self.home, SPLITS, **asked)
        assert found is not None
        return found.select(columns).rows()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(home_at(tmp_path))


@pytest.fixture(params=["folder", "bucket"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Tables in a folder, and tables in a real S3 bucket."""
    if request.param == "folder":
        yield Place(home_at(tmp_path))
        return
    with a_bucket() as bucket:
        keys = {"aws_access_key_id": bucket.key_id, "aws_secret_access_key": bucket.secret}
        options = {**keys, "aws_endpoint_url": bucket.endpoint, "aws_region": "us-east-1"}
        yield Place(home_at(f"s3://{bucket.name}/lake", storage_options=options))


def test_a_refresh_that_changes_nothing_is_no_commit(place: Place) -> None:
    """The same list twice is one version; what is new is another."""
    assert place.refresh(listed(("a", DAY, 2.0)))
    assert not place.refresh(listed(("a", DAY, 2.0)))
    assert place.refresh(listed(("a", DAY, 2.0), ("b", DAY, 3.0)))
    assert 2 == len(list(Path(place.home.table(SPLITS.table).uri, "_delta_log").glob("*[12].json")))


def test_what_the_vendor_withdrew_is_marked(place: Place) -> None:
    """A row that is listed no more stays with the time; one outside of what was asked for is not touched."""
    place.refresh(listed(("a", DAY, 2.0), ("b", DAY - timedelta(400), 3.0)))
    place.refresh(listed(), since=DAY)
    seen = place.clock.now()
    assert [("b", None), ("a", seen)] == place.rows("id", "withdrawn_at")
    place.refresh(listed(("a", DAY, 2.0)), since=DAY)
    assert [("b", None, None), ("a", None, place.clock.now())] == place.rows("id", "withdrawn_at", "changed_at")


def test_what_was_known_then_can_be_read(anywhere: Place) -> None:
    """A table as of a moment is what had been seen by it; before the first refresh there was none."""
    begun = anywhere.clock.now()
    anywhere.refresh(listed(("a", DAY, 2.0)))
    first = anywhere.clock.now()
    anywhere.refresh(listed(("a", DAY, 4.0)))
    assert read(anywhere.home, SPLITS, begun) is None
    assert [("a", 2.0)] == anywhere.rows("id", "split_to", known_at=first + timedelta(hours=1))
    assert [("a", 4.0)] == anywhere.rows("id", "split_to", known_at=anywhere.clock.now())


def test_a_row_that_moves_to_another_year_is_there_once(place: Place) -> None:
    """The vendor corrected a date over New Year."""
    place.refresh(listed(("a", DAY, 2.0)))
    place.refresh(listed(("a", DAY - timedelta(5), 2.0)))
    assert [("a", DAY - timedelta(5), 2.0)] == place.now()


def test_a_rewritten_factor_is_no_news(place: Place) -> None:
    """The vendor rewrites factors at each later split: stored, and not called a change of the row."""
    place.refresh(listed(("a", DAY, 2.0)).with_columns(historical_adjustment_factor=0.5))
    place.refresh(listed(("a", DAY, 2.0)).with_columns(historical_adjustment_factor=0.25))
    assert [(0.25, None)] == place.rows("historical_adjustment_factor", "changed_at")


def test_an_answer_without_a_field_keeps_what_was_known(place: Place) -> None:
    """The older address says less: what the newer one said stays."""
    place.refresh(listed(("a", DAY, 2.0)).with_columns(adjustment_type=pl.lit("forward_split")))
    assert not place.refresh(listed(("a", DAY, 2.0)))
    assert [("forward_split",)] == place.rows("adjustment_type")


def test_a_list_that_lost_most_of_its_rows_is_refused(place: Place) -> None:
    """The vendor's fault, rather than its news; the error says how to insist."""
    many = listed(*((f"r{number}", DAY, 2.0) for number in range(40)))
    held = merge(SPLITS.columns.to_frame(), many, pl.lit(value=True), SPLITS, place.clock.now())
    merged = merge(held, many.head(10), pl.lit(value=True), SPLITS, place.clock.now())
    with pytest.raises(CheckFailed, match="lists 10 rows of stocks/splits where it listed 40") as caught:
        check_losses(held, merged, SPLITS)
    assert "--full" in caught.value.remedy
