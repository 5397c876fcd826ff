"""The lake benchmark's input: day files of the simulated vendor, made once and kept for the next run.

They have the rows and the form of what `forebay sandbox` serves. Trades come in pieces, since a day of them does
not fit into memory; a ticker has somewhat over 800 a day, so that their market is larger than that of the bars.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path

from forebay.model.calendar import session_days
from forebay.model.catalogue import DATASETS, Dataset
from forebay.sandbox.csvfile import day_tables, text
from forebay.sandbox.market import Market

BARS, TRADES = DATASETS["us_stocks_sip/minute_aggs_v1"], DATASETS["us_stocks_sip/trades_v1"]
MONTHS = ((2026, 3), (2026, 4), (2026, 5), (2026, 6), (2026, 7), (2026, 8))
"""The first has the month that is read and compacted; the others show what more of them cost."""
_SEED = 7
_TRADES_OF_A_TICKER = 800
_BODY = 1
"""zlib's level, as the sandbox's."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a market is measured."""

    tickers: int
    days: int
    """Of each month at most."""
    months: int
    trades: int
    """About, in the day of trades."""
    turns: int
    """Of each contender of the ingest."""


FULL = Size(tickers=10_000, days=31, months=6, trades=20_000_000, turns=3)
QUICK = Size(tickers=500, days=3, months=3, trades=1_000_000, turns=1)


def work_folder() -> Path:
    """`FOREBAY_BENCH_DIR`, where everything is kept for the next run; else a folder of the system's temporary ones."""
    return Path(os.environ.get("FOREBAY_BENCH_DIR") or Path(tempfile.gettempdir(), "forebay-bench-lake"))


@contextmanager
def run_folder() -> Iterator[Path]:
    """A folder on the same disk that goes away after."""
    work_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=work_folder()) as name:
        yield Path(name)


def month_days(size: Size, month: int) -> list[date]:
    """The session dates of a month, counted from 0."""
    year, number = MONTHS[month]
    after = date(year + number // 12, number % 12 + 1, 1)
    days = session_days(BARS.calendar, date(year, number, 1), date.fromordinal(after.toordinal() - 1))
    return days[: size.days]


def bar_files(size: Size, month: int) -> list[Path]:
    """The minute bars of every session of a month, made where they are not there yet."""
    return _made(BARS, size.tickers, month_days(size, month))


def trades_file(size: Size) -> Path:
    """A day of trades."""
    return _made(TRADES, size.trades // _TRADES_OF_A_TICKER, month_days(size, 0)[1:2])[0]


def day_of(path: Path) -> date:
    """The session date of a file."""
    return date.fromisoformat(path.name.removesuffix(".csv.gz"))


def _made(dataset: Dataset, tickers: int, days: Sequence[date]) -> list[Path]:
    folder = work_folder() / "files" / f"seed-{_SEED}-tickers-{tickers}"
    paths = [folder / dataset.key(day) for day in days]
    missing = [(dataset.name, tickers, day_of(path), path) for path in paths if not path.exists()]
    if missing:
        # In processes of their own, so that their memory is not counted as that of what is measured.
        with get_context("spawn").Pool(min(len(missing), os.cpu_count() or 1), maxtasksperchild=8) as pool:
            pool.starmap(_make, missing, chunksize=1)
    return paths


def _make(name: str, tickers: int, day: date, path: Path) -> None:
    dataset, market = DATASETS[name], Market(_SEED, tickers, date(2026, 1, 2))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    packer, header = zlib.compressobj(_BODY, zlib.DEFLATED, 31), True
    with part.open("wb") as out:
        for table in day_tables(market, dataset, day):
            out.write(packer.compress(text(dataset, day, table, header=header)))
            header = False
        out.write(packer.flush())
    part.rename(path)


if __name__ == "__main__":
    for which in range(FULL.months):
        bar_files(FULL, which)
    trades_file(FULL)
