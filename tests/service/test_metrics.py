"""What `/metrics` tells of what is kept, and what it does when a part of it is away or slow."""

from __future__ import annotations

import shutil
import time
from threading import Event

import pytest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from forebay.errors import LakeError
from forebay.service.sparing import Part

PATIENCE = 60.0
PARTS = ("ledger", "work", "held", "calls", "lake", "home")


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Name and label values (by label name) to value."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def scrape(serve, filled_home, tmp_path):
    """The figures of a copy of the filled home; settings as of `serve`."""
    shutil.copytree(filled_home, tmp_path / "data")

    def scraping(*away, **settings):
        end = time.monotonic() + PATIENCE
        with serve(**settings) as client:
            while time.monotonic() < end:  # the first one may not wait until libraries are loaded
                found = samples(client.get("/metrics").raise_for_status().text)
                if {part for part in PARTS if not found["forebay_figures_up", part]} == {*away}:
                    return found
        raise AssertionError(found)

    return scraping


def test_every_part_has_figures(scrape, filled_home):
    """Tasks, what they brought, the lake's files and bytes as they are on the disk, the budget, the disk."""
    found = scrape()
    for table in ("bars_1d", "bars_1m"):
        files = list((filled_home / "lake" / "stocks" / table).rglob("*.parquet"))
        name = f"stocks/{table}"
        assert len(files) == found["forebay_lake_files", name]
        assert sum(file.stat().st_size for file in files) == found["forebay_lake_bytes", name]
        assert found["forebay_lake_rows", name] == found["forebay_rows_total", "*", name]
        assert 0 < found["forebay_bytes_total", "*", name]
    ended = found["forebay_tasks", "completed"]
    assert ended == found["forebay_tasks_ended_last_hour", "load", "completed"] > 0
    assert (5.0, 5.0, 0.0) == tuple(
        found[f"forebay_calls_{name}",] for name in ("limit", "effective", "paused_seconds")
    )
    assert 0 < found["forebay_disk_free_bytes", "home"] < found["forebay_disk_bytes", "home"]
    assert (0.0, 0.0) == (found["forebay_workers",], found["forebay_leases_expired",])


def test_one_part_that_is_away_hides_no_other(scrape, tmp_path):
    """A lake whose address is none: the scrape says so, and has all the rest."""
    found = scrape("lake", LAKE_URI="http://nowhere")
    assert ("forebay_lake_files", "stocks/bars_1d") not in found
    assert 0 < found["forebay_tasks", "completed"]


def test_a_database_that_is_away_does_not_break_the_scrape(scrape):
    """Nobody listens there: its figures are left out, the others are told."""
    found = scrape("ledger", "work", "held", "calls", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert 0 == found["forebay_ledger_up",]
    assert not any(name == "forebay_tasks" for name, *_ in found)


def _family(value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily("looked", "How often it was looked.", value=value)


def test_what_took_long_is_kept_for_a_while():
    """A second scrape does not look again, a part without a share always does."""
    for share, expected in ((1e9, 1), (0, 3)):
        looks = []
        part = Part("one", lambda looks=looks: [looks.append(1), _family(len(looks))][1:], share=share)
        for _ in range(3):
            part.begin()
            told = part.told(PATIENCE)
        assert (True, expected, expected) == (told.up, told.families[0].samples[0].value, len(looks))


def test_a_part_that_is_slow_keeps_nobody_waiting():
    """What was found before is told while a look is under way, and no second look is begun; then the new is told."""
    going, looks = Event(), []

    def look():
        looks.append(1)
        assert len(looks) == 1 or going.wait(PATIENCE)
        yield _family(len(looks))

    part = Part("one", look, share=0)
    part.begin()
    assert 1 == part.told(PATIENCE).families[0].samples[0].value
    for _ in range(2):
        part.begin()
        assert 1 == part.told(0).families[0].samples[0].value
    going.set()
    assert 2 == part.told(PATIENCE).families[0].samples[0].value == len(looks)


def test_a_part_that_fails_has_no_figures_until_it_is_back():
    """What was found before it went away is not told as if it were so."""
    faults = [None, LakeError("the lake is away"), None]

    def look():
        fault = faults.pop(0)
        if fault:
            raise fault
        yield _family(1)

    part, seen = Part("one", look, share=0), []
    while faults:
        part.begin()
        told = part.told(PATIENCE)
        seen.append((told.up, len(told.families)))
    assert [(True, 1), (False, 0), (True, 1)] == seen
