"""Rows of the lake for DuckDB where it cannot read the files itself: none at all, or in a bucket, by way of Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forebay.lake.format.parquet import arrow_schema
from forebay.lake.home.home import Home
from forebay.lake.reading.tables import Selection

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

_BUCKET = "s3://"
_CONNECT, _ANSWER, _ATTEMPTS = 10, 30, 4
"""Seconds to a connection and to an answer, and how often a request is tried."""


def arrow_rows(found: Selection) -> Any:
    """What the files of a selection hold, read as far as a query asks for it; without rows if there are none.

    DuckDB's own way to a bucket is an extension that it downloads at first use.
    """
    schema = arrow_schema(found.dataset)
    if not found.files:
        return schema.empty_table()
    import pyarrow.dataset as ds  # it imports pandas, which a folder's reader need not wait for

    paths = [found.home.source(file.path).removeprefix(_BUCKET) for file in found.files]
    return ds.dataset(paths, schema=schema, filesystem=_files(found.home), format="parquet")


def _files(home: Home) -> FileSystem:
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    options = {name.lower(): value for name, value in home.options.items()}
    endpoint = options.get("aws_endpoint_url", "")
    return S3FileSystem(
        access_key=options.get("aws_access_key_id"),
        secret_key=options.get("aws_secret_access_key"),
        session_token=options.get("aws_session_token"),
        region=options.get("aws_region"),
        endpoint_override=endpoint or None,
        connect_timeout=_CONNECT,
        request_timeout=_ANSWER,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    )
