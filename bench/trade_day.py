"""The trades benchmark's input: one seeded day of stock trades as the vendor would publish it, csv.gz."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from isal import isal_zlib

DAY = date(2026, 5, 22)
_MIDNIGHT = 1779422400  # 00:00 Eastern of DAY, Unix seconds
_PRE, _OPENS, _CLOSES, _POST = (hour * 3600 for hour in (4.0, 9.5, 16.0, 20.0))
_BATCH = 500_000
_PLAIN = ["", "14", "14,41", "41"]
_RARE = ["10", "22", "32", "2", "7", "20", "21", "29", "52", "53", "4", "9", "1", "5", "34", "57"]
_PREFIXES = np.array(_PLAIN + _RARE)
_ENDS = ("", "37", "12", "12,37")
TEXTS = [",".join(part for part in (prefix, end) if part) for prefix in _PREFIXES for end in _ENDS]
"""Every text of the column `conditions`: what a trade was, then Form T, then the odd lot."""
_SHARES = np.array([0.5, 0.28, 0.19, 0.01] + [0.02 / len(_RARE)] * len(_RARE))


def write_trades(path: Path, rows: int, tickers: int = 11_000, seed: int = 7) -> int:
    """Write `rows` trades of `tickers` names to `path`, sorted by ticker and time; returns the size of the text.

    A few names have most of the trades, as they do. Two in half a million are late or early: they stand a few rows from
    where their time would put them. Half of the trades are odd lots, and a third of those fractions of a share.
    """
    rng = np.random.default_rng(seed)
    counts = _counts(rng, rows, tickers)
    names = np.array(sorted(f"{'QXZ'[i % 3]}{i:05d}" for i in range(tickers)))
    prices = np.exp(rng.normal(3.3, 1.2, tickers)) + 0.5
    packer = isal_zlib.compressobj(2, isal_zlib.DEFLATED, 31)
    size = 0
    with path.open("wb") as out:
        for first, last in _batches(counts):
            frame = _trades(rng, names[first:last], counts[first:last], prices[first:last])
            text = frame.write_csv(include_header=first == 0, float_precision=6).encode()
            size += len(text)
            out.write(packer.compress(text))
        out.write(packer.flush())
    return size


def _counts(rng: np.random.Generator, rows: int, tickers: int) -> np.ndarray:
    weights = np.minimum(rng.pareto(0.8, tickers) + 0.01, 3000)
    counts = np.maximum((weights / weights.sum() * rows).astype(np.int64), 1)
    counts[np.argmax(counts)] += rows - counts.sum()
    return counts


def _batches(counts: np.ndarray) -> list[tuple[int, int]]:
    places = np.cumsum(counts) // _BATCH
    edges = np.flatnonzero(np.diff(places)) + 1
    return list(zip([0, *edges.tolist()], [*edges.tolist(), len(counts)], strict=True))


def _trades(rng: np.random.Generator, names: np.ndarray, counts: np.ndarray, prices: np.ndarray) -> pl.DataFrame:
    total, who = int(counts.sum()), np.repeat(np.arange(len(counts)), counts)
    seconds = _times(rng, total)
    seconds = seconds[np.lexsort((seconds, who))]
    drift = np.exp(rng.normal(0, 0.01, total))
    odd = rng.random(total) < 0.5
    fraction = odd & (rng.random(total) < 0.33)
    whole = np.where(odd, rng.integers(1, 100, total), 100 * rng.integers(1, 12, total))
    stamps = ((_MIDNIGHT + seconds) * 1e6).astype(np.int64) * 1000 + rng.integers(0, 1000, total)
    venue = rng.integers(1, 20, total)
    first = np.cumsum(counts) - counts
    rows = pl.DataFrame(
        {
            "ticker": names[who],
            "conditions": _conditions(rng, seconds, odd),
            "correction": np.where(rng.random(total) < 1e-4, rng.choice([1, 7, 8, 10, 11, 12], total), 0),
            "exchange": venue,
            "id": (np.arange(total) - first[who] + 52983525029461).astype(str),
            "participant_timestamp": stamps - rng.integers(20_000, 900_000, total),
            "price": np.maximum(np.round(prices[who] * drift, 2 + (rng.random() < 0.1)), 0.01),
            "sequence_number": 1000 + np.arange(total) * 3,
            "sip_timestamp": stamps,
            "size": np.maximum(np.where(fraction, np.round(whole * rng.random(total), 6), whole), 1e-6),
            "tape": 1 + who % 3,
            "trf_id": np.where(venue == 4, 202, 0),
            "trf_timestamp": np.where(venue == 4, stamps - 9_000, 0),
        }
    )
    return _with_late_ones(rows)


def _times(rng: np.random.Generator, total: int) -> np.ndarray:
    """Seconds after midnight: three in a hundred before the open, four after the close, a U shape between."""
    draws = rng.random(total)
    middle = (draws - 0.03) / 0.93
    shaped = _OPENS + (0.6 * middle + 0.4 * np.sin(np.pi * np.clip(middle, 0, 1) / 2) ** 2) * (_CLOSES - _OPENS)
    early = _PRE + draws / 0.03 * (_OPENS - _PRE)
    late = _CLOSES + (draws - 0.96) / 0.04 * (_POST - _CLOSES)
    return np.where(draws < 0.03, early, np.where(draws > 0.96, late, shaped))


def _conditions(rng: np.random.Generator, seconds: np.ndarray, odd: np.ndarray) -> pl.Series:
    """As the tape prints them: what the trade was, then Form T outside the regular hours, then the odd lot."""
    extended = (seconds < _OPENS) | (seconds >= _CLOSES)
    prefix = rng.choice(len(_PREFIXES), len(seconds), p=_SHARES)
    return pl.Series(TEXTS).gather(prefix * 4 + extended * 2 + odd).replace("", None)


def _with_late_ones(rows: pl.DataFrame) -> pl.DataFrame:
    """Swap two trades of one name."""
    here, there = 1000, 1004
    if rows.height <= there or rows["ticker"][here] != rows["ticker"][there]:
        return rows
    places = np.arange(rows.height)
    places[[here, there]] = there, here
    return rows[places]
