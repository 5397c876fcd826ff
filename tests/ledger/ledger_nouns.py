"""Short ways to make the nouns that ledger tests speak of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Revision, Source
from forebay.model.task import TaskDraft, TaskKind

FIRST = date(2024, 1, 1)
BARS = "stocks/bars_1m"
MINUTES = "us_stocks_sip/minute_aggs_v1"
CHECKED = datetime(2024, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


def day(number: int) -> date:
    """Day `number` of the tests' calendar, from 0."""
    return FIRST + timedelta(days=number)


def span(first: int, last: int) -> Interval:
    """From day `first` to day `last`, both included."""
    return Interval(day(first), day(last))


def revision(etag: str = "e1") -> Revision:
    return Revision(etag, 1234, CHECKED)


def draft(number: int = 0, **changes: Any) -> TaskDraft:
    """A flat file of day `number` into the lake."""
    values: dict[str, Any] = {
        "kind": TaskKind.LOAD,
        "key": f"{MINUTES}/{day(number)}.csv.gz",
        "dataset": MINUTES,
        "partition": Partition(BARS, ALL_SYMBOLS, span(number, number)),
        "destination": "lake",
        "source": Source.FLATFILE,
        "revision": revision(),
    }
    return TaskDraft(**values | changes)


def covers(
    first: int,
    last: int,
    verdict: Verdict = Verdict.COMPLETE,
    symbol: str = ALL_SYMBOLS,
    source: Source = Source.FLATFILE,
    rows: int | None = 7,
    expires_at: datetime | None = None,
) -> Coverage:
    """Coverage of the lake's minute bars over days `first` to `last`."""
    evidence = Evidence(rows=rows, bytes=99, sha256="ab" * 32, revision=revision(), details={"zero_volume": 2})
    return Coverage(Partition(BARS, symbol, span(first, last)), "lake", source, verdict, evidence, CHECKED, expires_at)
