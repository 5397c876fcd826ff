"""The vendor's flat files of stock trades, read as tables of the columns that bars are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from forebay.bars.trades import TRADE_ROWS
from forebay.errors import CheckFailed
from forebay.model.catalogue import Dataset
from forebay.model.rows import BAD_ROWS
from forebay.vendor.csv_repair import in_parts, split_rows
from forebay.vendor.csv_rows import CsvFile, read_header
from forebay.vendor.gunzip import Received, blocks

_BLOCK_BYTES = 16 << 20
"""Four times the block of other files: fewer tables of sums, each of which costs milliseconds."""


@dataclass(frozen=True, slots=True)
class TradeBlock:
    """Some whole lines of a file, not parsed yet."""

    file: CsvFile
    body: bytes

    def table(self) -> pl.DataFrame | None:
        """Its rows in the columns of TRADE_ROWS; None when one of them needs a closer look. Safe in threads."""
        if not self.body:
            return TRADE_ROWS.to_frame()
        try:
            rows = pl.read_csv(
                self.body,
                has_header=False,
                schema=self.file.schema,
                columns=[self.file.header.index(name) for name in TRADE_ROWS],
                quote_char='"',
                empty_string_is_null=False,
            )
        except pl.exceptions.PolarsError:
            return None  # `split` finds the rows at fault and says what is wrong with each
        if any(column.null_count() for column in rows):
            return None
        return rows[TRADE_ROWS.names()]

    def split(self, first_row: int) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The slow way: rows that parse (TRADE_ROWS), and those that do not (BAD_ROWS), counted from `first_row`."""
        good, bad = self._rows(first_row)
        known = {"reason": pl.col("reason"), "text": pl.col("text"), "session_date": pl.lit(self.file.day)}
        told = [known.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in BAD_ROWS.items()]
        return good.select(TRADE_ROWS.names()), bad.select(told)

    def _rows(self, first_row: int) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Good and bad rows, split in parts: as Python's objects they take many times the memory of a table."""
        parts: list[tuple[pl.DataFrame, pl.DataFrame]] = []
        for body in in_parts(self.body):
            parts.append(split_rows(body, self.file.schema, first_row))
            first_row += sum(table.height for table in parts[-1])
        return pl.concat([good for good, _ in parts]), pl.concat([bad for _, bad in parts])


def trade_blocks(
    chunks: Iterable[bytes], dataset: Dataset, day: date, received: Received | None = None
) -> Iterator[TradeBlock]:
    """A day's gzip CSV of stock trades, given as `chunks` of its bytes, in blocks of whole lines.

    `received` is filled with what came, its rows excepted. Raises CheckFailed for a damaged gzip, an empty file, an
    unknown or a missing column.
    """
    file: CsvFile | None = None
    received = received if received is not None else Received()
    for block in blocks(chunks, dataset.key(day), received, _BLOCK_BYTES):
        body = block
        if file is None:
            line, _, body = block.partition(b"\n")
            file = CsvFile(dataset, day, read_header(line, dataset, day))
        yield TradeBlock(file, body)
    if file is None:
        raise CheckFailed(
            f"{dataset.key(day)} is empty: it has no header row",
            remedy="fetch the file again; one that stays empty is the vendor's to repair",
        )
