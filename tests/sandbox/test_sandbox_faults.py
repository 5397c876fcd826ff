from __future__ import annotations

import gzip
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import httpx2
import obstore
import polars as pl
import pytest
from asking import bucket, csv, get, keys, raw, rest, results

from forebay.errors import UsageError
from forebay.model.catalogue import DATASETS
from forebay.sandbox.faults import KINDS, read_faults
from forebay.sandbox.server import Sandbox
from forebay.testing import FakeClock

DAY = date(2025, 10, 3)
MINUTES = DATASETS["us_stocks_sip/minute_aggs_v1"]
DAYS = DATASETS["us_stocks_sip/day_aggs_v1"]
BARS = "/v2/aggs/ticker/AAPL/range/1/day/2025-10-01/2025-10-09"


def _with(*rules: dict, tickers: int = 5) -> Sandbox:
    return Sandbox(tickers=tickers, faults=rules, clock=FakeClock(datetime(2025, 12, 1, 17, tzinfo=UTC)))


def _statuses(vendor: Sandbox, path: str, count: int) -> list[int]:
    with rest(vendor) as client:
        return [client.get(path).status_code for _ in range(count)]


@pytest.mark.parametrize(
    ("rule", "status", "words"),
    [
        ({"kind": "rate_limited"}, 429, "exceeded the maximum requests"),
        ({"kind": "server_error", "status": 502}, 502, "html"),
        ({"kind": "not_entitled"}, 403, "not entitled to this data"),
        ({"kind": "not_in_timeframe"}, 403, "doesn't include this data timeframe"),
    ],
)
def test_refusals_come_as_often_as_asked(rule: dict, status: int, words: str) -> None:
    """Each refusal answers the first `times` requests it matches with the vendor's words, then never again."""
    with _with({**rule, "path": "/v2/aggs/*", "times": 2}) as vendor:
        assert _statuses(vendor, "/v1/marketstatus/now", 1) == [200]
        with rest(vendor) as client:
            assert words in client.get(BARS).text
        assert [status, 200, 200] == _statuses(vendor, BARS, 3)
        assert [rule["kind"]] * 2 == [one.fault for one in vendor.requests if one.fault]


def test_every_nth_request_fails() -> None:
    """`every` picks the N-th, 2N-th ... matching request, in each run the same."""
    with _with({"kind": "server_error", "every": 3}) as vendor:
        assert [200, 200, 503, 200, 200, 503] == _statuses(vendor, BARS, 6)


@pytest.mark.parametrize(("asked", "header"), [(7, "7"), (None, None)])
def test_retry_after_is_up_to_the_rule(asked: int | None, header: str | None) -> None:
    """A 429 carries Retry-After when the rule says so, and not otherwise."""
    rule = {"kind": "rate_limited", **({"retry_after": asked} if asked else {})}
    with _with(rule) as vendor, rest(vendor) as client:
        assert header == client.get(BARS).headers.get("Retry-After")


def test_rules_choose_by_ticker_dataset_date_and_kind_of_request() -> None:
    """A rule strikes only what all its conditions match."""
    rules = (
        {"kind": "server_error", "ticker": "MSFT"},
        {"kind": "server_error", "dataset": "us_stocks_sip/*", "date": DAY, "request": "head"},
    )
    with _with(*rules) as vendor:
        assert _statuses(vendor, BARS, 1) == [200]
        assert _statuses(vendor, BARS.replace("AAPL", "MSFT"), 1) == [503]
        assert raw(vendor, DAYS.key(DAY))
        assert obstore.head(bucket(vendor), DAYS.key(date(2025, 10, 2)))
        with pytest.raises(obstore.exceptions.GenericError, match="503"):
            obstore.head(bucket(vendor), DAYS.key(DAY))


@pytest.mark.parametrize("kind", ["connect_stall", "read_stall"])
def test_stalls_are_silence(kind: str) -> None:
    """A stalled answer makes a client with a deadline give up; the answers before and after it come at once."""
    with _with({"kind": kind, "seconds": 30, "every": 2, "times": 1}) as vendor, rest(vendor) as client:
        assert client.get(BARS).status_code == 200
        with pytest.raises(httpx2.ReadTimeout):
            client.get(BARS, timeout=0.3)
        assert client.get(BARS).status_code == 200


