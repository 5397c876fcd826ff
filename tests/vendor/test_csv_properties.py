"""Any file at all, for every dataset: what parses comes back digit for digit, the rest is told apart with its reason.

FOREBAY_PARSE_MINUTES=60 makes the first test run for that long, with new cases all the time, and print how many.
"""

from __future__ import annotations

import gzip
import os
import sys
import time
from collections.abc import Iterable
from datetime import date
from unittest.mock import patch

import polars as pl
import pytest
from csv_files import File, files
from csv_oracle import bits, told
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from forebay.errors import CheckFailed
from forebay.model.catalogue import DATASETS, Dataset
from forebay.model.rows import bad_schema, plain_schema
from forebay.vendor import gunzip
from forebay.vendor.csv_rows import read_rows
from forebay.vendor.gunzip import Received

DAY = date(2025, 4, 16)
MINUTES = float(os.environ.get("FOREBAY_PARSE_MINUTES", "0"))
ROUND = 500 if MINUTES else 10
"""Cases in one call of Hypothesis, for each dataset."""


def _read(file: File, dataset: Dataset) -> tuple[list[pl.DataFrame], list[pl.DataFrame], Received]:
    packed, received = gzip.compress(file.first + file.body, 1), Received()
    with patch.object(gunzip, "BLOCK_BYTES", file.block):
        tables = list(read_rows(_pieces(packed, file.cut), dataset, DAY, received))
    good = [table for table in tables if "reason" not in table.columns]
    return good, [table for table in tables if "reason" in table.columns], received


def _pieces(data: bytes, cut: int) -> Iterable[bytes]:
    return (data[start : start + cut] for start in range(0, len(data), cut))


def _values(table: pl.DataFrame, dataset: Dataset) -> list[tuple[object, ...]]:
    """Rows in the dataset's column order; a bar's time as the file's nanoseconds."""
    rows = table.select(*dataset.columns)
    if isinstance(rows.schema.get("window_start"), pl.Datetime):
        rows = rows.with_columns(pl.col("window_start").cast(pl.Int64) * 1000)
    return [tuple(bits(value) for value in row) for row in rows.iter_rows()]


def _check(file: File, dataset: Dataset) -> None:
    wanted = told(file.body, file.header, dataset)
    note(f"{file.first + file.body!r}")

    good, bad, received = _read(file, dataset)

    assert wanted.good == [row for table in good for row in _values(table, dataset)]
    reasons = [row for table in bad for row in table.select("reason", "text").iter_rows()]
    assert wanted.bad == [(int(reason.split(":")[0].removeprefix("row ")), text) for reason, text in reasons]
    assert len(wanted.good) + len(wanted.bad) == received.rows
    assert all(plain_schema(dataset) == table.schema for table in good)
    assert all(bad_schema(dataset) == table.schema for table in bad)
    assert {DAY} >= {day for table in good + bad for day in table["session_date"].to_list()}


def _search(dataset: Dataset, cases: int) -> None:
    """Let Hypothesis look for a file that is read otherwise than by the oracle."""
    phases = (Phase.generate, Phase.shrink)

    @settings(max_examples=cases, phases=phases, database=None, suppress_health_check=list(HealthCheck))
    @given(files(dataset))
    def look(file: File) -> None:
        _check(file, dataset)

    look()


@pytest.mark.parametrize("name", DATASETS)
def test_a_file_is_read_as_python_reads_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Quotes, empty fields, any spelling of a number, CRLF, no last line end, NUL bytes, BOM, any order and border."""
    began, cases = time.monotonic(), 0
    while cases == 0 or time.monotonic() - began < MINUTES * 60 / len(DATASETS):
        _search(DATASETS[name], ROUND)
        cases += ROUND
    if MINUTES:
        with capsys.disabled():
            sys.stderr.write(f"\n{name}: {cases} files\n")


@given(
    st.sampled_from(sorted(DATASETS)),
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz_ ", min_size=1, max_size=12),
    st.integers(0, 20),
)
@settings(max_examples=30)
def test_an_unknown_column_is_refused_by_its_name(name: str, column: str, place: int) -> None:
    """A file with a column that the vendor never announced is refused wherever it stands, and the error names it."""
    header = list(DATASETS[name].columns)
    if column in header:
        column += "_new"
    header.insert(place, column)

    with pytest.raises(CheckFailed) as refused:
        list(read_rows([gzip.compress(",".join(header).encode() + b"\n")], DATASETS[name], DAY))

    assert f"unknown column: {column!r}" in str(refused.value)
