"""Figures by which somebody is woken: streams that nobody hears, and tables that fall behind."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from forebay.app import open_app
from forebay.ledger.streams import Streams
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval
from forebay.model.live import Cluster, StreamHealth, StreamState
from forebay.model.partition import Partition, Source
from forebay.model.registry import IngestionStrategy, SymbolRegistry
from forebay.service.held_figures import held_figures
from forebay.service.live_figures import live_figures
from forebay.settings import load
from forebay.testing import FakeClock

FRIDAY = datetime(2026, 3, 20, 16, tzinfo=UTC)
"""Noon in New York: Thursday's files are there."""
WEDNESDAY, THURSDAY = date(2026, 3, 18), date(2026, 3, 19)


@pytest.fixture
def clock():
    return FakeClock(FRIDAY)


@pytest.fixture
def app(tmp_path, clock):
    with open_app(load(environ={"FOREBAY_HOME": str(tmp_path)}), clock) as made:
        yield made


def told(families):
    """Name and label values to value."""
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_a_stream_is_wanted_while_its_process_is_dead_or_the_registry_asks(app, clock):
    """One that a person ended is not; one whose process fell silent is, and is down."""
    streams = Streams(app.ledger.database, clock)
    for cluster in (Cluster.STOCKS, Cluster.CRYPTO):
        streams.take(cluster, "listener")
        streams.note(StreamHealth(cluster, "listener", StreamState.STREAMING))
    streams.leave(StreamHealth(Cluster.CRYPTO, "listener", StreamState.STREAMING))
    app.registry.add(SymbolRegistry("C:EURUSD", IngestionStrategy.STREAM))
    alive = told(live_figures(app))
    clock.advance(60)
    dead = told(live_figures(app))

    assert [("forex",)] == [name[1:] for name in alive if name[0] == "forebay_stream_wanted"]
    assert [("forex",), ("stocks",)] == [name[1:] for name in dead if name[0] == "forebay_stream_wanted"]
    assert (1, 0) == (alive["forebay_stream_up", "stocks"], dead["forebay_stream_up", "stocks"])


def test_a_table_that_the_registry_keeps_falls_behind(app, clock):
    """What a symbol of the registry wants is held up to Wednesday, and Thursday is published: a session behind."""
    app.registry.add(SymbolRegistry("AAPL", IngestionStrategy.FLATPACK))
    where = Partition("stocks/bars_1m", "AAPL", Interval(date(2026, 3, 2), WEDNESDAY))
    app.ledger.coverage.record([Coverage(where, LAKE, Source.REST, Verdict.COMPLETE, Evidence(rows=9), clock.now())])

    found = told(held_figures(app))

    table = ("stocks/bars_1m", LAKE)
    assert 1 == found["forebay_sessions_behind", *table]
    assert 86_400 == found["forebay_freshness_seconds", *table]
    published = datetime.combine(THURSDAY, datetime.min.time(), UTC).timestamp()
    assert published == found["forebay_published_until_timestamp_seconds", *table]
