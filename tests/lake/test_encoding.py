"""What is written to Parquet comes back, and the same rows are the same bytes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from forebay.lake.format.parquet import RowWriter
from forebay.model.catalogue import DATASETS
from forebay.model.rows import row_schema

OPTIONS = DATASETS["us_options_opra/minute_aggs_v1"]
_CALL, _PUT, _ODD = "O:SPY251219C00650000", "O:SPY251219P00650000", "O:NOFORM"


def _rows(tickers: list[str]) -> pl.DataFrame:
    count = len(tickers)
    known = [ticker != _ODD for ticker in tickers]
    given = {
        "ticker": tickers,
        "window_start": [datetime(2025, 12, 1, 15, minute, tzinfo=UTC) for minute in range(count)],
        "open": [1.25 + each for each in range(count)],
        "source": ["flatfile"] * count,
        "session_date": [date(2025, 12, 1)] * count,
        "underlying": ["SPY" if each else None for each in known],
        "option_type": [("call" if "C00" in ticker else "put") if ticker != _ODD else None for ticker in tickers],
    }
    return pl.DataFrame({name: given.get(name, [None] * count) for name in row_schema(OPTIONS)}, row_schema(OPTIONS))


def _written(path: Path, rows: pl.DataFrame, cut: int) -> bytes:
    with RowWriter(path, OPTIONS, group_rows=4) as writer:
        for start in range(0, rows.height, cut):
            writer.write(rows[start : start + cut])
    return path.read_bytes()


@pytest.mark.parametrize(
    "tickers",
    [[_CALL] * 3 + [_PUT] * 4, [_ODD] * 2 + [_CALL] * 2 + [_ODD] * 3, [_PUT, _CALL, _PUT, _CALL, _PUT]],
    ids=["runs", "texts missing", "out of order"],
)
def test_texts_come_back_whatever_their_runs(tickers: list[str], tmp_path: Path) -> None:
    """Runs of a text, a text that comes again after another, and none at all are read back as they were written."""
    rows = _rows(tickers)

    _written(tmp_path / "rows.parquet", rows, 100)

    assert rows.equals(pl.read_parquet(tmp_path / "rows.parquet"))


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    """However rows were cut into tables, a file of them is the same: its mark tells what is in it."""
    rows = _rows([_ODD, _ODD, _CALL, _CALL, _CALL, _PUT, _PUT])

    written = {cut: _written(tmp_path / f"{cut}.parquet", rows, cut) for cut in (1, 2, 3, 100)}

    assert [written[100]] * 4 == list(written.values())