def test_a_cut_connection_ends_inside_the_body() -> None:
    """The length is announced, half of it comes, then the connection closes."""
    with _with({"kind": "cut", "times": 1}) as vendor, rest(vendor) as client:
        with pytest.raises(httpx2.RemoteProtocolError):
            client.get(BARS)
        assert client.get(BARS).status_code == 200


def test_truncated_gzip_and_flipped_bits_are_noticed_by_their_checks() -> None:
    """A truncated file ends early, a flipped bit breaks the gzip; the good file comes next, with the same marks."""
    key = DAYS.key(DAY)
    with _with({"kind": "truncated_gzip", "times": 1}, {"kind": "bit_flip", "times": 1}) as vendor:
        size = obstore.head(bucket(vendor), key)["size"]
        cut, flipped, good = raw(vendor, key), raw(vendor, key), raw(vendor, key)
    assert len(cut) < size == len(flipped) == len(good)
    with pytest.raises(EOFError):
        gzip.decompress(cut)
    with pytest.raises((zlib.error, gzip.BadGzipFile)):
        gzip.decompress(flipped)
    assert gzip.decompress(good)


@pytest.mark.parametrize("kind", ["published_short", "published_damaged"])
def test_a_bad_file_can_be_what_was_published(kind: str) -> None:
    """Listing, HEAD and body of a file published short or damaged agree; only the gzip shows it. Then it is good."""
    key = "us_futures_cme/trades_v1/2025/10/2025-10-03.csv.gz"
    with _with({"kind": kind, "dataset": "us_futures_*", "times": 1}) as vendor:
        marked = next(one for page in obstore.list(bucket(vendor), "us_futures_cme/trades_v1") for one in page[2:])
        head, spoiled = obstore.head(bucket(vendor), key), raw(vendor, key)
        good, after = raw(vendor, key), obstore.head(bucket(vendor), key)
    assert (key, len(spoiled), head["e_tag"]) == (marked["path"], marked["size"], marked["e_tag"])
    assert after["e_tag"] != head["e_tag"]
    with pytest.raises((EOFError, zlib.error, gzip.BadGzipFile)):
        gzip.decompress(spoiled)
    assert gzip.decompress(good)


def test_a_wrong_etag_comes_with_the_right_bytes() -> None:
    """One read carries an ETag that neither the listing nor HEAD knows."""
    key = DAYS.key(DAY)
    with _with({"kind": "wrong_etag", "times": 1}) as vendor:
        etag = obstore.head(bucket(vendor), key)["e_tag"]
        wrong, right = obstore.get(bucket(vendor), key), obstore.get(bucket(vendor), key)
        assert bytes(wrong.bytes()) == bytes(right.bytes())
    assert etag == right.meta["e_tag"] != wrong.meta["e_tag"]


def test_damage_is_where_it_is() -> None:
    """Read in parts, only the part that holds the flipped bit is spoiled, and counts as the fault's strike."""
    key = DAYS.key(DAY)
    with _with({"kind": "bit_flip", "times": 1}) as vendor:
        size = obstore.head(bucket(vendor), key)["size"]
        third = size // 3
        spans = [(0, third), (third, 2 * third), (2 * third, size)]
        parts = [bytes(obstore.get_range(bucket(vendor), key, start=start, end=end)) for start, end in spans]
        good = raw(vendor, key)
        faults = [one.fault for one in vendor.requests if one.kind == "data"]
    assert [True, False, True] == [good[start:end] == part for (start, end), part in zip(spans, parts, strict=True)]
    assert ["", "bit_flip", "", ""] == faults


def test_wrong_pages() -> None:
    """One page is another ticker's, one holds a bar far outside the window; then pages are right again."""
    rules = ({"kind": "foreign_ticker", "times": 1}, {"kind": "bar_outside_window", "times": 1})
    with _with(*rules) as vendor:
        foreign, stray, good = (get(vendor, BARS) for _ in range(3))
    assert (foreign["ticker"], good["ticker"]) == ("MSFT", "AAPL")
    assert good["results"] == stray["results"][:-1]
    assert stray["results"][-1]["t"] > datetime(2026, 10, 9, tzinfo=UTC).timestamp() * 1000


