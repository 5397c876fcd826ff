"""Bars from trades: built, compared with the lake, and put into it, by real commands against a simulated vendor."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from homes import SAID_BY_BOTH, Home, published
from shell import Shell
from spoiling import a_vendor

from forebay import Lake, Sandbox
from forebay.errors import TemporaryError
from forebay.model.catalogue import DATASETS
from forebay.model.intervals import Interval
from forebay.model.partition import Source

TRADES, MINUTES, DAYS = (DATASETS[f"us_stocks_sip/{name}_v1"] for name in ("trades", "minute_aggs", "day_aggs"))
USUAL, HALF = date(2025, 11, 26), date(2025, 11, 28)
START, END = date(2025, 11, 17), date(2025, 12, 5)
NO_FILE_KEYS = {"POLYGON_S3_ACCESS_KEY_ID": "", "POLYGON_S3_SECRET_ACCESS_KEY": ""}


@pytest.fixture(scope="module")
def vendor(tmp_path_factory):
    with a_vendor(tmp_path_factory.mktemp("own"), TRADES, START, END, tickers=24) as running:
        yield running


@pytest.fixture
def home(tmp_path, vendor):
    return Home(tmp_path, vendor.sandbox)


def sync(shell: Shell, day: date, *tables: str) -> None:
    """Hold a day's bars; whatever becomes of the verdict."""
    names = ",".join(tables or ("stocks/bars_1d", "stocks/bars_1m"))
    assert shell("sync", "--datasets", names, "--start", str(day), "--end", str(day)).code in (0, 3)


def lake_of(home: Home, day: date, size: str = "1m") -> pl.DataFrame:
    return Lake(home.folder / "data/lake").bars(None, size, day, day, asset_class="stocks").collect()


