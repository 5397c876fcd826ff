"""CPU of a page of 50,000 minute bars from the vendor to the disk: Forebay, and the vendor's own client with pandas.

Forebay takes the whole path: tasks leased from a ledger and run by a worker, every check, one commit after another to
a lake that grows, and the record of what is held. The client's bars go into a data frame and one Parquet file a
ticker, unchecked. Both ask the same server, each in a process of its own, in turns; imports are not counted.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from bench.bar_pages import PAGE_BARS, PAGES_PER_TICKER, vendor
from bench.child import Cost, cost_of

TICKERS, TURNS = 30, 3
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
import forebay.tasks.fetch, forebay.lake.table, forebay.vendor.rest
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
_MASSIVE = Contender(
    """
from bench.bar_pages import DAYS, PAGE_BARS, PAGES_PER_TICKER
from massive import RESTClient
import pandas as pd
import pyarrow.parquet
""",
    """
client = RESTClient("key", base=url)
for ticker in tickers:
    bars = client.list_aggs(ticker, 1, "minute", DAYS[0], DAYS[-1], adjusted=False, sort="asc", limit=50_000)
    table = pd.DataFrame([vars(bar) for bar in bars])  # a data frame of the objects themselves takes twice as long
    table.to_parquet(f"{out}/{ticker}.parquet")
    assert len(table) == PAGES_PER_TICKER * PAGE_BARS
""",
)


def run(tickers: int = TICKERS, turns: int = TURNS) -> dict[str, float]:
    """Median pages a CPU second of both, and the median of the turns' ratios."""
    with vendor() as url:
        rounds = [(_cost(_FOREBAY, url, tickers), _cost(_MASSIVE, url, tickers)) for _ in range(turns)]
    pages = tickers * PAGES_PER_TICKER
    ours, theirs = zip(*rounds, strict=True)
    return {
        "bars_a_page": PAGE_BARS,
        "pages": pages,
        "forebay_cpu_s_a_page": round(statistics.median(cost.cpu for cost in ours) / pages, 4),
        "massive_cpu_s_a_page": round(statistics.median(cost.cpu for cost in theirs) / pages, 4),
        "forebay_pages_a_cpu_s": round(pages / statistics.median(cost.cpu for cost in ours), 2),
        "massive_pages_a_cpu_s": round(pages / statistics.median(cost.cpu for cost in theirs), 2),
        "forebay_peak_mb": round(max(cost.peak for cost in ours) / 1e6, 1),
        "massive_peak_mb": round(max(cost.peak for cost in theirs) / 1e6, 1),
        "ratio": round(statistics.median(their.cpu / our.cpu for our, their in rounds), 2),
        "target": TARGET,
    }


def _cost(contender: Contender, url: str, tickers: int) -> Cost:
    with tempfile.TemporaryDirectory(prefix="forebay-bench-") as out:
        code = f"{contender.imports}\n{_ARGUMENTS}{contender.work}"
        whole = cost_of(code, url, str(Path(out)), str(tickers))
    return replace(whole, cpu=whole.cpu - cost_of(contender.imports).cpu)


if __name__ == "__main__":
    for name, value in run(*map(int, sys.argv[1:])).items():
        print(f"{name:24} {value:>12,}")
