"""A CSV of minute bars in the archive's columns, one ticker after the other: `python -m bench.lzop_bars PATH BYTES`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

SESSIONS, MINUTES = 250, 390
_FIRST_MINUTE = 1704205800
"""14:30 UTC of 2024-01-02."""


def write_bars(path: Path, size: int) -> None:
    """Some more than `size` bytes."""
    rng = np.random.default_rng(7)
    with path.open("wb") as file:
        file.write(b"timestamp,open,high,low,close,volume,vwap,transactions\n")
        while file.tell() < size:
            file.write(_ticker(rng, SESSIONS * MINUTES).write_csv(include_header=False).encode())


def _ticker(rng: np.random.Generator, count: int) -> pl.DataFrame:
    minute = np.arange(count)
    seconds = pl.Series(_FIRST_MINUTE + 86_400 * (minute // MINUTES) + 60 * (minute % MINUTES))
    price = np.exp(rng.normal(3.5, 1)) * np.exp(np.cumsum(rng.normal(0, 0.0006, count)))
    high, low, vwap = (price * (1 + sign * np.abs(rng.normal(0, 0.0005, count))) for sign in (1, -1, 0.3))
    volume = np.maximum(1, rng.lognormal(7, 1.5, count)).astype(int)
    return pl.DataFrame(
        {
            "timestamp": pl.from_epoch(seconds, time_unit="s").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "open": np.round((price + low) / 2, 2),
            "high": np.round(high, 2),
            "low": np.round(low, 2),
            "close": np.round(price, 2),
            "volume": volume,
            "vwap": np.round(vwap, 4),
            "transactions": np.maximum(1, (volume / rng.uniform(20, 90, count)).astype(int)),
        }
    )


if __name__ == "__main__":
    write_bars(Path(sys.argv[1]), int(sys.argv[2]))
