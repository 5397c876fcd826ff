"""Where `forebay trades bars` puts its bars, table by table: a file that is visible only when whole, or stdout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import polars as pl

from forebay.cli.output import say
from forebay.cli.rows_out import Form, show_frame, whole
from forebay.errors import UsageError
from forebay.lake.format.parquet import RowWriter
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.rows import BAR_ROWS

Write = Callable[[pl.DataFrame], None]


def sink(out: Path | None, form: Form) -> AbstractContextManager[Write]:
    """Takes tables in BAR_ROWS columns. Raises UsageError for a file of another kind; while writing StoreError."""
    if out is None:
        return _csv_on_stdout() if form is Form.CSV else _shown(form)
    if out.suffix == ".parquet":
        return _parquet(out)
    if out.suffix == ".csv":
        return _csv(out)
    raise UsageError(f"{out} is neither .parquet nor .csv", remedy="name a file that ends in one of them")


@contextmanager
def _csv_on_stdout() -> Iterator[Write]:
    say(BAR_ROWS.to_frame().write_csv().removesuffix("\n"))
    yield lambda table: say(table.write_csv(include_header=False).removesuffix("\n")) if table.height else None


@contextmanager
def _shown(form: Form) -> Iterator[Write]:
    """All of them at the end."""
    tables = [BAR_ROWS.to_frame()]
    yield tables.append
    show_frame(pl.concat(tables), form)


@contextmanager
def _parquet(out: Path) -> Iterator[Write]:
    """In the lake's own form."""
    with whole(out) as part, RowWriter(part, BAR_DATASETS["stocks/bars_1m"]) as writer:
        yield writer.write


@contextmanager
def _csv(out: Path) -> Iterator[Write]:
    with whole(out) as part, part.open("w", encoding="utf-8", newline="") as file:
        file.write(BAR_ROWS.to_frame().write_csv())

        def write(table: pl.DataFrame) -> None:
            file.write(table.write_csv(include_header=False))

        yield write
