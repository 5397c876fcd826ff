"""Rows out of quarantine, held to the rules of today: which may enter the lake now, and which still may not."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from forebay.lake.intake.quality import check_rows, split_twins
from forebay.model.catalogue import Dataset
from forebay.model.defects import defects_of
from forebay.model.rows import bad_schema, plain_schema, time_column


@dataclass(frozen=True, slots=True)
class Sound:
    """Kept rows apart."""

    good: pl.DataFrame
    """What may enter, in the columns of `plain_schema`."""
    bad: pl.DataFrame
    """What may not, in those of `bad_schema`, each with its reason of now."""


def sound_rows(rows: pl.DataFrame, dataset: Dataset, held: pl.DataFrame) -> Sound:
    """Split bars that were kept (columns of `bad_schema`) by the known fixes and the checks of today.

    A row whose key (ticker and time) is in `held` (columns of `plain_schema`) stays out if the lake says something else
    there; the same row is good, for an earlier replay may have been killed when it was in the lake. Lines that did not
    parse stay as they are.
    """
    unread = rows.filter(pl.col("text").is_not_null())
    parsed = rows.filter(pl.col("text").is_null()).select(plain_schema(dataset).names())
    for defect in defects_of(dataset):
        parsed, _ = defect.patch(parsed)
    checked = check_rows(parsed, dataset)
    kept, twins, _ = split_twins(checked.good, dataset)
    key = ["ticker", time_column(dataset)]
    others = held.join(kept, on=kept.columns, how="anti", nulls_equal=True)
    good = kept.join(others, on=key, how="anti")
    taken = kept.join(others, on=key, how="semi").with_columns(
        pl.lit("conflicting_rows").alias("reason"), pl.lit(None, pl.String()).alias("text")
    )
    names = bad_schema(dataset).names()
    return Sound(good, pl.concat([each.select(names) for each in (unread, checked.bad, twins, taken)]))
