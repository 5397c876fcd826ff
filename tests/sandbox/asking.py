"""How the sandbox's tests ask it: plain HTTP, and one S3 client."""

from __future__ import annotations

import gzip
from io import BytesIO

import httpx2
import obstore
import polars as pl
from obstore.store import S3Store

from forebay.sandbox.server import Sandbox


def rest(vendor: Sandbox) -> httpx2.Client:
    """A client with the right key."""
    headers = {"Authorization": f"Bearer {vendor.env['POLYGON_API_KEY']}"}
    return httpx2.Client(base_url=vendor.url, headers=headers, timeout=20)


def get(vendor: Sandbox, path: str, **query: object) -> dict:
    """The JSON of a REST answer that must be 200."""
    with rest(vendor) as client:
        answer = client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


def every_page(vendor: Sandbox, path: str, **query: object) -> list[dict]:
    """All pages, along `next_url`."""
    with rest(vendor) as client:
        answer = client.get(path, params=query).json()
        pages = [answer]
        while "next_url" in answer:
            answer = client.get(answer["next_url"]).json()
            pages.append(answer)
        return pages


def results(pages: list[dict]) -> list[dict]:
    """The rows of all pages."""
    return [row for page in pages for row in page.get("results", [])]


def bucket(vendor: Sandbox, **more: str) -> S3Store:
    """An S3 client with the right keys that tries once."""
    settings = {
        "endpoint": vendor.url,
        "access_key_id": vendor.env["POLYGON_S3_ACCESS_KEY_ID"],
        "secret_access_key": vendor.env["POLYGON_S3_SECRET_ACCESS_KEY"],
        "region": "us-east-1",
        **more,
    }
    options = {"allow_http": True, "timeout": "20s"}
    return S3Store("flatfiles", client_options=options, retry_config={"max_retries": 0}, **settings)


def keys(vendor: Sandbox, prefix: str) -> list[str]:
    """The keys a listing shows."""
    return [found["path"] for page in obstore.list(bucket(vendor), prefix=prefix) for found in page]


def raw(vendor: Sandbox, key: str) -> bytes:
    """An object's bytes."""
    return bytes(obstore.get(bucket(vendor), key).bytes())


def csv(vendor: Sandbox, key: str) -> pl.DataFrame:
    """An object's rows, every column as text."""
    return pl.read_csv(BytesIO(gzip.decompress(raw(vendor, key))), infer_schema=False)
