"""Vendor calls for 500 tickers, five timeframes and two years, beside a client that asks for each by itself.

The whole is carried out against the simulated vendor: from files and REST as `auto` chooses, once more, and with one
more day. By REST alone it is planned at full size, and carried out for a sample, whose calls must be those foreseen.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path

from forebay import Lake, Sandbox
from forebay.model.calendar import session_days
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.feed import Feed, SourceChoice
from forebay.model.timeframe import DERIVED
from forebay.orchestration.plan import Plan
from forebay.orchestration.sync import carry_out

sys.path.append(str(Path(__file__).parents[1] / "tests" / "e2e"))
from homes import Home

START, END = date(2024, 1, 2), date(2025, 12, 31)
TICKERS, SAMPLE = 500, 8
TARGET = 0.25
"""At most so large a part of the calls that asking one by one takes."""
_PAGE = 50_000
_MINUTE_SIZES = 1 + len(DERIVED)
_DATASETS = tuple(BAR_DATASETS[table] for table in ("stocks/bars_1d", "stocks/bars_1m"))


def run(tickers: int = TICKERS, start: date = START, end: date = END) -> dict[str, object]:
    """Calls of each kind, and their ratio to the client's that asks one by one."""
    before = session_days("XNYS", start, end)[-2]
    with (
        tempfile.TemporaryDirectory(prefix="forebay-bench-") as folder,
        Sandbox(tickers=tickers, start=start, end=end) as vendor,
    ):
        home = Home(Path(folder) / "auto", vendor)
        names = _names(vendor, start, before)
        wish = Feed("bench", _DATASETS, names, start, before)
        started = time.perf_counter()
        first = _sync(home, wish)
        seconds = time.perf_counter() - started
        again = _sync(home, wish)
        one_more = _sync(home, Feed("bench", _DATASETS, names, start, end))
        pages = _pages(home.lake, names, before)
        by_rest = _by_rest(
            Path(folder), vendor, Feed("rest", _DATASETS, names, start, before, SourceChoice.REST), pages
        )
    naive = sum(_MINUTE_SIZES * count + 1 for count in pages.values())
    results: dict[str, object] = {
        "tickers": len(names),
        "sessions": len(session_days("XNYS", start, before)),
        "one_by_one": naive,
        "auto": first,
        "auto_ratio": round(_data(first) / naive, 3),
        "target_ratio": TARGET,
        "rerun": again,
        "one_more_day": one_more,
        **by_rest,
        "rest_ratio": round(by_rest["rest_only"] / naive, 3),
        "seconds": round(seconds),
    }
    return results


def _names(vendor: Sandbox, start: date, end: date) -> tuple[str, ...]:
    """Everybody who traded in the first or the last days."""
    days = session_days("XNYS", start, end)
    spans = ((days[0], days[2]), (days[-3], days[-1]))
    bars = (vendor.market.bars("stocks", "bars_1d", *span) for span in spans)
    return tuple(sorted({ticker for frame in bars for ticker in frame["ticker"]}))


def _sync(home: Home, wish: Feed) -> dict[str, int]:
    """Calls of one run: for planning (listings, and what the account may ask), then pages by REST, and files."""
    since = len(home.vendor.requests)
    with home.app(WORKER_CONCURRENCY="2") as app:
        prospect = app.outlook().look_ahead([wish])
        planned = len(home.vendor.requests)
        carry_out(prospect.plan, app.ledger, app.worker())
        assert app.status(prospect.wishes).all_held
    done = Counter("file" if one.path.startswith("/flatfiles") else "rest" for one in home.vendor.requests[planned:])
    return {"planning": planned - since, "rest": done["rest"], "file": done["file"]}


def _data(calls: dict[str, int]) -> int:
    return calls["rest"] + calls["file"]


def _pages(lake: Lake, names: tuple[str, ...], until: date) -> dict[str, int]:
    """Ticker to the pages that its minute bars take: one at least, to learn that there are none."""
    counts = lake.bars(list(names), "1m", None, until).group_by("ticker").len().collect()
    bars = dict(counts.iter_rows())
    return {name: max(1, -(-bars.get(name, 0) // _PAGE)) for name in names}


def _by_rest(folder: Path, vendor: Sandbox, wish: Feed, pages: dict[str, int]) -> dict[str, int]:
    """Calls without files: day bars as they are planned, and the pages that the minute bars take."""
    with Home(folder / "planned", vendor).app() as app:
        plan = app.outlook().look_ahead([wish]).plan
    few = wish.symbols[:: len(wish.symbols or ()) // SAMPLE][:SAMPLE] if wish.symbols else ()
    sample = Home(folder / "sample", vendor)
    made = _sync(sample, Feed("sample", (_DATASETS[1],), few, wish.start, wish.end, SourceChoice.REST))
    foreseen = sum(pages[name] for name in few)
    assert foreseen == made["rest"], f"{made} for a sample that takes {foreseen} pages"
    return {
        "rest_only": _day_calls(plan) + sum(pages.values()),
        "rest_only_planned_at_least": plan.fewest_calls,
        "rest_only_planned_at_most": plan.calls,
        "rest_sample_tickers": len(few),
        "rest_sample_calls": made["rest"],
    }


def _day_calls(plan: Plan) -> int:
    return sum(line.calls for line in plan.lines if line.table == "stocks/bars_1d")


if __name__ == "__main__":
    json.dump(run(*(int(argument) for argument in sys.argv[1:])), sys.stdout, indent=1)
