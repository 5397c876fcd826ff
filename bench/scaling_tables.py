"""The arithmetic of docs/scaling.md: sizes of files times the calendar, and what results.json says a gigabyte takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from forebay.model.calendar import session_days
from forebay.model.catalogue import DATASETS

FILE_MB = {
    "us_stocks_sip/day_aggs_v1": 0.3, "us_stocks_sip/minute_aggs_v1": 28.5,
    "us_stocks_sip/trades_v1": 3350, "us_stocks_sip/quotes_v1": 8250,
    "us_options_opra/day_aggs_v1": 4, "us_options_opra/minute_aggs_v1": 26.5,
    "us_options_opra/trades_v1": 70, "us_options_opra/quotes_v1": 139_000,
    "us_indices/day_aggs_v1": 0.3, "us_indices/minute_aggs_v1": 125, "us_indices/values_v1": 2450,
    "global_crypto/day_aggs_v1": 0.012, "global_crypto/minute_aggs_v1": 2.3, "global_crypto/trades_v1": 35,
    "global_forex/day_aggs_v1": 0.03, "global_forex/minute_aggs_v1": 8.75, "global_forex/quotes_v1": 185,
    "session_aggs_v1": 0.019, "minute_aggs_v1": 1.5, "trades_v1": 31, "quotes_v1": 2200,
}  # fmt: skip
"""Of a day in 2026, compressed: the middle of what was seen of the bucket; the last four of each venue of futures."""
GROUPS = {
    "stocks: day and minute bars": ("us_stocks_sip/day", "us_stocks_sip/minute"),
    "options: day and minute bars": ("us_options_opra/day", "us_options_opra/minute"),
    "all other bars": (
        "us_indices/day",
        "us_indices/minute",
        "/session",
        "us_futures",
        "global_crypto/",
        "global_forex/",
    ),
    "trades: stocks": ("us_stocks_sip/trades",),
    "trades: options, crypto, futures": ("us_options_opra/trades", "global_crypto/trades", "us_futures"),
    "index values; quotes of forex and futures": ("us_indices/values", "global_forex/quotes", "us_futures"),
    "quotes: stocks": ("us_stocks_sip/quotes",),
    "quotes: options": ("us_options_opra/quotes",),
}
_MINUTE_ROWS, _TRADE_ROWS_A_GB = 1_826_498, 70.4e6 / 1.35
"""Rows of a day of stock minutes; rows in a GB of stock trades, as of 2024-04-05."""
LINE = 100e6
"""Bytes a second that the vendor and the line give. An assumption."""
CORES = 8
B2_GB_MONTH = 0.006
ROWS_A_FILE = 5
"""Of the ledger: task and coverage, each in archive and lake, and the listing."""


@dataclass
class Sum:
    """What a group comes to when every day were as large as one of 2026."""

    files: int = 0
    gb: float = 0
    lake_gb: float = 0
    cpu: float = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.files + other.files, self.gb + other.gb, self.lake_gb + other.lake_gb, self.cpu + other.cpu)

    def row(self, name: str) -> str:
        """A line of the table."""
        line, cores = self.gb * 1e9 / LINE / 3600, self.cpu / CORES / 3600
        cells = (
            name, f"{self.files:,}", amount(self.gb), amount(self.gb / 2), amount(self.lake_gb),
            f"{self.cpu / 3600:,.1f}", f"{max(line, cores):,.1f}", f"{self.files * ROWS_A_FILE:,}",
            f"{self.gb * B2_GB_MONTH:,.2f}",
        )  # fmt: skip
        return f"| {' | '.join(cells)} |"


def amount(gb: float) -> str:
    return f"{gb / 1000:,.1f} TB" if gb >= 1000 else f"{gb:,.1f} GB"


def table(results: dict, end: date) -> str:
    """Markdown: what the whole history takes."""
    head = (
        "| what | files | at most | if it grew evenly | lake | CPU hours | hours | ledger rows | $ a month |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    sums = {name: group(name, results, end) for name in GROUPS}
    without = sum((each for name, each in sums.items() if name != "quotes: options"), Sum())
    rows = [each.row(name) for name, each in sums.items()]
    rows += [without.row("**all but quotes of options**"), sum(sums.values(), Sum()).row("**all**")]
    return "\n".join([head, *rows])


def group(name: str, results: dict, end: date) -> Sum:
    """All datasets of a group."""
    return sum((dataset(each, results, end) for each in members(name)), Sum())


def members(name: str) -> Iterator[str]:
    """The datasets that a group's beginnings name; of futures those of the kinds that its name says."""
    kinds = {"all other bars": ("aggs",), "trades: options, crypto, futures": ("trades",)}.get(name, ("",))
    kinds = ("values", "quotes") if name.startswith("index values") else kinds
    for each in DATASETS:
        if any(begin in each for begin in GROUPS[name]) and any(kind in each for kind in kinds):
            yield each


def dataset(name: str, results: dict, end: date) -> Sum:
    """One dataset: its files, and what they take by the figures of ingest, lake and archive."""
    each = DATASETS[name]
    files = len(session_days(each.calendar, each.first_date, end))
    gb = files * FILE_MB.get(name, FILE_MB.get(name.partition("/")[2], 0)) / 1000
    share, seconds = bars(results) if "aggs" in name else ticks(results)
    large, small = (results["archive"][size] for size in ("large_files", "small_files"))
    by_file = small["cpu_s_per_gb_forebay"] * small["bytes"] / 1e9 / small["files"]
    return Sum(files, gb, gb * share, gb * (seconds + large["cpu_s_per_gb_forebay"]) + files * by_file)


def bars(results: dict) -> tuple[float, float]:
    """Bytes of the lake for one of a file of minutes, and CPU seconds of a GB."""
    published = FILE_MB["us_stocks_sip/minute_aggs_v1"] / _MINUTE_ROWS
    found = results["ingest"]
    return found["size_mb_forebay"] / found["rows"] / published, found["cpu_seconds_forebay"] / found[
        "rows"
    ] / published * 1e3


def ticks(results: dict) -> tuple[float, float]:
    """The same of trades; quotes are taken to be like them."""
    found = results["lake"]
    rows = found["trades_rows"] / _TRADE_ROWS_A_GB
    return found["trades_size_mb_forebay"] / 1e3 / rows, found["trades_cpu_seconds_forebay"] / rows
