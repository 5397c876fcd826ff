"""The contenders of the trades benchmark, as programs: what they import, and what they do with a file or a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contender:
    imports: str
    from_file: str
    from_memory: str


PATHS = """
import sys
from pathlib import Path
folder, name = Path(sys.argv[1]), sys.argv[2]
source, rules, out = folder / "trades.csv.gz", folder / "rules.parquet", folder / f"{name}.bars.parquet"
MIDNIGHT = 1779422400 * 10**9
OPENS, CLOSES = MIDNIGHT + 34_200 * 10**9, MIDNIGHT + 57_600 * 10**9
"""
LOAD = """
import polars
trades = polars.read_parquet(folder / "trades.parquet", memory_map=False)
"""

_FOREBAY = """
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
import polars as pl
from bench.trade_day import DAY
from forebay.bars.build import BarBuilder, sum_up
from forebay.bars.conditions import Rulings
from forebay.bars.sizes import ONE_MINUTE, Hours
from forebay.bars.trades import TradeRules, judge
from forebay.clock import SystemClock
from forebay.lake.format.parquet import RowWriter
from forebay.lake.intake.quarantine import Quarantine
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.partition import Revision
from forebay.orchestration.trade_bars import TradeBars
from forebay.tasks.origin import Origin
from forebay.vendor.flatfiles import Listing, Published
"""
_FOREBAY_FILE = """
revision = Revision("one", source.stat().st_size, datetime.now(UTC))
class Disk:
    def list(self, dataset, start, end):
        return Listing((Published(start, dataset.key(start), revision),))
    def open(self, key, revision, start=0):
        self.file = source.open("rb")
        return self
    def __enter__(self):
        return iter(lambda: self.file.read(1 << 20), b"")
    def __exit__(self, *_):
        self.file.close()
disk = Disk()
room = TradeBars(Origin(disk, None, SystemClock()), disk, Quarantine(folder / "quarantine"), TradeRules())
reading, tables = room.bars(DAY, [ONE_MINUTE])
with RowWriter(out, BAR_DATASETS["stocks/bars_1m"]) as writer:
    for (table,) in tables:
        writer.write(table)
assert reading.tally.trades and not reading.bad
"""
_FOREBAY_MEMORY = """
hours, limits, rulings = Hours.on(DAY), TradeRules(), Rulings()
builder, waiting = BarBuilder(ONE_MINUTE, hours), deque()
def work(first):
    return sum_up(judge(trades[first : first + 80_000], hours, limits, rulings).prints, ONE_MINUTE, hours)
with RowWriter(out, BAR_DATASETS["stocks/bars_1m"]) as writer, ThreadPoolExecutor(2) as pool:
    for sums in pool.map(work, range(0, trades.height, 80_000)):
        writer.write(builder.take(sums))
    writer.write(builder.finish())