def test_missing_and_late_files() -> None:
    """A missing file is 404 and unlisted for ever; a late one comes after its listings, or on its date."""
    clock = FakeClock(datetime(2025, 10, 20, 17, tzinfo=UTC))
    rules = (
        {"kind": "missing", "dataset": DAYS.name, "date": date(2025, 10, 1)},
        {"kind": "late", "dataset": DAYS.name, "date": date(2025, 10, 2), "listings": 2},
        {"kind": "late", "dataset": DAYS.name, "date": date(2025, 10, 6), "until": date(2025, 10, 21)},
    )
    with Sandbox(tickers=2, faults=rules, clock=clock) as vendor:

        def shown() -> set[int]:
            return {int(key[-9:-7]) for key in keys(vendor, f"{DAYS.name}/2025/10/")} & {1, 2, 3, 6}

        assert [{3}, {3}, {2, 3}] == [shown(), shown(), shown()]
        with pytest.raises(FileNotFoundError):
            raw(vendor, DAYS.key(date(2025, 10, 1)))
        with pytest.raises(FileNotFoundError):
            raw(vendor, DAYS.key(date(2025, 10, 6)))
        clock.advance(86_400)
        assert shown() == {2, 3, 6}
        assert raw(vendor, DAYS.key(date(2025, 10, 6)))


def test_a_replaced_file_has_new_marks_and_the_truth_follows() -> None:
    """After N reads the file has other rows, another ETag and a later date; REST and the truth say the same."""
    rule = {"kind": "replaced", "dataset": DAYS.name, "date": DAY, "reads": 2}
    with _with(rule) as vendor:
        key = DAYS.key(DAY)
        before = obstore.head(bucket(vendor), key)
        first, second = raw(vendor, key), raw(vendor, key)
        after = obstore.head(bucket(vendor), key)
        table = csv(vendor, key)
        truth = vendor.market.bars("stocks", "bars_1d", DAY, DAY)
        again = raw(vendor, key), raw(vendor, key)
    assert first == second
    assert first != again[0] == again[1]
    assert before["e_tag"] != after["e_tag"]
    assert before["last_modified"] < after["last_modified"]
    assert truth["transactions"].to_list() == table["transactions"].cast(pl.Int64()).to_list()


@pytest.mark.parametrize(
    ("kind", "dataset", "change"),
    [
        ("window_start_a_day_late", DAYS, lambda good: good + 86_400_000_000_000),
        ("window_start_negative", DATASETS["us_options_opra/day_aggs_v1"], lambda _: -68_400_000_000_000),
    ],
)
def test_known_bad_day_files(kind: str, dataset: object, change: object) -> None:
    """Both known bad day files are wrong in `window_start` of every row, and in nothing else."""
    with _with({"kind": kind, "dataset": dataset.name, "date": DAY, "times": 1}) as vendor:
        marked = next(
            one for page in obstore.list(bucket(vendor), dataset.name) for one in page if "10-03" in one["path"]
        )
        spoiled, good = csv(vendor, dataset.key(DAY)), csv(vendor, dataset.key(DAY))
        assert marked["e_tag"] != obstore.head(bucket(vendor), dataset.key(DAY))["e_tag"]
    starts = [change(one) for one in good["window_start"].cast(pl.Int64())]
    assert starts == spoiled["window_start"].cast(pl.Int64()).to_list()
    assert good.drop("window_start").equals(spoiled.drop("window_start"))


def test_closing_minutes_can_be_missing() -> None:
    """Some tickers lose the last regular minutes, others keep them; the truth and REST still have them."""
    with _with({"kind": "closing_minute_missing", "dataset": MINUTES.name, "date": DAY}, tickers=12) as vendor:
        held = set(csv(vendor, MINUTES.key(DAY)).select("ticker", pl.col("window_start").cast(pl.Int64())).iter_rows())
        truth = vendor.market.bars("stocks", "bars_1m", DAY, DAY)
    stamps = truth.select("ticker", pl.col("window_start").dt.epoch("ns"))
    lost = set(stamps.iter_rows()) - held
    closing = int(datetime(2025, 10, 3, 19, 59, tzinfo=UTC).timestamp()) * 10**9
    assert lost
    assert {closing, closing + 60_000_000_000} >= {start for _, start in lost}
    assert {ticker for ticker, _ in lost} < set(truth["ticker"])


