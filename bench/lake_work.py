"""What the lake benchmark's processes do, as programs: each contender's imports and its work on given paths.

A program gets the folder `out` and the paths `sources`, one day file or the files of a month.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    imports: str
    work: str

    @property
    def whole(self) -> str:
        return f"{self.imports}\n{_PATHS}{self.work}"


_PATHS = "import sys\nout, *sources = sys.argv[1:]\n"
_FOREBAY_IMPORTS = """
from datetime import UTC, date, datetime
from pathlib import Path
from forebay.lake.home.staging import Staging
from forebay.lake.writing.table import LakeTables
from forebay.model.catalogue import DATASETS
from forebay.model.partition import Revision
from forebay.vendor.csv_rows import read_rows
"""
_INGEST = """
def chunks(source):
    with open(source, "rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk
with Staging(Path(out, "tmp"), "bench") as staging:
    tables = LakeTables(Path(out, "lake"), staging)
    for source in map(Path, sources):
        dataset, day = DATASETS["/".join(source.parts[-5:-3])], date.fromisoformat(source.name[:10])
        staged = tables.stage(read_rows(chunks(source), dataset, day), dataset, str(source))
        assert staged.bad.height == 0, staged.counts
        tables.replace_day(staged, day, Revision("one", source.stat().st_size, datetime.now(UTC)))
"""
_GUNZIP = """
for source in sources:
    with igzip.open(source) as file:
        while file.read(1 << 20):
            pass
"""
_DUCKDB = """
for source in sources:
    day = source.rsplit("/", 1)[-1][:10]
    duckdb.execute(f"COPY (FROM read_csv('{source}')) TO '{out}/{day}.parquet' (FORMAT parquet, COMPRESSION zstd)")
"""
_POLARS = """
for source in sources:
    day = source.rsplit("/", 1)[-1][:10]
    pl.scan_csv(source).sink_parquet(f"{out}/{day}.parquet", compression="zstd")
"""
INGESTS = {
    "forebay": Program(_FOREBAY_IMPORTS, _INGEST),
    "gunzip": Program("from isal import igzip", _GUNZIP),
    "duckdb": Program("import duckdb", _DUCKDB),
    "polars": Program("import polars as pl", _POLARS),
}
"""From csv.gz: to a checked, committed table, to nowhere, and to plain Parquet files."""

COMPACT = Program(
    """
from pathlib import Path
from forebay.lake.format import tiles
from forebay.lake.compaction.compaction import Compaction
from forebay.lake.compaction.spans import Span, choose_span
from forebay.lake.home.staging import Staging
from forebay.lake.writing.table import LakeTables
""",
    """
span, *tile_rows = sources
if tile_rows:
    tiles.TILE_ROWS = int(tile_rows[0])
with Staging(Path(out).with_name("tmp"), "bench") as staging:
    tables = LakeTables(Path(out), staging)
    choose_span(tables.home.table("stocks/bars_1m"), Span(span))
    compaction = Compaction(tables)
    for work in compaction.plan("stocks/bars_1m"):
        assert compaction.run(work)
""",
)
"""The lake at `out`, by a span, with tiles of as many rows as the lake usually has, or as told."""

_DELTA = "from deltalake import DeltaTable, WriterProperties\n"
Z_ORDER = Program(_DELTA, 'DeltaTable(out).optimize.z_order(["ticker", "window_start"])\n')
BIN_PACK = Program(_DELTA, "DeltaTable(out).optimize.compact()\n")
