"""Rows on their way into Parquet, with the texts that stand in runs as dictionaries already: a look for each run."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

_ARROW = pl.CompatLevel.oldest()
"""Plain Arrow types, which pyarrow writes."""
_RUNS = ("ticker", "source", "underlying", "option_type")


def encodable(rows: pl.DataFrame) -> pa.Table:
    """The same rows as Arrow types that depend on those of the columns alone."""
    runs = [name for name in rows.columns if name in _RUNS]
    table = rows.drop(runs).to_arrow(compat_level=_ARROW)
    for name in runs:
        table = table.add_column(rows.columns.index(name), name, _dictionary(rows.get_column(name)))
    return table


def _dictionary(texts: pl.Series) -> pa.Array:
    """A dictionary in the order in which texts first stand there; none of them is in it twice."""
    runs = texts.rle().struct.unnest()
    firsts, lengths = runs["value"].to_arrow(compat_level=_ARROW).dictionary_encode(), runs["len"].to_numpy()
    places = pl.Series(firsts.indices).gather(np.repeat(np.arange(lengths.size), lengths))
    return pa.DictionaryArray.from_arrays(places.to_arrow(), firsts.dictionary)
