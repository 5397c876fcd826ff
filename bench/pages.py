"""CPU of a page of 50,000 minute bars from the vendor to the disk: Forebay, and the vendor's own client with pandas.

Forebay takes the whole path: tasks leased from a ledger and run by a worker, every check, one commit after another to
a lake that grows, and the record of what is held. The client's bars go into a data frame and one Parquet file a
ticker, unchecked: as its users write it, and as somebody does who knows that pandas reads dictionaries twice as fast
as objects. All ask the same server, each in a process of its own, in turns; imports are not counted.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.bar_pages import PAGE_BARS, PAGES_PER_TICKER, vendor
from bench.child import Cost, cost_of

TICKERS, TURNS = 15, 2
TARGET = 4.0
"""Times as many pages a second of CPU as the client."""


@dataclass(frozen=True, slots=True)
class Contender:
    imports: str
    work: str
    """Gets `url`, `out` and `tickers`."""


_ARGUMENTS = "import sys\nurl, out, tickers = sys.argv[1], sys.argv[2], [f'T{n:04}' for n in range(int(sys.argv[3]))]\n"

_FOREBAY = Contender(
    """
import logging
import structlog
from bench.bar_pages import DAYS, PAGE_BARS, PAGES_PER_TICKER
from forebay.app import open_app
from forebay.app.wired import share_cores
share_cores(4)  # as every worker does before it loads its libraries
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval
from forebay.model.partition import Partition, Source
from forebay.model.task import TaskDraft, TaskKind
from forebay.settings import load
import forebay.tasks.fetch, forebay.lake.writing.table, forebay.vendor.rest
""",
    """
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
dates = Interval(DAYS[0], DAYS[-1])
drafts = [
    TaskDraft(
        kind=TaskKind.FETCH,
        key=f"rest/stocks/bars_1m/{ticker}/{dates.start}..{dates.end}",
        dataset="rest/bars/1m",
        partition=Partition("stocks/bars_1m", ticker, dates),
        destination=LAKE,
        source=Source.REST,
    )
    for ticker in tickers
]
settings = {"FOREBAY_HOME": out, "FOREBAY_REST_URL": url, "POLYGON_API_KEY": "key", "POLYGON_RATE_LIMIT": "0"}
with open_app(load(environ=settings)) as app:
    app.ledger.tasks.add(drafts)
    app.worker(kinds=[TaskKind.FETCH]).drain()
    held = list(app.ledger.coverage.find(LAKE, "stocks/bars_1m"))
pages = len(tickers) * PAGES_PER_TICKER
assert sum(row.evidence.rows for row in held) == pages * PAGE_BARS, held[:3]
""",
)


def _massive(rows: str) -> Contender:
    """The client; `rows` is what pandas gets of its `bars`."""
    return Contender(
        """
from bench.bar_pages import DAYS, PAGE_BARS, PAGES_PER_TICKER
from massive import RESTClient
import pandas as pd
import pyarrow.parquet
""",
        f"""
client = RESTClient("key", base=url)
for ticker in tickers:
    bars = client.list_aggs(ticker, 1, "minute", DAYS[0], DAYS[-1], adjusted=False, sort="asc", limit=50_000)
    table = pd.DataFrame({rows})
    table.to_parquet(f"{{out}}/{{ticker}}.parquet")
    assert len(table) == PAGES_PER_TICKER * PAGE_BARS
""",
    )


_MASSIVE, _TUNED = _massive("list(bars)"), _massive("[vars(bar) for bar in bars]")


def run(tickers: int = TICKERS, turns: int = TURNS) -> dict[str, float]:
    """Median CPU seconds a page, and the medians of the turns' ratios."""
    with vendor() as url:
        rounds = [[_cost(one, url, tickers) for one in (_FOREBAY, _MASSIVE, _TUNED)] for _ in range(turns)]
    pages = tickers * PAGES_PER_TICKER
    ours, theirs, tuned = zip(*rounds, strict=True)
    return {
        "bars_a_page": PAGE_BARS,
        "pages": pages,
        "forebay_cpu_s_a_page": _a_page(ours, pages),
        "massive_cpu_s_a_page": _a_page(theirs, pages),
        "massive_tuned_cpu_s_a_page": _a_page(tuned, pages),
        "forebay_peak_mb": round(max(cost.peak for cost in ours) / 1e6, 1),
        "massive_peak_mb": round(max(cost.peak for cost in theirs) / 1e6, 1),
        "ratio": _ratio(theirs, ours),
        "ratio_to_tuned": _ratio(tuned, ours),
        "target": TARGET,
    }


def _a_page(costs: Sequence[Cost], pages: int) -> float:
    return round(statistics.median(cost.cpu for cost in costs) / pages, 4)


def _ratio(theirs: Sequence[Cost], ours: Sequence[Cost]) -> float:
    return round(statistics.median(their.cpu / our.cpu for their, our in zip(theirs, ours, strict=True)), 2)


def _cost(contender: Contender, url: str, tickers: int) -> Cost:
    with tempfile.TemporaryDirectory(prefix="forebay-bench-") as out:
        code = f"{contender.imports}\n{_ARGUMENTS}{contender.work}"
        whole = cost_of(code, url, str(Path(out)), str(tickers))
    return replace(whole, cpu=whole.cpu - cost_of(contender.imports).cpu)


if __name__ == "__main__":
    for name, value in run(*map(int, sys.argv[1:])).items():
        print(f"{name:24} {value:>12,}")
