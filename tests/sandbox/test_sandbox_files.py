from __future__ import annotations

import gzip
import re
from datetime import UTC, date, datetime

import httpx2
import obstore
import polars as pl
import pytest
from asking import bucket, csv, keys, raw

from forebay.model.catalogue import BAR_DATASETS, DATASETS, FUTURES_VENUES, Dataset
from forebay.sandbox.server import Sandbox
from forebay.testing import FakeClock

DAY = date(2025, 10, 3)
MINUTES = DATASETS["us_stocks_sip/minute_aggs_v1"]


def _numbers(table: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    floats = [name for name, kind in dataset.columns.items() if kind == "float"]
    whole = [name for name, kind in dataset.columns.items() if kind in ("int", "nanos")]
    typed = table.with_columns(pl.col(floats).cast(pl.Float64()), pl.col(whole).cast(pl.Int64()))
    return typed.with_columns(pl.col("ticker").str.replace(r"^([XC]:\w+)-", "$1"))


@pytest.mark.parametrize("table", sorted(BAR_DATASETS))
@pytest.mark.parametrize("day", [DAY, date(2026, 2, 23)])
def test_bar_files_equal_the_truth(table: str, day: date) -> None:
    """Every bar dataset's file holds exactly the market's bars, in the catalogue's columns, in both spellings."""
    dataset = BAR_DATASETS[table]
    with Sandbox(tickers=20, start=day, clock=FakeClock(datetime(2026, 2, 25, tzinfo=UTC))) as vendor:
        found = csv(vendor, dataset.key(day))
        truth = vendor.market.bars(dataset.asset_class, dataset.kind, day, day)
    assert list(dataset.columns) == found.columns
    expected = truth.with_columns(pl.col("window_start").cast(pl.Datetime("ns")).cast(pl.Int64()))
    names = list(dataset.columns)
    assert (
        expected.select(names)
        .sort("ticker", "window_start")
        .equals(_numbers(found, dataset).select(names).sort("ticker", "window_start"))
    )


def test_stock_numbers_are_spelled_as_their_time_does() -> None:
    """Whole volumes and short prices before 2026-02-23; six decimals in prices and volumes from that session on."""
    clock = FakeClock(datetime(2026, 2, 25, tzinfo=UTC))
    with Sandbox(tickers=3, start=date(2026, 2, 20), clock=clock) as vendor:
        old = csv(vendor, MINUTES.key(date(2026, 2, 20)))
        new = csv(vendor, MINUTES.key(date(2026, 2, 23)))
    assert old["volume"].str.contains(r"^\d+$").all()
    assert old["open"].str.contains(r"^\d+(\.\d{1,4})?$").all()
    for name in ("volume", "open", "close", "high", "low"):
        assert new[name].str.contains(r"^\d+\.\d{6}$").all()


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_every_dataset_has_files(vendor: Sandbox, name: str) -> None:
    """Each dataset is listed, and a day is read: the documented header, numbers where they belong, sorted rows."""
    dataset = DATASETS[name]
    assert [f"{name}/2025"] == obstore.list_with_delimiter(bucket(vendor), name)["common_prefixes"]
    table = csv(vendor, dataset.key(DAY))
    assert list(dataset.columns) == table.columns
    assert (1 if dataset.kind == "bars_1d" else 50) < table.height < 100_000
    numbers = _numbers(table, dataset)
    stamp = next(column for column in _STAMPS if column in table.columns)
    places = [(ticker.encode(), at) for ticker, at in numbers.select("ticker", stamp).iter_rows()]
    assert sorted(places) == places


_STAMPS = ("window_start", "sip_timestamp", "timestamp", "participant_timestamp")


@pytest.mark.parametrize(("day", "lot"), [(DAY, 1), (date(2025, 11, 3), 100)])
def test_stock_quotes(vendor: Sandbox, day: date, lot: int) -> None:
    """A side without a quote is 0 with size 0; sizes are round lots before November 2025, shares since."""
    table = _numbers(csv(vendor, DATASETS["us_stocks_sip/quotes_v1"].key(day)), DATASETS["us_stocks_sip/quotes_v1"])
    both = table.filter((pl.col("ask_size") > 0) & (pl.col("bid_size") > 0))
    assert (both["ask_price"] > both["bid_price"]).all()
    one_sided = table.filter(pl.col("ask_size") == 0)
    assert 0 < one_sided.height < table.height / 100
    assert [0.0] == one_sided["ask_price"].unique().to_list()
    assert lot == both["ask_size"].min() == both["bid_size"].min()


def test_lists_in_a_field_are_quoted(vendor: Sandbox) -> None:
    """Several conditions stand in one quoted field, one without quotes, none as nothing at all."""
    text = gzip.decompress(raw(vendor, DATASETS["us_stocks_sip/trades_v1"].key(DAY))).decode()
    fields = {re.match(r'[^,]+,("[^"]*"|[^,]*),', line)[1] for line in text.splitlines()[1:]}
    assert {"", "37"} < fields
    assert all('"' in field for field in fields if "," in field)
    assert '""' not in fields


def test_futures_files_hold_their_own_venue(vendor: Sandbox) -> None:
    """Each venue's files have its contracts only; a missing side of a quote is empty, and trades add up to bars."""
    found = {}
    for venue in FUTURES_VENUES:
        bars, trades, quotes = (
            csv(vendor, DATASETS[f"us_futures_{venue}/{folder}"].key(DAY))
            for folder in ("session_aggs_v1", "trades_v1", "quotes_v1")
        )
        found[venue] = set(bars["ticker"])
        assert found[venue] == set(trades["ticker"]) == set(quotes["ticker"])
        assert bars["transactions"].cast(pl.Int64()).sum() == trades.height
        assert {"2025-10-03"} == {*bars["session_end_date"], *trades["session_end_date"], *quotes["session_end_date"]}
        assert quotes.filter(pl.col("ask_size").is_null())["ask_price"].is_null().all()
    assert {"ESZ5", "ESH6", "6EZ5", "6EH6"} == found["cme"]
    assert sum(len(tickers) for tickers in found.values()) == len(set.union(*found.values()))


def test_option_quotes_begin_later() -> None:
    """Option quotes are listed from 2022-03-07 on, their trades before."""
    with Sandbox(
        tickers=2, start=date(2022, 3, 3), end=date(2022, 3, 8), clock=FakeClock(datetime(2025, 12, 1, tzinfo=UTC))
    ) as vendor:
        listed = keys(vendor, "us_options_opra/quotes_v1/")
        assert ["us_options_opra/quotes_v1/2022/03/2022-03-07.csv.gz"] == listed[:1]
        assert raw(vendor, DATASETS["us_options_opra/trades_v1"].key(date(2022, 3, 4)))


def test_stock_trades_show_what_bars_drop(vendor: Sandbox) -> None:
    """The tape has odd lots, Form T, official prices, off-exchange prints and correction pairs."""
    table = csv(vendor, DATASETS["us_stocks_sip/trades_v1"].key(DAY))
    for condition in ("37", "12", "15", "16", "14"):
        assert table["conditions"].str.split(",").list.contains(condition).any(), condition
    assert set(table["correction"]) & {"8", "7", "1"}
    assert set(table["correction"]) & {"10", "11", "12"}
    assert {"201", "202"} <= set(table["trf_id"])


def test_a_file_is_the_same_bytes_every_time() -> None:
    """Two sandboxes of one seed serve identical bytes and ETags; another seed does not."""

    def body(seed: int) -> tuple[bytes, str]:
        with Sandbox(seed=seed, tickers=5, clock=FakeClock(datetime(2025, 10, 6, tzinfo=UTC))) as vendor:
            return raw(vendor, MINUTES.key(DAY)), obstore.head(bucket(vendor), MINUTES.key(DAY))["e_tag"]

    assert body(1) == body(1)
    assert body(1) != body(2)


def test_files_appear_when_they_are_published() -> None:
    """Day files at 22:00 Eastern of the session's evening, minute files at 23:30; 403 before, not 404."""
    clock = FakeClock(datetime(2025, 10, 4, 1, 59, tzinfo=UTC))
    days = DATASETS["us_stocks_sip/day_aggs_v1"]
    with Sandbox(tickers=3, clock=clock) as vendor:
        assert days.key(DAY) not in keys(vendor, days.name)
        with pytest.raises(obstore.exceptions.PermissionDeniedError):
            raw(vendor, days.key(DAY))
        clock.advance(60)
        assert days.key(DAY) in keys(vendor, days.name)
        assert MINUTES.key(DAY) not in keys(vendor, MINUTES.name)
        clock.advance(90 * 60)
        assert MINUTES.key(DAY) in keys(vendor, MINUTES.name)


def test_listings_page_and_fold(vendor: Sandbox) -> None:
    """Small pages together show what one shows; a delimiter folds keys into prefixes; start-after begins later."""
    prefix = "us_indices/day_aggs_v1/2025/"
    whole = keys(vendor, prefix)
    pages = list(obstore.list(bucket(vendor), prefix=prefix, chunk_size=7))
    assert whole == [found["path"] for page in pages for found in page]
    folded = obstore.list_with_delimiter(bucket(vendor), "us_indices/day_aggs_v1/2025")
    assert ["us_indices/day_aggs_v1/2025/10", "us_indices/day_aggs_v1/2025/11"] == folded["common_prefixes"]
    top = obstore.list_with_delimiter(bucket(vendor))["common_prefixes"]
    assert sorted({dataset.prefix for dataset in DATASETS.values()}) == top
    later = [one["path"] for page in obstore.list(bucket(vendor), prefix=prefix, offset=whole[2]) for one in page]
    assert whole[3:] == later


def test_listing_marks_are_those_of_the_object(vendor: Sandbox) -> None:
    """Size, ETag and date of a listing equal those of HEAD, and the size is the body's."""
    prefix = "us_options_opra/day_aggs_v1/2025/11/"
    listed = next(iter(obstore.list(bucket(vendor), prefix=prefix)))[0]
    head = obstore.head(bucket(vendor), listed["path"])
    for name in ("size", "e_tag", "last_modified"):
        assert listed[name] == head[name]
    assert listed["size"] == len(raw(vendor, listed["path"]))


def test_ranges_and_conditions(vendor: Sandbox) -> None:
    """Ranges give their bytes, an impossible one 416; If-Match guards, If-None-Match spares."""
    key, store = MINUTES.key(DAY), bucket(vendor)
    body, etag = raw(vendor, key), obstore.head(store, key)["e_tag"]
    assert body[100:200] == bytes(obstore.get_range(store, key, start=100, end=200))
    assert body[:50] == bytes(obstore.get(store, key, options={"range": (0, 50), "if_match": etag}).bytes())
    assert body[-30:] == bytes(obstore.get(store, key, options={"range": {"suffix": 30}}).bytes())
    with pytest.raises(obstore.exceptions.PreconditionError):
        obstore.get(store, key, options={"if_match": '"other"'})
    with pytest.raises(obstore.exceptions.NotModifiedError):
        obstore.get(store, key, options={"if_none_match": etag})
    with pytest.raises(obstore.exceptions.GenericError, match="416"):
        obstore.get_range(store, key, start=len(body) + 1, end=len(body) + 9)


@pytest.mark.parametrize(
    ("plan", "dataset", "day", "error"),
    [
        ("advanced", "us_stocks_sip/day_aggs_v1", date(2025, 11, 27), FileNotFoundError),
        ("advanced", "us_stocks_sip/day_aggs_v1", date(2025, 12, 1), obstore.exceptions.PermissionDeniedError),
        ("advanced", "us_stocks_sip/day_aggs_v1", date(2026, 12, 1), obstore.exceptions.PermissionDeniedError),
        ("starter", "us_stocks_sip/day_aggs_v1", date(2019, 10, 1), obstore.exceptions.PermissionDeniedError),
        ("starter", "us_stocks_sip/trades_v1", DAY, obstore.exceptions.PermissionDeniedError),
        ("basic", "us_stocks_sip/day_aggs_v1", DAY, obstore.exceptions.PermissionDeniedError),
    ],
)
def test_refusals_follow_the_plan(plan: str, dataset: str, day: date, error: type[Exception]) -> None:
    """404 for a holiday inside the window; 403 outside it, today, in the future and for what the plan leaves out."""
    clock = FakeClock(datetime(2025, 12, 1, 17, tzinfo=UTC))
    with Sandbox(tickers=2, vendor_plan=plan, clock=clock) as vendor:
        assert keys(vendor, f"{dataset}/2025/10/")
        with pytest.raises(error):
            raw(vendor, DATASETS[dataset].key(day))


@pytest.mark.parametrize(
    ("plan", "name", "served", "refused"),
    [
        ("starter", "us_futures_cme/minute_aggs_v1", date(2024, 1, 2), date(2023, 12, 29)),
        ("starter", "us_futures_cme/trades_v1", None, DAY),
        ("developer", "us_futures_nymex/quotes_v1", date(2021, 1, 4), date(2020, 12, 30)),
        ("developer", "us_options_opra/trades_v1", date(2022, 1, 3), date(2021, 12, 30)),
        ("developer", "us_options_opra/quotes_v1", None, DAY),
        ("starter", "us_indices/values_v1", date(2023, 2, 14), None),
        ("starter", "global_forex/quotes_v1", date(2010, 1, 4), None),
        ("basic", "global_crypto/day_aggs_v1", None, DAY),
    ],
)
def test_files_of_each_class_follow_its_own_plan(
    plan: str, name: str, served: date | None, refused: date | None
) -> None:
    """History and kinds of files differ by class; what a plan leaves out is 403."""
    dataset, clock = DATASETS[name], FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    with Sandbox(tickers=2, vendor_plan=plan, start=dataset.first_date, clock=clock) as vendor:
        if served:
            assert raw(vendor, dataset.key(served))
        if refused:
            with pytest.raises(obstore.exceptions.PermissionDeniedError):
                raw(vendor, dataset.key(refused))


def test_the_bucket_may_be_in_the_name_of_the_host(vendor: Sandbox) -> None:
    """Host style works as path style does, for listings, objects and ranges, and a wrong signature is refused."""
    named = vendor.url.replace("127.0.0.1", "flatfiles.localhost")
    store = bucket(vendor, endpoint=named, virtual_hosted_style_request="true")
    key = MINUTES.key(DAY)
    url = obstore.sign(store, "GET", key, expires_in=60 * _SECOND)
    assert url.startswith(f"{named}/us_stocks_sip/")
    here = {"Host": named.removeprefix("http://")}
    body = raw(vendor, key)
    assert body == httpx2.get(url.replace(named, vendor.url), headers=here).content
    some = httpx2.get(url.replace(named, vendor.url), headers={**here, "Range": "bytes=10-19"})
    assert (206, body[10:20]) == (some.status_code, some.content)
    forged = httpx2.get(url.replace(named, vendor.url)[:-1] + "x", headers=here)
    assert 403 == forged.status_code


def test_a_refused_object_has_no_body(vendor: Sandbox) -> None:
    """Outside the plan's window the answer is a bare 403, as the vendor's; a missing key is an S3 error document."""
    key = MINUTES.key(date(2026, 5, 5))
    refused = httpx2.get(obstore.sign(bucket(vendor), "GET", key, expires_in=60 * _SECOND))
    assert (403, b"") == (refused.status_code, refused.content)
    absent = httpx2.get(obstore.sign(bucket(vendor), "GET", "us_stocks_sip/nothing", expires_in=60 * _SECOND))
    assert absent.status_code == 404
    assert "<Code>NoSuchKey</Code>" in absent.text


_SECOND = datetime(2025, 1, 1, 0, 0, 1) - datetime(2025, 1, 1)
