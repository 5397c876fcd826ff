"""Trades as they come in a table, made ready to be summed up: judged, in order, in whole numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forebay.bars.conditions import NOTHING, VOLUME, Codebook, Ruling, Rulings, Unknown
from forebay.bars.sizes import Hours
from forebay.model.rows import BAD_ROWS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Bits = NDArray[np.uint8]
Runs = NDArray[np.uint32]

TRADE_ROWS = pl.Schema(
    {
        "ticker": pl.String(),
        "conditions": pl.String(),
        "correction": pl.Int64(),
        "price": pl.Float64(),
        "sequence_number": pl.Int64(),
        "sip_timestamp": pl.Int64(),
        "size": pl.Float64(),
    }
)
"""The columns of a stock trade that bars are made of; `sip_timestamp` in ns UTC. No value is null."""

MICRO = 1_000_000
"""Sizes and prices are summed in millionths, in which the files give them: sums are exact in whatever order."""
MOST_SHARES, MOST_DOLLARS = 9e9, 1e11
"""Of one trade. Beyond them a sum might not fit 64 bits, and nobody trades so much at once."""

_NONE_BAD = BAD_ROWS.to_frame()
"""Made once, not for each table."""


@dataclass(frozen=True, slots=True)
class TradeRules:
    """What is left to the user. Source: the vendor publishes no table of correction codes, and its ids may grow."""

    unknown: Unknown = Unknown.DROP
    corrections: tuple[int, ...] = (0, 1)
    """The codes that count; of a pair 1 is the original place with the corrected values, 12 the record after it."""


@dataclass
class Tally:
    """What became of the trades of a file."""

    trades: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """Trades that count for nothing, by reason; bad rows not among them."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Trades with a condition that the table does not know and that count all the same."""
    bad: Counter[str] = field(default_factory=Counter)
    """Rows that cannot be trades, by the check that they failed."""

    def add(self, other: Tally) -> None:
        """Count what was seen elsewhere."""
        self.trades += other.trades
        for mine, theirs in ((self.dropped, other.dropped), (self.unknown, other.unknown), (self.bad, other.bad)):
            mine.update(theirs)


