from __future__ import annotations

import gzip
from datetime import date

import boto3
import massive
import polars as pl
import pytest
from asking import raw
from botocore.config import Config
from botocore.exceptions import ClientError
from minio import Minio

from forebay.sandbox.server import Sandbox

KEY = "us_stocks_sip/day_aggs_v1/2025/10/2025-10-03.csv.gz"
MONTH = "us_stocks_sip/day_aggs_v1/2025/10/"


@pytest.fixture(scope="module")
def client(vendor: Sandbox) -> massive.RESTClient:
    """The vendor's own client."""
    return massive.RESTClient(api_key=vendor.env["POLYGON_API_KEY"], base=vendor.url)


def test_the_official_client_pages_bars(vendor: Sandbox, client: massive.RESTClient) -> None:
    """`list_aggs` follows every page to the truth."""
    found = list(client.list_aggs("AAPL", 1, "minute", "2025-10-01", "2025-10-07", adjusted=False, limit=1000))
    truth = vendor.market.bars("stocks", "bars_1m", date(2025, 10, 1), date(2025, 10, 7)).filter(
        pl.col("ticker") == "AAPL"
    )
    expected = truth.select(pl.col("window_start").dt.epoch("ms"), "open", "close", "volume", "transactions")
    assert list(expected.iter_rows()) == [(a.timestamp, a.open, a.close, a.volume, a.transactions) for a in found]


def test_the_official_client_reads_reference(client: massive.RESTClient) -> None:
    """Tickers, splits, dividends and conditions come as its own objects, over pages."""
    tickers = [one.ticker for one in client.list_tickers(market="stocks", limit=5)]
    assert {"AAP", "AAp", "NA"} <= set(tickers)
    splits = [(one.ticker, one.split_from, one.split_to) for one in client.list_splits(limit=1)]
    assert [("ATN", 1, 3), ("XYZ", 2, 3), ("SOUR", 20, 1), ("NVDA", 1, 10), ("ATN", 5, 1)] == splits
    assert {"AAPL", "KO", "NVDA", "XYZ"} == {one.ticker for one in client.list_dividends(limit=2)}
    odd = next(one for one in client.list_conditions(data_type="trade", limit=50) if one.id == 37)
    assert (odd.name, odd.update_rules.consolidated.updates_volume) == ("Odd Lot Trade", True)


def test_the_official_client_reads_snapshots(client: massive.RESTClient) -> None:
    """All snapshots, one, the chain and the universal one decode."""
    assert "AAPL" in {one.ticker for one in client.get_snapshot_all("stocks")}
    one = client.get_snapshot_ticker("stocks", "AAPL")
    assert one.day.volume > one.min.volume > 0
    assert one.last_trade.price == pytest.approx(one.day.close, rel=0.01)
    assert {"call", "put"} == {row.details.contract_type for row in client.list_snapshot_options_chain("SPY")}
    assert ["AAPL", "I:SPX"] == [row.ticker for row in client.list_universal_snapshots(ticker_any_of=["AAPL", "I:SPX"])]


def test_the_official_client_reads_trades(client: massive.RESTClient) -> None:
    """Trades page; the last trade is the newest of them."""
    first = next(iter(client.list_trades("AAPL", limit=10)))
    last = client.get_last_trade("AAPL")
    assert (first.sip_timestamp, first.price) == (last.sip_timestamp, last.price)


def test_boto3_lists_and_fetches(vendor: Sandbox) -> None:
    """boto3, as the vendor's guide sets it up, pages a listing, heads and fetches; a refusal is a bare 403."""
    s3 = boto3.Session(
        aws_access_key_id=vendor.env["POLYGON_S3_ACCESS_KEY_ID"],
        aws_secret_access_key=vendor.env["POLYGON_S3_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    ).client("s3", endpoint_url=vendor.url, config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket="flatfiles", Prefix=MONTH, PaginationConfig={"PageSize": 10}
    )
    listed = {one["Key"]: one for page in pages for one in page["Contents"]}
    assert len(listed) == 23
    body = s3.get_object(Bucket="flatfiles", Key=KEY)["Body"].read()
    assert raw(vendor, KEY) == body
    head = s3.head_object(Bucket="flatfiles", Key=KEY)
    assert (len(body), listed[KEY]["ETag"]) == (head["ContentLength"], head["ETag"])
    with pytest.raises(ClientError, match=r"403.*Forbidden"):
        s3.get_object(Bucket="flatfiles", Key=KEY.replace("2025-10-03", "2027-10-04").replace("2025/10", "2027/10"))


def test_minio_lists_and_fetches(vendor: Sandbox) -> None:
    """The MinIO client lists folders and keys, and fetches the same bytes, whole and in part."""
    s3 = Minio(
        endpoint=vendor.url.removeprefix("http://"),
        access_key=vendor.env["POLYGON_S3_ACCESS_KEY_ID"],
        secret_key=vendor.env["POLYGON_S3_SECRET_ACCESS_KEY"],
        secure=False,
    )
    folders = {one.object_name for one in s3.list_objects(bucket_name="flatfiles")}
    assert "us_stocks_sip/" in folders
    names = [one.object_name for one in s3.list_objects(bucket_name="flatfiles", prefix=MONTH, recursive=True)]
    assert len(names) == 23
    whole = s3.get_object(bucket_name="flatfiles", object_name=KEY)
    part = s3.get_object(bucket_name="flatfiles", object_name=KEY, offset=10, length=20)
    assert gzip.decompress(whole.data).startswith(b"ticker,volume,open,close,high,low,window_start,transactions")
    assert whole.data[10:30] == part.data
