"""How delta-rs and Polars are told of a bucket: where it is, whose keys open it, and how long to wait for it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from forebay.stores.bucket import Bucket
from forebay.stores.client import Timeouts
from forebay.stores.hosts import is_local


def delta_options(bucket: Bucket, timeouts: Timeouts) -> dict[str, str]:
    """Storage options with the keys that are valid now."""
    return (
        _where(bucket)
        | _keys(bucket)
        | {
            "aws_conditional_put": "etag",
            "connect_timeout": f"{timeouts.connect:g}s",
            "timeout": f"{2 * timeouts.read:g}s",  # what it reads and writes is small; between two bytes it knows none
            "max_retries": str(timeouts.retries),
            "retry_timeout": f"{timeouts.whole:g}s",
        }
    )


def polars_arguments(bucket: Bucket, timeouts: Timeouts) -> dict[str, Any]:
    """Named arguments for `scan_parquet`. A plan that is written down carries no keys: they are asked for."""
    waits = {
        "connect_timeout": f"{timeouts.connect:g}s",
        "read_timeout": f"{timeouts.read:g}s",
        "timeout": f"{timeouts.whole:g}s",
        "max_retries": timeouts.retries,
        "retry_timeout_ms": int(timeouts.whole * 1000),
    }

    def keys() -> tuple[dict[str, str], int | None]:
        expires = bucket.keys().expires_at
        return _keys(bucket), int(expires.timestamp()) if expires else None

    return {"storage_options": {**_where(bucket), **waits}, "credential_provider": keys}


def _where(bucket: Bucket) -> dict[str, str]:
    host = urlsplit(bucket.endpoint).hostname or ""
    # A proxy of the environment cannot reach a local host; naming one that is never used turns that off.
    near = {"proxy_url": bucket.endpoint, "proxy_excludes": host} if is_local(host) else {}
    return near | {
        "aws_region": bucket.region,
        "aws_endpoint_url": bucket.endpoint,
        "aws_allow_http": "true" if bucket.endpoint.startswith("http://") else "false",
        "aws_virtual_hosted_style_request": "false",
        "aws_unsigned_payload": "true",
    }


def _keys(bucket: Bucket) -> dict[str, str]:
    keys = bucket.keys()
    found = {"aws_access_key_id": keys.access_key, "aws_secret_access_key": keys.secret_key}
    return found | ({"aws_session_token": keys.token} if keys.token else {})
