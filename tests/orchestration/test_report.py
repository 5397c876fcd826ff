"""What is held and what is missing, of many tickers."""

import time
from datetime import date, timedelta

from forebay.model.catalogue import BAR_DATASETS
from forebay.model.feed import Feed
from forebay.model.intervals import Interval
from forebay.orchestration.plan import Rates
from forebay.orchestration.planner import Planner
from forebay.orchestration.report import report
from forebay.orchestration.sources import Means
from forebay.orchestration.wanted import Reach, spell_out

DATES = Interval(date(2024, 3, 1), date(2026, 2, 27))


def test_what_thousands_of_tickers_lack_is_told_soon(ledger, clock):
    """Two years of 3,000 tickers, nothing held: one hole for each, in a second or two of processor time, not ten."""
    tickers = tuple(f"T{number:04}" for number in range(3000))
    feed = Feed("many", (BAR_DATASETS["stocks/bars_1d"],), symbols=tickers, start=DATES.start, end=DATES.end)
    wishes = spell_out([feed], clock.now(), lambda _, dataset: Reach(dataset.first_date))
    means = Means(
        flatfiles=False, rest=True, today=clock.now().date(), hybrid_boundary=timedelta(days=30), rates=Rates(5)
    )

    before = time.process_time()
    (row,) = report(Planner(ledger, means, clock.now()), ledger, wishes)
    taken = time.process_time() - before

    assert (0, 3000 * len(wishes[0].days)) == (row.held, row.wanted)
    assert 19 * 3000 == row.cells["2025-11"].wanted  # Thanksgiving
    assert [(ticker, DATES, len(wishes[0].days)) for ticker in tickers] == [
        (hole.symbol, hole.dates, hole.sessions) for hole in row.holes
    ]
    assert taken < 3
