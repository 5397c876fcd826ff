"""The newest snapshot over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from forebay.bars.snapshots import Expected, judge
from forebay.lake.home.address import home_at
from forebay.lake.snapshots.table import append
from forebay.model.instrument import AssetClass
from forebay.model.snapshot import LastTrade, Prices, Snapshot
from forebay.testing import FakeClock

OPEN = datetime(2025, 11, 26, 15, tzinfo=UTC)
NANOS = 1764169200123456789


def test_the_newest_is_answered(serve, tmp_path):
    """The last of two, with whole nanoseconds and its verdict; another case, another class and a prefix are others."""
    day, trade = Prices(10.0, 11.0, 9.0, 10.5, 100.0), LastTrade(10.5, 1, NANOS, 4, "17", "14")
    for minutes in (5, 0):
        at = OPEN - timedelta(minutes=minutes)
        shown = Snapshot("AAPL", AssetClass.STOCKS, at, timedelta(), NANOS - minutes, day=day, trade=trade)
        append(home_at(tmp_path / "data" / "lake"), AssetClass.STOCKS, [judge(shown, Expected())], FakeClock())
    with serve() as client:
        told = client.get("/api/v1/snapshots/AAPL").json()
        expected = {"ticker": "AAPL", "updated": NANOS, "day_close": 10.5, "bid_price": None, "verdict": "good"}
        assert expected == {name: told[name] for name in expected}
        assert ("2025-11-26T15:00:00Z", "2025-11-26") == (told["asked_at"], told["session_date"])
        for path in ("aapl", "AAPL?asset_class=crypto", "O:SPY251219C00650000"):
            answer = client.get(f"/api/v1/snapshots/{path}")
            assert (404, "not_found") == (answer.status_code, answer.json()["kind"])
        assert 422 == client.get("/api/v1/snapshots/AAPL?asset_class=options").status_code
