"""The archive benchmark's input: many small day files, a few large trades files, with the vendor's keys and columns.

A large file is a header and one member of trades repeated: legal gzip, and only one member is ever on the disk.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zlib
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from bench.s3_answers import Object

from forebay.model.calendar import day_start, session, session_days
from forebay.model.catalogue import DATASETS, FLATFILES_BUCKET, Dataset

SMALL, LARGE = DATASETS["us_options_opra/day_aggs_v1"], DATASETS["us_stocks_sip/trades_v1"]
FIRST, LAST = date(2023, 1, 1), date(2024, 12, 31)
"""As many small files as are asked for are of the first sessions from here, and so are the large ones."""
SMALL_ROWS, MEMBER_ROWS, TICKERS = 25_000, 3_000_000, 300
"""Some 300 KB; some 60 MB, of 19 bytes a trade as in the vendor's files."""
_MODIFIED = "2026-01-05T12:00:00+00:00"


def write_files(folder: Path, small: int, large: int, large_bytes: int) -> None:
    """Write what `small` files and `large` ones of about `large_bytes` need, and `objects.json` for the server.

    Bodies that are there already are used again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    days = session_days(SMALL.calendar, FIRST, LAST)
    lines = [_line(SMALL, day, [(_small(folder, day), 1)]) for day in days[:small]]
    if large:
        header, member = _large(folder, days[0])
        times = round(large_bytes / Path(member).stat().st_size)
        lines += [_line(LARGE, day, [(header, 1), (member, times)]) for day in days[:large]]
    (folder / "objects.json").write_text(json.dumps(lines))


def _line(dataset: Dataset, day: date, pieces: list[tuple[str, int]]) -> dict[str, object]:
    key, size = dataset.key(day), sum(Path(name).stat().st_size * times for name, times in pieces)
    etag = f"{hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()}-{1 + size // (1 << 30)}"
    return {"bucket": FLATFILES_BUCKET, "key": key} | asdict(Object(pieces, size, etag, _MODIFIED))


def _small(folder: Path, day: date) -> str:
    path = folder / f"bars-{day}.csv.gz"
    if not path.exists():
        _pack(path, _header(SMALL) + _bars(day).encode())
    return str(path)


def _large(folder: Path, day: date) -> tuple[str, str]:
    header, member = folder / "trades-header.csv.gz", folder / "trades-member.csv.gz"
    if not member.exists():
        rng = np.random.default_rng(11)
        _pack(header, _header(LARGE))
        _pack(member, "".join(_trades(rng, index, day) for index in range(TICKERS)).encode())
    return str(header), str(member)


def _pack(path: Path, text: bytes) -> None:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    part = path.with_suffix(".part")
    part.write_bytes(packer.compress(text) + packer.flush())
    part.rename(path)


def _header(dataset: Dataset) -> bytes:
    return ",".join(dataset.columns).encode() + b"\n"


def _bars(day: date) -> str:
    """Day bars of options: strikes of a few roots, most of them traded a few times."""
    rng = np.random.default_rng(day.toordinal())
    strikes = np.arange(SMALL_ROWS) % 350 * 500 + 5000
    expiry = np.arange(SMALL_ROWS) // 350
    names = [
        f"O:{_name(number // 2)}{day:%y%m}{number % 28 + 1:02}{'CP'[number % 2]}{strike:08}"
        for number, strike in zip(expiry, strikes, strict=True)
    ]
    closes = np.round(np.exp(rng.normal(0.5, 1.6, SMALL_ROWS)) + 0.01, 2)
    opens = np.round(closes * np.exp(rng.normal(0, 0.1, SMALL_ROWS)) + 0.01, 2)
    trades = np.maximum(1, rng.pareto(0.7, SMALL_ROWS).clip(0, 9999).astype(int))
    frame = {
        "ticker": names,
        "volume": trades * rng.integers(1, 9, SMALL_ROWS),
        "open": opens,
        "close": closes,
        "high": np.where(trades > 1, np.round(np.maximum(opens, closes) * 1.05, 2), np.maximum(opens, closes)),
        "low": np.where(trades > 1, np.round(np.minimum(opens, closes) * 0.95, 2), np.minimum(opens, closes)),
        "window_start": [int(day_start(SMALL, day).timestamp()) * 10**9] * SMALL_ROWS,
        "transactions": trades,
    }
    return str(pl.DataFrame(frame).sort("ticker").write_csv(include_header=False))


def _trades(rng: np.random.Generator, ticker: int, day: date) -> str:
    """Trades of one stock over the day: bursts of some at once, a third of them reported by a TRF."""
    count = MEMBER_ROWS // TICKERS
    opens = int(session(LARGE.calendar, day).regular_opens.timestamp()) * 10**9
    bursts = np.sort(rng.integers(0, 23_400 * 10**9, count // 2))
    sip = opens + np.sort(bursts[rng.integers(0, count // 2, count)] + rng.integers(0, 40, count) * 250)
    trf = rng.random(count) < 0.35
    condition = np.array(["", '"14,37,41"', "37", '"12,37"', "12"])
    frame = {
        "ticker": [_name(ticker)] * count,
        "conditions": condition[rng.choice(5, count, p=[0.45, 0.2, 0.2, 0.1, 0.05])],
        "correction": np.zeros(count, int),
        "exchange": np.where(trf, 4, rng.choice([8, 10, 11, 12, 15, 19], count)),
        "id": np.arange(1, count + 1) + ticker * 7,
        "participant_timestamp": sip - rng.integers(20, 90, count) * np.where(trf, 1_000_000, 5000),
        "price": np.round(20 + ticker + np.cumsum(rng.choice([-0.01, 0, 0, 0, 0.01], count)), 2),
        "sequence_number": np.cumsum(rng.integers(1, 60, count)),
        "sip_timestamp": sip,
        "size": np.where(rng.random(count) < 0.4, 100, rng.integers(1, 300, count)),
        "tape": [1 + ticker % 3] * count,
        "trf_id": np.where(trf, 202, 0),
        "trf_timestamp": np.where(trf, sip - 20_000, 0),
    }
    return str(pl.DataFrame(frame).write_csv(include_header=False, quote_style="never"))


def _name(number: int) -> str:
    return "".join(chr(65 + number // 26**place % 26) for place in (2, 1, 0))


if __name__ == "__main__":
    write_files(Path(sys.argv[1]), *map(int, sys.argv[2:]))
