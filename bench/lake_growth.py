"""What a month costs as months are added: its ingest and its compaction, and the reads of a lake of one, three, six."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from bench.child import Cost, cost_of
from bench.lake_files import Size, bar_files, month_days
from bench.lake_reads import DEFAULT, TURNS, Read, timed
from bench.lake_report import Report
from bench.lake_rivals import sampled_tickers
from bench.lake_work import COMPACT, INGESTS

from forebay.lake.reading.reader import Lake

LOOKED_AT = (1, 3, 6)
"""After so many months the lake is read."""
_FLAT = 1.25
"""Months differ a little; a cost that grew with the months held would be far above."""


@dataclass(frozen=True, slots=True)
class Month:
    """What one more month cost, and what it had."""

    days: int
    ingest: Cost


def ingest_month(size: Size, month: int, folder: Path) -> Month:
    """Load a month's files one after another into the lake in `folder`, in a process of its own."""
    sources = bar_files(size, month)
    return Month(len(sources), cost_of(INGESTS["forebay"].whole, str(folder), *map(str, sources)))


def measure(size: Size, folder: Path, first: Month, report: Report) -> None:
    """Add months to the lake in `folder` that has the first one, and compact each."""
    months, reads = [first], {}
    for number in range(size.months):
        if number:
            months.append(ingest_month(size, number, folder))
        cost = cost_of(COMPACT.whole, str(folder / "lake"), DEFAULT)
        report.note(f"month_{number + 1}_ingest_cpu_seconds_a_day", round(months[-1].ingest.cpu / months[-1].days, 2))
        report.note(f"month_{number + 1}_compact_cpu_seconds", round(cost.cpu, 1))
        if number + 1 in LOOKED_AT:
            with get_context("spawn").Pool(1) as aside:
                reads[number + 1] = aside.apply(_reads, (size, folder / "lake", number + 1))
    _judge(months, reads, report)


def _judge(months: Sequence[Month], reads: dict[int, dict[str, float]], report: Report) -> None:
    costs = [month.ingest.cpu / month.days for month in months]
    report.at_most("ingest_of_the_last_month_to_the_first", costs[-1] / costs[0], _FLAT)
    for count, found in reads.items():
        for name, taken in found.items():
            report.note(f"months_{count}_{name}_ms", round(taken, 1))
            if count > 1:
                target = count if name == "one_ticker_all_months" else _FLAT
                report.at_most(f"months_{count}_{name}_to_one_month", taken / reads[1][name], target)


def _reads(size: Size, path: Path, months: int) -> dict[str, float]:
    """Milliseconds: one ticker over everything, one ticker over the last month, one day of all tickers."""
    lake, tickers = Lake(path), sampled_tickers(size)
    days = [month_days(size, number) for number in range(months)]
    middle = days[-1][len(days[-1]) // 2]
    questions: dict[str, tuple[Read, list[str]]] = {
        "one_ticker_all_months": (lambda name: lake.bars(name, "1m", days[0][0], days[-1][-1]).collect(), tickers),
        "one_ticker_last_month": (lambda name: lake.bars(name, "1m", days[-1][0], days[-1][-1]).collect(), tickers),
        "one_day": (lambda day: lake.bars(None, "1m", day, day, asset_class="stocks").collect(), [middle.isoformat()]),
    }
    return {name: timed({name: read}, asked, TURNS)[name] for name, (read, asked) in questions.items()}
