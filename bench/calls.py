"""Vendor calls for 500 tickers, five timeframes and two years, beside a client that asks for each by itself.

At full size the work is planned, with the pages that minute bars take foretold from sample days of the simulated
market: to list two years of files, the simulated vendor would have to make them first, for a quarter of an hour. A
month of 120 tickers is carried out against it: as `auto` chooses, once more, and with one more day; and by REST alone.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from forebay import Lake, Sandbox
from forebay.clock import SystemClock
from forebay.ledger import Ledger
from forebay.model.calendar import session_days
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.feed import Feed, SourceChoice
from forebay.model.partition import Revision, Source
from forebay.model.timeframe import DERIVED
from forebay.orchestration.plan import Plan, Rates
from forebay.orchestration.planner import Planner
from forebay.orchestration.sources import Means
from forebay.orchestration.sync import carry_out
from forebay.orchestration.wanted import Reach, spell_out

sys.path.append(str(Path(__file__).parents[1] / "tests" / "e2e"))
from homes import Home

TICKERS, START, END = 500, date(2024, 1, 2), date(2025, 12, 31)
FEW, MONTH = 120, (date(2025, 12, 1), date(2025, 12, 31))
TARGET = 0.25
"""At most so large a part of the calls that asking one by one takes."""
CALLS_A_MINUTE = 300
_PATIENCE = 300.0
_SAMPLES = 4
_PAGE = 50_000
_MINUTE_SIZES = 1 + len(DERIVED)
_DATASETS = tuple(BAR_DATASETS[table] for table in ("stocks/bars_1d", "stocks/bars_1m"))
_FILE_BYTES = {"stocks/bars_1d": 300_000, "stocks/bars_1m": 27_000_000}
"""What the vendor's files of a day are, about."""


def run() -> dict[str, object]:
    """Calls of each kind, and their ratio to the client's that asks one by one."""
    return {"target_ratio": TARGET, "planned": _planned(), "carried_out": _carried_out()}


def _planned() -> dict[str, object]:
    """Everything at full size but the requests themselves."""
    pages = _foretold(Sandbox(tickers=TICKERS, start=START, end=END))
    naive, names = _one_by_one(list(pages.values())), tuple(pages)
    auto, rest = (_plan(names, choice) for choice in (SourceChoice.AUTO, SourceChoice.REST))
    files = sum(line.tasks for line in auto.lines if line.source is Source.FLATFILE)
    days = sum(line.calls for line in rest.lines if line.table == "stocks/bars_1d")
    by_rest = days + sum(pages.values())
    return {
        "tickers": len(names),
        "sessions": len(session_days("XNYS", START, END)),
        "one_by_one": naive,
        "auto_rest_calls": auto.calls,
        "auto_files": files,
        "auto_ratio": round((auto.calls + files) / naive, 3),
        "auto_ratio_of_rest_calls": round(auto.calls / naive, 3),
        "rest_only": by_rest,
        "rest_only_ratio": round(by_rest / naive, 3),
        "rest_only_as_the_plan_says": [rest.fewest_calls, rest.calls],
    }


def _foretold(vendor: Sandbox) -> dict[str, int]:
    """Ticker to the pages that two years of its minute bars take, by what it traded on a few days."""
    sessions = session_days("XNYS", START, END)
    bars: Counter[str] = Counter()
    for day in sessions[:: len(sessions) // _SAMPLES][:_SAMPLES]:
        frame = vendor.market.bars("stocks", "bars_1m", day, day)
        bars.update(dict(frame["ticker"].value_counts().iter_rows()))
    return {ticker: _pages(count * len(sessions) // _SAMPLES) for ticker, count in sorted(bars.items())}


def _pages(bars: int) -> int:
    """One at least, to learn that there are none."""
    return max(1, -(-bars // _PAGE))


def _one_by_one(pages: Sequence[int]) -> int:
    """One request for each ticker, timeframe and page."""
    return sum(_MINUTE_SIZES * count + 1 for count in pages)


def _plan(names: tuple[str, ...], choice: SourceChoice) -> Plan:
    now = datetime(2026, 1, 2, 18, tzinfo=UTC)
    feed = Feed("bench", _DATASETS, names, START, END, choice)
    means = Means(True, True, now.date(), timedelta(days=30), Rates(CALLS_A_MINUTE))  # noqa: FBT003
    with tempfile.TemporaryDirectory() as folder, Ledger.open(f"sqlite:///{folder}/ledger.db", SystemClock()) as ledger:
        for dataset in _DATASETS:
            revision = Revision("etag", _FILE_BYTES[dataset.table], now)
            ledger.listings.remember(dataset.name, dict.fromkeys(session_days("XNYS", START, END), revision))
        return Planner(ledger, means, now).plan(spell_out([feed], now, lambda _, dataset: Reach(dataset.first_date)))


def _carried_out() -> dict[str, object]:
    start, end = MONTH
    before = session_days("XNYS", start, end)[-2]
    folder = tempfile.TemporaryDirectory(prefix="forebay-bench-")
    with folder as path, Sandbox(tickers=FEW, start=start, end=end) as vendor:
        names = tuple(sorted(set(vendor.market.bars("stocks", "bars_1d", start, before)["ticker"])))
        home = Home(Path(path) / "auto", vendor, _PATIENCE)
        started = time.perf_counter()
        first = _sync(home, Feed("bench", _DATASETS, names, start, before))
        seconds = time.perf_counter() - started
        again = _sync(home, Feed("bench", _DATASETS, names, start, before))
        one_more = _sync(home, Feed("bench", _DATASETS, names, start, end))
        naive = _one_by_one(list(_held(home.lake, names, before).values()))
        wish = Feed("rest", _DATASETS, names, start, before, SourceChoice.REST)
        by_rest = _sync(Home(Path(path) / "rest", vendor, _PATIENCE), wish)
    return {
        "tickers": len(names),
        "sessions": len(session_days("XNYS", start, before)),
        "one_by_one": naive,
        "auto": first,
        "auto_ratio": round((first["rest"] + first["file"]) / naive, 3),
        "rerun": again,
        "one_more_day": one_more,
        "rest_only": by_rest,
        "rest_only_ratio": round(by_rest["rest"] / naive, 3),
        "seconds": round(seconds),
    }


def _sync(home: Home, wish: Feed) -> dict[str, int]:
    """Requests of one run: for planning (listings, and what the account may ask), then pages by REST, and of files."""
    since = len(home.vendor.requests)
    with home.app(WORKER_CONCURRENCY="2") as app:
        prospect = app.outlook().look_ahead([wish])
        planned = len(home.vendor.requests)
        carry_out(prospect.plan, app.ledger, app.worker())
        assert app.status(prospect.wishes).all_held
    done = Counter("file" if one.path.startswith("/flatfiles") else "rest" for one in home.vendor.requests[planned:])
    return {"planning": planned - since, "rest": done["rest"], "file": done["file"]}


def _held(lake: Lake, names: tuple[str, ...], until: date) -> dict[str, int]:
    """Ticker to the pages that its minute bars take."""
    counts = lake.bars(list(names), "1m", None, until).group_by("ticker").len().collect()
    bars = dict(counts.iter_rows())
    return {name: _pages(bars.get(name, 0)) for name in names}


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=1)