"""

_DUCKDB = """
import duckdb
"""
_SQL = """
import duckdb
duckdb.execute("SET threads = 2")
duckdb.execute("SET memory_limit = '1500MB'")
duckdb.execute(f'''COPY (
    WITH judged AS (
        SELECT ticker, price, size, sip_timestamp // 60000000000 AS minute, vol,
               sip_timestamp::HUGEINT * 4294967296 + sequence_number AS place,
               CASE WHEN sip_timestamp < {OPENS} OR sip_timestamp >= {CLOSES} THEN hl_ext ELSE hl END AS hl,
               CASE WHEN sip_timestamp < {OPENS} OR sip_timestamp >= {CLOSES} THEN oc_ext ELSE oc END AS oc
        FROM %s AS trades JOIN '{rules}' AS rules ON coalesce(trades.conditions, '') = rules.conditions
        WHERE correction IN (0, 1)
    )
    SELECT ticker, make_timestamp(minute * 60000000) AS window_start,
           arg_min(price, place) FILTER (oc) AS open, max(price) FILTER (hl) AS high,
           min(price) FILTER (hl) AS low, arg_max(price, place) FILTER (oc) AS close,
           sum(size) FILTER (vol) AS volume, sum(price * size) FILTER (vol) / sum(size) FILTER (vol) AS vwap,
           count(*) FILTER (vol) AS transactions
    FROM judged GROUP BY ticker, minute HAVING count(*) FILTER (oc) > 0
) TO '{out}' (FORMAT parquet)''')
"""
_CSV = """read_csv('{source}', header = true, quote = '\\"', columns = {{
    'ticker': 'VARCHAR', 'conditions': 'VARCHAR', 'correction': 'BIGINT', 'exchange': 'BIGINT', 'id': 'VARCHAR',
    'participant_timestamp': 'BIGINT', 'price': 'DOUBLE', 'sequence_number': 'BIGINT', 'sip_timestamp': 'BIGINT',
    'size': 'DOUBLE', 'tape': 'BIGINT', 'trf_id': 'BIGINT', 'trf_timestamp': 'BIGINT'}})"""

_POLARS = """
import polars as pl
"""
_POLARS_WORK = """
outside = (pl.col("sip_timestamp") < OPENS) | (pl.col("sip_timestamp") >= CLOSES)
told = pl.read_parquet(rules).with_columns(pl.col("conditions").cast(pl.String))
hl = pl.when(outside).then("hl_ext").otherwise("hl")
oc = pl.when(outside).then("oc_ext").otherwise("oc")
place = pl.col("sip_timestamp").cast(pl.Int128) * 2**32 + pl.col("sequence_number")
price, size, vol = pl.col("price"), pl.col("size"), pl.col("vol")
judged = (
    given.filter(pl.col("correction").is_in([0, 1]))
    .with_columns(pl.col("conditions").fill_null(""))
    .join(told.lazy(), on="conditions")
    .select(
        "ticker",
        "price",
        (pl.col("sip_timestamp") // 60_000_000_000).alias("minute"),
        pl.when(hl).then(price).alias("reached"),
        pl.when(oc).then(place).alias("place"),
        pl.when(vol).then(size).alias("size"),
        pl.when(vol).then(price * size).alias("paid"),
    )
)
bars = judged.group_by("ticker", "minute").agg(
    pl.col("price").min_by("place").alias("open"),
    pl.col("reached").max().alias("high"),
    pl.col("reached").min().alias("low"),
    pl.col("price").max_by("place").alias("close"),
    pl.col("size").sum().alias("volume"),
    (pl.col("paid").sum() / pl.col("size").sum()).alias("vwap"),
    pl.col("size").count().cast(pl.Int64).alias("transactions"),
    pl.col("place").count().alias("setting"),
)
done = bars.filter(pl.col("setting") > 0).drop("setting")
start = (pl.col("minute") * 60_000_000).cast(pl.Datetime("us", "UTC"))
done.select("ticker", start.alias("window_start"), pl.exclude("ticker", "minute")).collect(
    engine="streaming"
).write_parquet(out)
"""
_SCAN = """
whole = {"correction", "exchange", "participant_timestamp", "sequence_number", "sip_timestamp", "tape", "trf_id"}
names = ["ticker", "conditions", "correction", "exchange", "id", "participant_timestamp", "price", "sequence_number",
         "sip_timestamp", "size", "tape", "trf_id", "trf_timestamp"]
kinds = {"ticker": pl.String, "conditions": pl.String, "id": pl.String, "price": pl.Float64, "size": pl.Float64}
given = pl.scan_csv(source, schema={name: kinds.get(name, pl.Int64) for name in names})
"""

CONTENDERS = {
    "forebay": Contender(_FOREBAY, _FOREBAY_FILE, _FOREBAY_MEMORY),
    "duckdb": Contender(_DUCKDB, _SQL % _CSV, _SQL % "trades"),
    "polars": Contender(_POLARS, _SCAN + _POLARS_WORK, "given = trades.lazy()\n" + _POLARS_WORK),
}
