"""What only the slower client can do with a bucket: uploads under way, versions, tags, copies of large objects."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from functools import partial
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from forebay.stores.bucket import Bucket, Keys
from forebay.stores.client import Timeouts
from forebay.stores.hosts import is_local
from forebay.stores.refusals import Refusals
from forebay.stores.store import Upload
from forebay.stores.wire import Answer

_PART_BYTES = 512 * 2**20
"""Of a copy inside the store: 10,000 parts are 5 TB, S3's largest object."""
_NO_TAGS = ("NoSuchTagSet", "NoSuchTagSetError")
"""How some servers say that an object has none."""


class Boto:
    """One bucket. Keys are the bucket's own, prefix included. Safe to use from several threads.

    Imported and connected when it is first used, for it takes a while. Raises what `Refusals` makes.
    """

    def __init__(self, bucket: Bucket, timeouts: Timeouts, refusals: Refusals) -> None:
        self._bucket = bucket
        self._timeouts = timeouts
        self._refusals = refusals
        self._lock = Lock()
        self._made: Any = None
        self._keys: Keys | None = None

    def uploads(self, prefix: str) -> Iterator[Upload]:
        """Uploads in parts that were neither completed nor aborted."""
        for page in self._pages("list_multipart_uploads", prefix):
            for upload in page.get("Uploads", ()):
                begun = upload["Initiated"].astimezone(UTC).replace(microsecond=0)
                yield Upload(upload["Key"], upload["UploadId"], begun)

    def abort(self, key: str, upload_id: str) -> None:
        """End an upload; nothing happens when it is over already."""
        self._ask(
            key,
            lambda: self._client.abort_multipart_upload(Bucket=self._bucket.name, Key=key, UploadId=upload_id),
            gone_is_fine=True,
        )

    def versioned(self) -> bool:
        """Whether replaced objects stay as earlier versions. A store that does not say keeps none."""
        from botocore.exceptions import ClientError

        with self._errors(""):
            try:
                answer = self._client.get_bucket_versioning(Bucket=self._bucket.name)
            except ClientError as error:
                if _answer(error).status in ("400", "403", "404", "405", "501"):
                    return False
                raise
        return bool(answer.get("Status") == "Enabled")

    def tags(self, key: str) -> dict[str, str]:
        """An object's tags. A server that knows none may answer with the object instead, which is refused as well."""
        from botocore.exceptions import ClientError

        with self._errors(key):
            try:
                answer = self._client.get_object_tagging(Bucket=self._bucket.name, Key=key)
            except ClientError as error:
                if _answer(error).code not in _NO_TAGS:
                    raise
                return {}
        if "TagSet" not in answer:
            raise self._refusals.error(Answer("200", "and no tags in the answer", "", ""), self._bucket.key(key))
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def delete(self, key: str, *, versions: bool) -> None:
        """Remove one object; with `versions` every version of it, marks of earlier removals included."""
        name = self._bucket.name
        if not versions:
            self._ask(key, lambda: self._client.delete_object(Bucket=name, Key=key))
            return
        for version in list(self._versions(key)):
            self._ask(key, partial(self._client.delete_object, Bucket=name, Key=key, VersionId=version))

    def take_back(self, key: str, version: str | None) -> None:
        """Remove one version of an object; None: the object, in a bucket that keeps no versions."""
        which = {"VersionId": version} if version else {}
        self._ask(key, lambda: self._client.delete_object(Bucket=self._bucket.name, Key=key, **which))

    def copy(self, source: str, target: str, metadata: Mapping[str, str]) -> None:
        """Copy a large object in parts, inside the store; parts that were copied are given up when one fails."""
        from boto3.s3.transfer import TransferConfig

        config = TransferConfig(multipart_threshold=1, multipart_chunksize=_PART_BYTES, max_concurrency=4)
        name = self._bucket.name
        extra = {"Metadata": dict(metadata)}
        self._ask(
            source,
            lambda: self._client.copy({"Bucket": name, "Key": source}, name, target, ExtraArgs=extra, Config=config),
        )

    def _versions(self, key: str) -> Iterator[str]:
        for page in self._pages("list_object_versions", key):
            for item in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                if item["Key"] == key:
                    yield item["VersionId"]

    def _pages(self, operation: str, prefix: str) -> Iterator[Any]:
        with self._errors(prefix):
            yield from self._client.get_paginator(operation).paginate(Bucket=self._bucket.name, Prefix=prefix)

    def _ask(self, key: str, request: Callable[[], Any], *, gone_is_fine: bool = False) -> None:
        from botocore.exceptions import ClientError

        with self._errors(key):
            try:
                request()
            except ClientError as error:
                if not (gone_is_fine and _answer(error).code in ("NoSuchUpload", "NoSuchKey")):
                    raise

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            raise self._refusals.error(_answer(error), self._bucket.key(key)) from None
        except (BotoCoreError, Boto3Error) as error:
            reason = type(error).__name__
            raise self._refusals.error(Answer("", "", "", reason), self._bucket.key(key)) from error

    @property
    def _client(self) -> Any:
        keys = self._bucket.keys()
        with self._lock:
            if keys != self._keys:
                self._made, self._keys = _client(self._bucket, keys, self._timeouts), keys
            return self._made


def _client(bucket: Bucket, keys: Keys, timeouts: Timeouts) -> Any:
    import boto3
    from botocore.config import Config
    from botocore.session import Session

    # The user's files and variables for Amazon's tools say nothing here: what counts of them came with `bucket`.
    nothing = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    session = Session(session_vars=nothing | {"profile": (None, None, None, None)})
    host = urlsplit(bucket.endpoint).hostname or ""
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=timeouts.connect,
        read_timeout=timeouts.read,
        retries={"mode": "standard", "total_max_attempts": timeouts.retries + 1},
        proxies={} if is_local(host) else None,
    )
    return boto3.Session(botocore_session=session).client(
        "s3",
        region_name=bucket.region,
        endpoint_url=bucket.endpoint,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
        config=config,
    )


def _answer(error: Any) -> Answer:
    """S3's code and message out of the client's error."""
    said = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    return Answer(str(status), str(said.get("Code", "")), str(said.get("Message", "")), "")
