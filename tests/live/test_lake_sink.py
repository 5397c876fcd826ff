"""Minute bars on their way into the lake."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from forebay import Lake
from forebay.errors import SinkUnavailable, StoreError
from forebay.lake.home.staging import Staging
from forebay.lake.intake.quarantine import Quarantine
from forebay.lake.writing.table import LakeTables
from forebay.model.instrument import AssetClass
from forebay.model.live import Cluster
from forebay.model.message import BarMessage, ValueMessage
from forebay.model.partition import Source
from forebay.model.registry import Phase
from forebay.orchestration.live.bad_events import BadEvents
from forebay.orchestration.live.lake_sink import LakeSink
from forebay.testing import FakeClock
from forebay.vendor.stream.decode import BadEvent

AT = datetime(2026, 3, 3, 0, 30, tzinfo=UTC)
"""In the evening of 2 March in New York."""


def bar(symbol: str, *, price: float = 10.0, timeframe: str = "1m", low: float | None = None) -> BarMessage:
    asset_class = AssetClass.OPTIONS if symbol.startswith("O:") else AssetClass.STOCKS
    at = int(AT.timestamp() * 1000)
    prices = (price, price, price if low is None else low, price)
    return BarMessage(symbol, asset_class, timeframe, at, *prices, 5, 10.5, None, Source.STREAM, Phase.STREAM)


@pytest.fixture
def tables(tmp_path: Path) -> LakeTables:
    return LakeTables(tmp_path / "lake", Staging(tmp_path / "tmp", "worker"))


@pytest.fixture
def sink(tables: LakeTables, tmp_path: Path) -> LakeSink:
    return LakeSink(tables, Quarantine(tmp_path / "quarantine"), FakeClock())


def test_minute_bars_are_in_the_lake_after_a_flush(sink: LakeSink, tables: LakeTables) -> None:
    """With the session date of their exchange; seconds and values pass by; options get their columns."""
    sink.send([bar("AAPL"), bar("AAPL", timeframe="1s"), ValueMessage("I:SPX", AssetClass.INDICES, 1, 1.0)])
    sink.send([bar("O:SPY260320C00650000"), bar("AAPL", price=11)])
    sink.flush(1)

    lake = Lake(tables.home, warns=False)
    assert ["stocks/bars_1m", "options/bars_1m"] == lake.tables()
    (held,) = lake.bars("AAPL").collect().to_dicts()
    assert (date(2026, 3, 2), AT, 11.0, 5.0, 10.5, None, "stream") == tuple(
        held[name] for name in ("session_date", "window_start", "close", "volume", "vwap", "transactions", "source")
    )
    assert ["SPY"] == lake.bars("O:SPY260320C00650000").collect()["underlying"].to_list()


def test_a_bad_bar_goes_to_quarantine_alone(sink: LakeSink, tables: LakeTables, tmp_path: Path) -> None:
    """The others of its batch are held; it is kept with its reason."""
    sink.send([bar("AAPL"), bar("MSFT", low=-1.0)])
    sink.flush(1)

    assert ["AAPL"] == Lake(tables.home).tickers("stocks/bars_1m")
    (note,) = Quarantine(tmp_path / "quarantine").list()
    assert ("stocks/bars_1m", date(2026, 3, 2), 1, 1) == (note.table, note.day, note.rows, sink.refused)
    assert "price" in note.reason


def test_bars_wait_for_a_lake_that_cannot_be_written(tmp_path: Path) -> None:
    """It is a sink that is away: nothing is lost, the next flush commits what was held, and a bad bar is kept once."""
    place = tmp_path / "lake"
    place.write_text("no folder")
    tables = LakeTables(place, Staging(tmp_path / "tmp", "worker"))
    clock, quarantine = FakeClock(), Quarantine(tmp_path / "quarantine")
    sink = LakeSink(tables, quarantine, clock)
    sink.send([bar("AAPL"), bar("MSFT", low=-1.0)])
    for _ in range(2):
        with pytest.raises(SinkUnavailable, match="the lake: "):
            sink.flush(1)
        clock.advance(1)

    place.unlink()
    sink.flush(1)

    assert (1, 1) == (len(quarantine.list()), sink.refused)
    assert ["AAPL"] == Lake(place).tickers("stocks/bars_1m")


def test_a_bad_bar_waits_for_a_quarantine_that_cannot_be_written(tables: LakeTables, tmp_path: Path) -> None:
    """The sink is away until then, and does not give up."""
    place = tmp_path / "quarantine"
    place.write_text("no folder")
    sink = LakeSink(tables, Quarantine(place), FakeClock())
    sink.send([bar("MSFT", low=-1.0)])
    with pytest.raises(SinkUnavailable, match="quarantine"):
        sink.flush(1)

    place.unlink()
    sink.flush(1)
    assert (1, 1) == (len(Quarantine(place).list()), sink.refused)


def test_events_that_cannot_be_kept_yet_are_held(tmp_path: Path) -> None:
    """What a full disk did not take is written once there is room, and once only."""
    place = tmp_path / "quarantine"
    place.write_text("no folder")
    bad = BadEvents(Cluster.STOCKS, Quarantine(place), FakeClock())
    bad.add([BadEvent("{}", "no bar")])
    with pytest.raises(StoreError, match="quarantine"):
        bad.write()

    place.unlink()
    bad.write()
    bad.write()
    assert [1] == [note.rows for note in Quarantine(place).list()]