@dataclass(frozen=True, slots=True)
class Prints:
    """Good trades as arrays, sorted by time and number within each run of rows of one ticker."""

    tickers: pl.Series
    """One for each run."""
    run: Runs
    time: Ints
    number: Ints
    price: Floats
    shares: Ints
    """In millionths."""
    day_bits: Bits
    """What each may update in a day bar."""
    bits: Bits
    """The same in bars within the day."""

    def __getitem__(self, rows: Ints | Flags) -> Prints:
        """Some of them, or all in another order."""
        return Prints(
            self.tickers,
            self.run[rows],
            self.time[rows],
            self.number[rows],
            self.price[rows],
            self.shares[rows],
            self.day_bits[rows],
            self.bits[rows],
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """One table of trades: those that are trades, the rows that are not (BAD_ROWS), and the counts."""

    prints: Prints
    bad: pl.DataFrame
    tally: Tally


def judge(trades: pl.DataFrame, hours: Hours, rules: TradeRules, rulings: Rulings) -> Judged:
    """Say of each row of `trades` (TRADE_ROWS) what it may update. Raises CheckFailed; see `Rulings.read`."""
    codes, book = rulings.read(trades["conditions"])
    time, price, size = (trades[name].to_numpy() for name in ("sip_timestamp", "price", "size"))
    outside = (time < hours.regular_opens) | (time >= hours.regular_closes)
    day_bits = book.regular[codes]
    bits = np.where(outside, book.extended[codes], day_bits)
    tally = _tally(trades["correction"].to_numpy(), codes, book, rules, (day_bits, bits))
    run, tickers = _runs(trades["ticker"])
    with np.errstate(invalid="ignore", over="ignore"):  # of what is no number; such rows are taken out below
        shares = np.rint(size * MICRO).astype(np.int64)
    prints = Prints(tickers, run, time, trades["sequence_number"].to_numpy(), price, shares, day_bits, bits)
    if _faultless(price, size, time, hours):
        return Judged(_in_order(prints), _NONE_BAD, tally)
    with np.errstate(invalid="ignore", over="ignore"):
        faults = _faults(price, size, (time < hours.midnight) | (time >= hours.next_midnight), bits)
    wrong = np.logical_or.reduce(list(faults.values()))
    bad = _told(trades.filter(pl.Series(wrong)), {name: fault[wrong] for name, fault in faults.items()}, hours)
    tally.bad.update(bad["reason"].to_list())
    return Judged(_in_order(prints[~wrong]), bad, tally)


def _tally(
    correction: Ints,
    codes: NDArray[np.uint32],
    book: Codebook,
    rules: TradeRules,
    updates: tuple[Bits, ...],
) -> Tally:
    """The counts; takes from `updates` what a correction code, such as a cancel's, does not let count."""
    tally = Tally(trades=len(codes))
    strange = np.flatnonzero(correction)
    dropped = strange[~np.isin(correction[strange], rules.corrections)]
    for bits in updates:
        bits[dropped] = NOTHING
    for code, count in Counter(correction[dropped].tolist()).items():
        tally.dropped[f"correction {code}"] = count
    if any(one.reason for one in book.rulings):
        _count_reasons(tally, np.bincount(np.delete(codes, dropped), minlength=len(book.rulings)), book.rulings)
    return tally


def _faultless(price: Floats, size: Floats, time: Ints, hours: Hours) -> bool:
    """Whether no row can fail a check, as cheap as it gets; NaN makes every comparison false."""
    if not len(time):
        return True
    most = price.max(), size.max()
    return bool(
        price.min() > 0
        and size.min() > 0
        and most[1] <= MOST_SHARES
        and most[0] * most[1] <= MOST_DOLLARS
        and hours.midnight <= time.min()
        and time.max() < hours.next_midnight
    )


def _faults(price: Floats, size: Floats, other_day: Flags, bits: Bits) -> dict[str, Flags]:
    """Check name to the rows that fail it. What counts for nothing may be as odd as it likes."""
    counts = bits != NOTHING
    empty = (size == 0) & (bits & VOLUME != 0)
    return {
        "price": counts & ~((price > 0) & (price < np.inf)),
        "size": counts & (~((size >= 0) & (size <= MOST_SHARES)) | empty),
        "value": counts & (price * size > MOST_DOLLARS),
        "outside_session_date": counts & other_day,
    }


def _count_reasons(tally: Tally, counts: Ints, rulings: tuple[Ruling, ...]) -> None:
    for ruling, count in zip(rulings, counts.tolist(), strict=True):
        if ruling.reason and count:
            (tally.unknown if ruling.regular or ruling.extended else tally.dropped)[ruling.reason] += count


def _runs(ticker: pl.Series) -> tuple[Runs, pl.Series]:
    """Each row's run of equal tickers, counted from 0, and the ticker of each run."""
    run = ticker.rle_id().to_numpy()
    first = np.append(0, np.flatnonzero(run[1:] != run[:-1]) + 1)
    return run, ticker.gather(first[: len(run)])


def _in_order(prints: Prints) -> Prints:
    """By run, time and number. Files come so but for late reports; only where one is met are rows sorted."""
    run, time, number = prints.run, prints.time, prints.number
    back = (time[1:] < time[:-1]) | ((time[1:] == time[:-1]) & (number[1:] < number[:-1]))
    back &= run[1:] == run[:-1]
    if not back.any():  # as in most tables
        return prints
    order = np.arange(len(run))
    for late in np.unique(run[1:][back]):
        rows = slice(*np.searchsorted(run, (late, late + 1)))
        order[rows] = rows.start + np.lexsort((number[rows], time[rows]))
    return prints[order]


def _told(rows: pl.DataFrame, faults: dict[str, Flags], hours: Hours) -> pl.DataFrame:
    """Bad rows in the columns of BAD_ROWS: the first check that each fails, and the row's values as text."""
    reason = np.select(list(faults.values()), list(faults), default="")
    known: dict[str, pl.Expr] = {
        "ticker": pl.col("ticker"),
        "session_date": pl.lit(hours.day),
        "text": pl.concat_str([pl.col(name).cast(pl.String) for name in TRADE_ROWS], separator=","),
        "reason": pl.lit(pl.Series(reason)),
    }
    return rows.select(known.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in BAD_ROWS.items())