def test_bad_trade_files() -> None:
    """Sizes are the impossible 33 to 49; the largest root of the options ends at 15:32 Eastern."""
    stocks, options = DATASETS["us_stocks_sip/trades_v1"], DATASETS["us_options_opra/trades_v1"]
    rules = (
        {"kind": "trade_sizes_wrong", "dataset": stocks.name, "date": DAY},
        {"kind": "cut_off_before_close", "dataset": options.name, "date": DAY, "times": 1},
    )
    with _with(*rules) as vendor:
        sizes = csv(vendor, stocks.key(DAY))["size"].cast(pl.Float64())
        cut, good = csv(vendor, options.key(DAY)), csv(vendor, options.key(DAY))
    assert (33, 49) == (sizes.min(), sizes.max())
    lost = good.join(cut, on=["ticker", "sip_timestamp", "price", "size"], how="anti")
    end = int(datetime(2025, 10, 3, 19, 32, tzinfo=UTC).timestamp()) * 10**9
    assert lost.height > 0
    assert lost["ticker"].str.slice(0, 6).n_unique() == 1
    assert lost["sip_timestamp"].cast(pl.Int64()).min() >= end


def test_storms_stay_countable_under_threads() -> None:
    """However many requests come at once, exactly `times` of them fail."""
    with _with({"kind": "server_error", "times": 7}) as vendor, rest(vendor) as client, ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: client.get("/v1/marketstatus/now").status_code, range(60)))
    assert statuses.count(503) == 7
    assert statuses.count(200) == 53


def test_the_documented_example_holds_every_kind(tmp_path: Path) -> None:
    """The fault file in the documentation is valid and shows each kind of fault."""
    page = (Path(__file__).parents[2] / "docs/sandbox.md").read_text(encoding="utf-8")
    path = tmp_path / "faults.toml"
    path.write_text(page.split("```toml")[1].split("```")[0], encoding="utf-8")
    assert set(KINDS) == {rule.kind for rule in read_faults(path)}


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ('[[fault]]\nkind = "rate_limitd"', "fault 1 of", "rate_limited"),
        ('[[fault]]\nkind = "cut"\ntime = 3', "'time'", "times"),
        ('[[faults]]\nkind = "cut"', "'faults'", "'fault'"),
        ('[[fault]]\nkind = "cut"\ntimes = "three"', "times = 'three'", "Correct times"),
        ('[[fault]]\nkind = "cut"\ntimes = 0', "at least 1", "Correct times"),
        ('[[fault]]\nkind = "late"\ndate = "2025-10-01"', "is not a date", "Correct date"),
        ("[[fault]", "is not TOML", "Correct that line"),
    ],
)
def test_a_wrong_fault_file_says_where_and_what(tmp_path: Path, text: str, what: str, remedy: str) -> None:
    """The error names the file's rule and word, and the remedy the nearest known one."""
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_faults(path)
    assert what in str(caught.value)
    assert "faults.toml" in str(caught.value)
    assert remedy in caught.value.remedy


def test_without_rules_nothing_goes_wrong() -> None:
    """A sandbox without rules answers truly and logs no fault."""
    with _with() as vendor:
        assert results([get(vendor, BARS)])
        assert not any(one.fault for one in vendor.requests)


def test_one_ticker_among_the_snapshots_goes_wrong() -> None:
    """It is left out, a day old or unreadable; the others come as they are."""
    rules = [{"kind": f"{how}_snapshot", "ticker": ticker} for how, ticker in WRONG_SNAPSHOTS.items()]
    path = "/v2/snapshot/locale/us/markets/stocks/tickers"
    with _with() as well, _with(*rules) as badly:
        was, is_ = ({row["ticker"]: row for row in get(vendor, path)["tickers"]} for vendor in (well, badly))

    assert {"AAPL"} == was.keys() - is_.keys()
    assert "n/a" == is_["MSFT"]["day"]
    assert 86_400 * 10**9 == was["SPY"]["updated"] - is_["SPY"]["updated"]
    untouched = was.keys() - WRONG_SNAPSHOTS.values()
    assert untouched
    assert [was[ticker] for ticker in untouched] == [is_[ticker] for ticker in untouched]


WRONG_SNAPSHOTS = {"missing": "AAPL", "damaged": "MSFT", "stale": "SPY"}


def test_an_answer_that_is_no_json_is_one_tickers() -> None:
    """It comes whole, with a length that fits, and ends in the middle."""
    with _with({"kind": "broken_json", "ticker": "AAPL", "times": 1}) as vendor, rest(vendor) as client:
        assert client.get(BARS.replace("AAPL", "MSFT")).json()["results"]
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            client.get(BARS).json()
        assert client.get(BARS).json()["results"]
