"""Where rows go that a command read: to stdout in some form, or to a file that is there whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.output import print_table, say
from forebay.errors import UsageError

if TYPE_CHECKING:
    import polars as pl


class Form(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


_ROWS_SHOWN = 50
"""Rows of a printed table; CSV and JSON have all."""
_KINDS = (".parquet", ".csv", ".arrow")
Format = Annotated[Form, typer.Option("--format", help="table shows the first rows; csv and json print all.")]


def show_frame(frame: pl.DataFrame, form: Form) -> None:
    """Rows on stdout, in the form that was asked for."""
    match form:
        case Form.CSV:
            sys.stdout.write(frame.write_csv())
        case Form.JSON:
            sys.stdout.write(frame.write_json() + "\n")
        case Form.TABLE:
            print_table(frame.columns, frame.head(_ROWS_SHOWN).rows())
            if frame.height > _ROWS_SHOWN:
                say(f"... {frame.height:,} rows in all; --format csv prints them")


def deliver(rows: pl.LazyFrame, out: Path) -> None:
    """Rows into a file, by its ending; as they come, where their order allows it.

    Raises UsageError for another ending, StoreError when it cannot be written.
    """
    if out.suffix not in _KINDS:
        raise UsageError(f"{out} is none of {', '.join(_KINDS)}", remedy="name a file that ends in one of them")
    with whole(out) as part:
        match out.suffix:
            case ".parquet":
                rows.sink_parquet(part, compression="zstd")
            case ".csv":
                rows.sink_csv(part)
            case _:
                rows.sink_ipc(part)


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """A file beside `out` that takes its name at the end, and is gone if that does not come. Raises StoreError."""
    from forebay.stores.disk import storage_errors

    part = out.with_name(out.name + ".part")
    try:
        with storage_errors(out):
            yield part
            part.replace(out)
    finally:
        part.unlink(missing_ok=True)
