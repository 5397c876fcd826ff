"""The benchmark's input: one seeded day of stock minute bars as the vendor would publish it, csv.gz."""

from __future__ import annotations

import zlib
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

DAY = date(2026, 5, 22)
_FIRST_MINUTE = 1779436800  # 04:00 Eastern of DAY, Unix seconds
_MINUTES = 16 * 60
_OPENING, _CLOSING = 330, 720  # 09:30 and 16:00, in minutes after 04:00
_ALPHABET = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
_HEADER = b"ticker,volume,open,close,high,low,window_start,transactions\n"


def write_day(path: Path, rows: int = 1_830_000, tickers: int = 10_000, seed: int = 7) -> int:
    """Write about `rows` bars of `tickers` names to `path`; returns the exact count.

    Half of the names spell numbers as the vendor did before 2026-02-23 (`4930`, `115.03`), half as since then
    (`2036584.149027`, `115.030000`). Rows are sorted by ticker bytes, then time, as in the vendor's files.
    """
    rng = np.random.default_rng(seed)
    names = _names(rng, tickers)
    share = np.minimum(rng.pareto(0.6, tickers) + 0.05, 500)
    counts = _counts(share, rows)
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    with path.open("wb") as out:
        out.write(packer.compress(_HEADER))
        for start in range(0, tickers, 500):
            batch = slice(start, start + 500)
            text = _bars(rng, names[batch], counts[batch], share[batch])
            out.write(packer.compress(text))
        out.write(packer.flush())
    return int(counts.sum())


def _names(rng: np.random.Generator, count: int) -> list[str]:
    names = {"NA", "BRK.B", "AAp", "AAP", "BACpL"}
    while len(names) < count:
        length = int(rng.integers(1, 6))
        names.add("".join(rng.choice(_ALPHABET, length)))
    return sorted(names)


def _counts(share: np.ndarray, rows: int) -> np.ndarray:
    """Minutes traded per name: few names trade every minute, most only some; their sum is near `rows`."""
    low, high = 0.0, 1e9
    for _ in range(80):
        middle = (low + high) / 2
        if np.minimum(np.ceil(share * middle), _MINUTES).sum() < rows:
            low = middle
        else:
            high = middle
    return np.minimum(np.ceil(share * high), _MINUTES).astype(int)


def _bars(rng: np.random.Generator, names: list[str], counts: np.ndarray, share: np.ndarray) -> bytes:
    frames = [_ticker(rng, *given) for given in zip(names, counts, share, strict=True)]
    return b"".join(_text(frame, six=index % 2 == 1) for index, frame in enumerate(frames))


def _ticker(rng: np.random.Generator, name: str, count: int, share: float) -> pl.DataFrame:
    minutes = np.sort(rng.choice(_MINUTES, count, replace=False, p=_ACTIVITY))
    price = np.exp(rng.normal(3.3, 1.2)) + 0.5
    closes = price * np.exp(np.cumsum(rng.normal(0, 0.0008, count)))
    decimals = rng.choice([2, 2, 3, 4], count)
    spread = price * np.abs(rng.normal(0, 0.0006, (3, count)))
    opens = _round(closes + (rng.random(count) - 0.5) * spread[0], decimals)
    closes = _round(closes, decimals)
    volume = np.maximum(1, rng.lognormal(4 + np.log1p(share), 1.5, count).astype(int))
    return pl.DataFrame(
        {
            "ticker": [name] * count,
            "volume": volume + (rng.random(count) < 0.3) * np.round(rng.random(count), 6),
            "open": opens,
            "close": closes,
            "high": _round(np.maximum(opens, closes) + spread[1], decimals).clip(np.maximum(opens, closes)),
            "low": _round(np.minimum(opens, closes) - spread[2], decimals).clip(0.01, np.minimum(opens, closes)),
            "window_start": (_FIRST_MINUTE + minutes * 60) * 1_000_000_000,
            "transactions": np.maximum(1, (volume / rng.uniform(20, 90, count)).astype(int)),
        }
    )


def _round(prices: np.ndarray, decimals: np.ndarray) -> np.ndarray:
    scale = 10.0**decimals
    return np.maximum(np.round(prices * scale) / scale, 0.01)


def _text(frame: pl.DataFrame, *, six: bool) -> bytes:
    if six:
        return frame.write_csv(include_header=False, float_precision=6).encode()
    whole = frame.with_columns(pl.col("volume").cast(pl.Int64))
    return whole.write_csv(include_header=False).encode()


def _activity() -> np.ndarray:
    """How likely each minute of the extended day is to have a trade: mostly the regular hours, most at their ends."""
    weights = np.full(_MINUTES, 0.15)
    inside = np.linspace(-1, 1, _CLOSING - _OPENING)
    weights[_OPENING:_CLOSING] = 1 + 1.5 * inside**2
    weights[_CLOSING:] = 0.1
    return weights / weights.sum()


_ACTIVITY = _activity()
