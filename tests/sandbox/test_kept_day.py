"""Trades of a session that are made once and kept: nobody can tell by an answer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from polars.testing import assert_frame_equal

from forebay.model.instrument import AssetClass
from forebay.sandbox.cells import nanos
from forebay.sandbox.market import Market

DAY = date(2026, 3, 5)
MOMENT = datetime(2026, 3, 5, 15, 10, 7, tzinfo=UTC)
STOCKS = AssetClass.STOCKS


def test_what_is_kept_is_what_would_be_made() -> None:
    """The whole market, each of its tickers and some of them: minutes, days and seconds up to a moment."""
    made, kept = Market(1, 20, DAY, DAY), Market(1, 20, DAY, DAY)
    kept.keep(STOCKS, DAY, MOMENT + timedelta(minutes=5))
    cells = made.day_cells(STOCKS, DAY)
    high = nanos(MOMENT)
    low = high - 600_000_000_000

    for chosen in (cells, cells[3:7], *([one] for one in cells)):
        expected, found = made.partial_frames(chosen, high), kept.partial_frames(chosen, high)
        for kind, frame in expected.items():
            assert_frame_equal(frame, found[kind])
        assert_frame_equal(made.seconds(chosen, low, high), kept.seconds(chosen, low, high))
    hour = (MOMENT - timedelta(minutes=10), MOMENT + timedelta(hours=2))
    assert made.second_bars(STOCKS, *hour).height
    assert_frame_equal(made.second_bars(STOCKS, *hour), kept.second_bars(STOCKS, *hour))