def same(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    return one.select(SAID_BY_BOTH).equals(other.select(SAID_BY_BOTH))


def without_close(tickers, day):
    """A change of a minute file: these tickers end an hour before the half day's close."""
    noon = int(datetime(day.year, day.month, day.day, 17, tzinfo=UTC).timestamp()) * 1_000_000_000

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter(~(pl.col("ticker").is_in(tickers) & (pl.col("window_start") >= noon)))

    return change


@pytest.mark.parametrize("day", [USUAL, HALF])
@pytest.mark.parametrize(("size", "kind"), [("1m", "bars_1m"), ("1d", "bars_1d")])
def test_a_file_of_bars_is_what_traded(shell, vendor, home, day, size, kind):
    """From the vendor's gzip file to Parquet: every field of every bar of the market."""
    assert 0 == shell("trades", "bars", "--date", str(day), "--size", size, "--out", "bars.parquet").code

    built = pl.read_parquet(home.folder / "bars.parquet")
    assert vendor.truth(day, kind).equals(built.drop("source"))
    assert not list(home.folder.glob("*.part"))


def test_bars_of_some_tickers_in_every_form(shell, vendor):
    """CSV and JSON on stdout, and a CSV file, hold the same bars; a table shows the first; counts go to stderr."""
    command = ("trades", "bars", "--date", str(USUAL), "--size", "10s", "--tickers", "AAPL", "MSFT")
    as_csv, as_json = shell(*command, "--format", "csv"), shell(*command, "--json")
    assert 0 == shell(*command, "--out", "bars.csv").code

    rows = pl.read_csv(StringIO(as_csv.out))
    assert {"AAPL", "MSFT"} == set(rows["ticker"])
    assert rows.height == len(json.loads(as_json.out))
    assert as_csv.out == Path("bars.csv").read_text()
    assert f"{rows.height:,} rows in all" in shell(*command).out
    assert "trades_v1/2025/11/2025-11-26.csv.gz: " in as_csv.err
    assert "correction 8" in shell("trades", "bars", "--date", str(USUAL)).err


def test_a_ticker_without_trades_is_told(shell, vendor):
    """A name that nobody trades under is no silent success."""
    said = shell("trades", "bars", "--date", str(USUAL), "--tickers", "aapl")

    assert f"note: aapl did not trade on {USUAL}" in said.err


def test_the_archive_is_read_where_it_holds_the_file(shell, vendor):
    """Once archived, the vendor is not asked for it again, and no keys are needed."""
    assert 0 == shell("discoverer", "on-demand", "--datasets", TRADES.name, "--dates", str(USUAL)).code
    assert 0 == shell("worker", "--once").code
    asked = len(vendor.sandbox.requests)
    said = shell("trades", "bars", "--date", str(USUAL), "--size", "1d", "--json", **NO_FILE_KEYS)

    assert asked == len(vendor.sandbox.requests)
    assert vendor.truth(USUAL, "bars_1d").height == len(json.loads(said.out))


def test_a_lake_that_is_right_passes_the_check(shell, vendor):
    """Nothing differs on a usual day and on a half day, in minutes and in day bars."""
    for day in (USUAL, HALF):
        sync(shell, day)
        said = shell("trades", "check", "--date", str(day), "--json")
        found = json.loads(said.out)

        assert (0, True) == (said.code, found["equal"])
        assert {"equal"} == {one["day"] for one in found["tickers"]}
        assert vendor.truth(day).height == sum(one["minutes"] for one in found["tickers"])


def test_what_is_missing_or_wrong_is_found_and_repaired(shell, vendor, home):
    """Missing closes, a missing ticker, wrong values and a minute that never was: the lake is the market again."""
    day = date(2025, 11, 18)
    truth = vendor.truth(day)
    counts = truth.group_by("ticker").len().sort("len", descending=True)["ticker"].to_list()
    gone, wrong, extra, late = counts[:4]

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        stray = rows.filter(pl.col("ticker") == extra).head(1)
        stray = stray.with_columns(window_start=pl.col("window_start") - 3_600_000_000_000 * 1)
        kept = rows.filter((pl.col("ticker") != gone) & ~((pl.col("ticker") == late) & _last_minutes(rows, late)))
        spoiled = pl.when(pl.col("ticker") == wrong).then(pl.col("volume") + 7).otherwise(pl.col("volume"))
        return pl.concat([kept.with_columns(spoiled), stray]).sort("ticker", "window_start")

    vendor.spoil(MINUTES, day, change)
    sync(shell, day)
    said = shell("trades", "check", "--date", str(day), "--json")
    found = {one["ticker"]: one for one in json.loads(said.out)["tickers"] if not one["equal"]}
    assert (3, {gone, wrong, extra, late}) == (said.code, set(found))
    assert (truth.filter(ticker=gone).height, 0) == (found[gone]["missing"], found[gone]["differing"])
    assert (["volume"], 0) == (found[wrong]["fields"], found[wrong]["missing"])
    assert (1, 0) == (found[extra]["extra"], found[extra]["missing"])

    before = lake_of(home, day)
    command = ("trades", "repair", "--date", str(day), "--tickers", gone, wrong, extra, late)
    assert 0 == shell(*command, "--dry-run").code
    assert before.equals(lake_of(home, day))

    repaired = shell(*command, "--json")
    assert (0, True) == (repaired.code, json.loads(repaired.out)["changed"])
    assert same(truth, lake_of(home, day))
    assert 0 == shell("trades", "check", "--date", str(day)).code
    untouched = before.filter(~pl.col("ticker").is_in([gone, wrong, extra, late]))
    assert untouched.equals(lake_of(home, day).filter(~pl.col("ticker").is_in([gone, wrong, extra, late])))
    kept = lake_of(home, day).filter(ticker=late, source="flatfile")
    assert kept.equals(before.filter(ticker=late))

    after = lake_of(home, day)
    again = shell(*command, "--json")
    assert (0, False) == (again.code, json.loads(again.out)["changed"])
    assert after.equals(lake_of(home, day))
    assert [] == [path for path in home.litter() if not path.startswith("lake/")]  # earlier versions stay a while


def _last_minutes(rows: pl.DataFrame, ticker: str) -> pl.Expr:
    starts = rows.filter(pl.col("ticker") == ticker)["window_start"]
    return pl.col("window_start") >= starts.sort()[-5]


def test_a_repair_is_evidence_and_settles_the_day(shell, vendor, home):
    """A day that was suspect for its missing closes is complete; coverage says what was built, and from which file."""
    day = HALF
    busy = vendor.truth(day).group_by("ticker").len().sort("len", descending=True)["ticker"].to_list()[:5]
    vendor.spoil(MINUTES, day, without_close(busy, day))
    sync(shell, day)
    with home.app() as app:
        suspect = app.ledger.coverage.find("lake", "stocks/bars_1m", ["*"])[0]
    assert "lack the minute in which they closed" in suspect.evidence.reason
    assert 0 == shell("trades", "repair", "--date", str(day), "--tickers", *busy).code

    with home.app() as app:
        rows = {row.partition.symbol: row for row in app.ledger.coverage.find("lake", "stocks/bars_1m")}
        held = app.ledger.coverage.covered("lake", "stocks/bars_1m", busy[:1])
    assert ("complete", suspect.evidence.revision) == (rows["*"].verdict, rows["*"].evidence.revision)
    mine = rows[busy[0]]
    assert (Source.TRADES, "complete") == (mine.source, mine.verdict)
    assert TRADES.key(day) == mine.evidence.details["built_from"]
    assert mine.evidence.details["missing"] > 0
    assert mine.evidence.sha256
    assert [Interval(day, day)] == held[busy[0]]

    assert 0 == shell("ledger", "rebuild").code
    with home.app() as app:
        kept = {row.partition.symbol: row for row in app.ledger.coverage.find("lake", "stocks/bars_1m")}
    assert rows == kept


def test_what_the_vendor_publishes_anew_replaces_bars_from_trades(shell, vendor, home):
    """A later revision of the minute file owns its day: no bar from trades is left, and none is there twice."""
    day = date(2025, 11, 19)
    vendor.spoil(MINUTES, day, lambda rows: rows.filter(pl.col("ticker") != "AAPL"))
    sync(shell, day)
    assert 0 == shell("trades", "repair", "--date", str(day), "--tickers", "AAPL").code
    assert {"trades"} == set(lake_of(home, day).filter(ticker="AAPL")["source"])

    vendor.spoil(MINUTES, day, lambda rows: rows)
    sync(shell, day)
    assert {"flatfile"} == set(lake_of(home, day)["source"])
    assert same(vendor.truth(day), lake_of(home, day))


def test_trades_that_are_not_all_there_replace_nothing(shell, vendor, home):
    """A file of trades cut off at noon disagrees with the day bars: the vendor's right minutes stay."""
    day = date(2025, 11, 20)
    noon = int(vendor.truth(day, "bars_1d")["window_start"][0].timestamp()) * 10**9 + 12 * 3600 * 10**9
    vendor.spoil(TRADES, day, lambda rows: rows.filter(pl.col("sip_timestamp") < noon))
    sync(shell, day)
    said = shell("trades", "repair", "--date", str(day), "--tickers", "AAPL", "--json")
    found = json.loads(said.out)

    assert (3, False, "refuse") == (said.code, found["changed"], found["tickers"][0]["decision"])
    assert same(vendor.truth(day), lake_of(home, day))


def test_without_day_bars_only_missing_minutes_are_added(shell, vendor, home):
    """Nothing bears the trades out, so that no bar of the vendor's is touched; what differs is left, and said."""
    day = date(2025, 11, 21)
    first = pl.col("window_start").rank("ordinal").over("ticker") == 1
    vendor.spoil(
        MINUTES,
        day,
        lambda rows: rows.with_columns(
            volume=pl.when(first & (pl.col("ticker") == "AAPL")).then(pl.col("volume") + 1).otherwise(pl.col("volume"))
        ).filter(pl.col("window_start") < _nth(rows, "AAPL", 50)),
    )
    sync(shell, day, "stocks/bars_1m")
    before = lake_of(home, day).filter(ticker="AAPL")
    said = shell("trades", "repair", "--date", str(day), "--tickers", "AAPL", "--json")
    mine = json.loads(said.out)["tickers"][0]

    assert (3, "add missing only", 1) == (said.code, mine["decision"], mine["left"])
    after = lake_of(home, day).filter(ticker="AAPL")
    assert before.equals(after.filter(source="flatfile"))
    assert vendor.truth(day).filter(ticker="AAPL").height == after.height


def _nth(rows: pl.DataFrame, ticker: str, place: int) -> int:
    return rows.filter(pl.col("ticker") == ticker)["window_start"].sort()[place]


def test_an_empty_lake_can_be_built_from_trades(shell, vendor, home):
    """Without any minute bar the named tickers get all of theirs; a ticker that never traded is said to be none."""
    said = shell("trades", "repair", "--date", str(USUAL), "--tickers", "AAPL", "NOPE", "--json")

    assert ["add missing only", "no trades"] == [one["decision"] for one in json.loads(said.out)["tickers"]]
    assert 3 == said.code
    assert same(vendor.truth(USUAL).filter(ticker="AAPL"), lake_of(home, USUAL))


def test_rest_bars_are_repaired_too(shell, vendor, home):
    """A lake of a few symbols by REST is checked as far as it goes, and keeps its other symbols."""
    day, after = date(2025, 12, 3), date(2025, 12, 4)
    sync_rest = ("sync", "--source", "rest", "--tickers", "AAPL,MSFT", "--start", str(day), "--end", str(after))
    assert 0 == shell(*sync_rest).code
    said = shell("trades", "check", "--date", str(day), "--json")
    assert (0, ["AAPL", "MSFT"]) == (said.code, [one["ticker"] for one in json.loads(said.out)["tickers"]])

    with home.app() as app:
        wrong = lake_of(home, day).filter(ticker="AAPL").with_columns(high=pl.col("high") + 1)
        staged = app.tables.stage([wrong], MINUTES, "wrong")
        app.tables.put_range(staged, "AAPL", Interval(day, day))
    assert 0 == shell("trades", "repair", "--date", str(day), "--tickers", "AAPL").code
    assert same(vendor.truth(day).filter(pl.col("ticker").is_in(["AAPL", "MSFT"])), lake_of(home, day))
    assert same(vendor.truth(after).filter(pl.col("ticker").is_in(["AAPL", "MSFT"])), lake_of(home, after))


def test_a_lake_that_changed_meanwhile_is_not_touched(shell, vendor, home):
    """Between the comparison and the commit another delivery came: the repair is off, to be run again."""
    from forebay.app.trades import trade_repair

    day = date(2025, 11, 24)
    vendor.spoil(MINUTES, day, lambda rows: rows.filter(pl.col("ticker") != "AAPL"))
    sync(shell, day)
    with home.app() as app:
        room = trade_repair(app)
        plan = room.plan(day, ["AAPL"])
        vendor.spoil(MINUTES, day, lambda rows: rows)
        sync(shell, day)
        with pytest.raises(TemporaryError, match="have changed since"):
            room.carry_out(plan)
    assert same(vendor.truth(day), lake_of(home, day))


def test_unknown_conditions_follow_the_setting(shell, vendor):
    """A condition without a rule drops its trades, or does nothing to them; both are counted."""
    day = date(2025, 11, 25)
    vendor.spoil(
        TRADES,
        day,
        lambda rows: rows.with_columns(
            conditions=pl.when(pl.col("conditions") == "14").then(pl.lit("14,99")).otherwise(pl.col("conditions"))
        ),
    )
    command = ("trades", "bars", "--date", str(day), "--size", "1d", "--json")
    dropped, neutral = shell(*command), shell(*command, UNKNOWN_CONDITIONS="neutral")

    assert "dropped: unknown condition 99" in dropped.err
    assert "count in spite of an: unknown condition 99" in neutral.err
    sums = [sum(bar["volume"] for bar in json.loads(said.out)) for said in (dropped, neutral)]
    assert sums[0] < sums[1] == vendor.truth(day, "bars_1d")["volume"].sum()
    shell.refuses(*command, UNKNOWN_CONDITIONS="maybe", says="UNKNOWN_CONDITIONS", next_step="")


def test_a_few_bad_rows_are_set_aside(shell, vendor, home):
    """They are in quarantine with their values, the bars are those of the others, and the exit code says so."""
    day = date(2025, 12, 1)
    bad = "AAPL,,0,4,x,1,-5,1,1764599400000000000,100,1,0,0\nAAPL,,0,4,x,1,oops,1,1764599400000000000,100,1,0,0\n"
    text = gzip.decompress(published(vendor.sandbox, TRADES.key(day))).decode()
    head, _, rest = text.partition("\nAAPL")
    vendor.publish(TRADES, day, gzip.compress(f"{head}\n{bad}AAPL{rest}".encode()))
    said = shell("trades", "bars", "--date", str(day), "--out", "bars.parquet")

    assert 3 == said.code
    assert "2 rows cannot be trades and are in quarantine: price (1), unreadable (1)" in said.err
    assert vendor.truth(day).equals(pl.read_parquet("bars.parquet").drop("source"))
    rows = pl.read_parquet(next(home.folder.glob("data/quarantine/stocks/trades/*/*.parquet")))
    assert any("'oops' is not a number" in reason for reason in rows["reason"])


def _header_changed(body: bytes) -> bytes:
    return gzip.compress(gzip.decompress(body).replace(b"sip_timestamp", b"sip_time", 1))


def _unsorted(body: bytes) -> bytes:
    head, *lines = gzip.decompress(body).splitlines(keepends=True)
    return gzip.compress(b"".join([head, *lines[::2], *lines[1::2]]))


def _rotten(body: bytes) -> bytes:
    head, *lines = gzip.decompress(body).splitlines(keepends=True)
    return gzip.compress(b"".join([head, *(b"nonsense\n" if n % 50 == 0 else line for n, line in enumerate(lines))]))


@pytest.mark.parametrize(
    ("change", "says", "next_step"),
    [
        (lambda body: body[:-2000], "the gzip stream ends too early", "fetch the file again"),
        (lambda body: body[:500] + b"\0\0\0\0" + body[504:], "the gzip stream is damaged", "fetch the file again"),
        (lambda _: gzip.compress(b""), "is empty: it has no header row", "fetch the file again"),
        (_header_changed, "has an unknown column: 'sip_time'", "learns its columns"),
        (_unsorted, "the file is not sorted by ticker", "--tickers"),
        (_rotten, "rows are bad: unreadable", "quarantine"),
    ],
    ids=["cut short", "damaged", "empty", "header", "not sorted", "rotten"],
)
def test_a_bad_file_ends_in_one_error(shell, vendor, home, change, says, next_step):
    """No half file of bars is left behind; what was refused is in quarantine."""
    day = date(2025, 12, 2)
    vendor.publish(TRADES, day, change(published(vendor.sandbox, TRADES.key(day))))
    said = shell("trades", "bars", "--date", str(day), "--out", "bars.parquet")

    assert 1 == said.code, said.all
    assert says in said.err.partition("error: ")[2]
    assert next_step in said.err.partition("\nnext: ")[2]
    assert not list(home.folder.glob("bars.parquet*"))
    assert 1 == len(list(home.folder.glob("data/quarantine/stocks/trades/2025-12-02/*.json")))
    if change is _unsorted:
        assert 0 == shell("trades", "bars", "--date", str(day), "--tickers", "AAPL", "--json").code


def test_a_file_of_another_dataset_is_refused(shell, vendor):
    """Minute bars under the name of trades are told by their columns."""
    day = date(2025, 12, 5)
    vendor.publish(TRADES, day, published(vendor.sandbox, MINUTES.key(day)))
    shell.refuses(
        "trades", "bars", "--date", str(day), code=1, says="has an unknown column: 'volume'", next_step="quarantine"
    )


@pytest.mark.parametrize(
    ("flags", "code", "says", "next_step"),
    [
        (("bars", "--date", "2025-11-27"), 2, "2025-11-27 is no trading day of US stocks", "session date"),
        (("check", "--date", "2025-11-29"), 2, "2025-11-29 is no trading day of US stocks", "session date"),
        (("bars", "--date", "2025-11-26", "--size", "7m"), 2, "'7m' is no size of a bar", "1s, 10s"),
        (("bars", "--date", "2025-11-26", "--size", "0s"), 2, "'0s' is no size of a bar", "1s, 10s"),
        (("bars", "--date", "2025-11-26", "--out", "x.txt"), 2, "x.txt is neither .parquet nor .csv", "name a file"),
        (("bars", "--date", "2025-11-26", "--tickers", "X:BTCUSD"), 2, "X:BTCUSD is no stock", "US stocks only"),
        (("repair", "--date", "2025-11-26", "--tickers", "O:A"), 2, "O:A is no stock", "US stocks only"),
        (("repair", "--date", "2025-11-26"), 2, "--tickers", "--help"),
        (("check", "--date", "yesterday"), 2, "'yesterday' is not a date", "--help"),
        (("check", "--date", "2025-11-26"), 2, "the lake holds no minute bars of 2025-11-26", "sync the day first"),
        (("bars", "--date", "2025-12-09"), 1, "the vendor lists no us_stocks_sip/trades_v1/2025/12/", "it was due by"),
        (("bars", "--date", "2030-01-02"), 1, "the vendor lists no us_stocks_sip/trades_v1/2030/01/", "it is due by"),
    ],
)
def test_wrong_orders(shell, flags, code, says, next_step):
    """One error and a next step; nothing is made."""
    shell.refuses("trades", *flags, code=code, says=says, next_step=next_step)


def test_no_file_anywhere(shell):
    """Without keys and archive the two ways out are named."""
    shell.refuses(
        "trades",
        "bars",
        "--date",
        str(USUAL),
        says="no keys for the vendor's flat files",
        next_step="POLYGON_S3",
        **NO_FILE_KEYS,
    )


def test_the_days_around_a_change_of_clocks(monkeypatch, tmp_path, capsys):
    """Friday and Monday around 2026-03-08: the lake by REST and the bars from trades are one."""
    first, last = date(2026, 3, 6), date(2026, 3, 9)
    with Sandbox(start=first, end=last, tickers=6) as sandbox:
        monkeypatch.chdir(tmp_path)
        shell = Shell(monkeypatch, capsys, {**sandbox.env, "FOREBAY_HOME": "data"})
        assert 0 == shell("sync", "--source", "rest", "--tickers", "AAPL,SPY", "--start", str(first)).code
        for day in (first, first + timedelta(days=3)):
            assert 0 == shell("trades", "check", "--date", str(day)).code, day
