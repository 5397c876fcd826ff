"""Settings to a store: which of folder, B2 bucket and S3 bucket the archive is, and with whose keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from forebay.clock import Clock
from forebay.errors import UsageError
from forebay.settings import ArchiveSettings, AwsSettings, FolderSettings
from forebay.stores.bucket import Bucket, Keys
from forebay.stores.credentials import chain
from forebay.stores.folder import FolderStore
from forebay.stores.hosts import is_local
from forebay.stores.s3 import S3Store
from forebay.stores.store import Store

_B2_REGION = re.compile(r"s3\.([a-z0-9-]+)\.backblazeb2\.com")
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_S3_ADDRESS = re.compile(r"s3://[\w.-]+(?:/(?!\.{1,2}(?:/|$))[^/?#]+)*", re.ASCII)
"""A bucket, and a prefix of folders that have names."""
_FOLDER_STARTS = (".", "/", "~")
_REGION = "us-east-1"
"""What is signed where no region is named: servers that are not Amazon's take any."""


def archive_store(archive: ArchiveSettings, aws: AwsSettings, folders: FolderSettings, clock: Clock) -> Store:
    """The archive's store: at ARCHIVE_URI, else the B2 bucket, else a folder. Nothing is connected yet.

    Raises UsageError naming the settings that are missing or contradict each other.
    """
    if archive.uri and archive.bucket:
        raise UsageError(
            f"ARCHIVE_URI={archive.uri} and B2_BUCKET_NAME={archive.bucket} name two archives",
            remedy="Remove one of them.",
        )
    if archive.bucket:
        return S3Store(b2_bucket(archive, aws), clock)
    if not archive.uri:
        return FolderStore(folders.archive)
    if archive.uri.startswith("s3://"):
        return S3Store(s3_bucket(archive.uri, aws, clock), clock)
    path = archive.uri.removeprefix("file://")
    if "://" in path:
        raise UsageError(
            f"ARCHIVE_URI={archive.uri} is not an archive's address", remedy="Give a folder, or s3://bucket/prefix."
        )
    return FolderStore(Path(path))


def bar_archive_address(named: str | None, folders: FolderSettings) -> str:
    """Where csv.lzo objects go, in one spelling: `s3://bucket/prefix` or a folder's absolute path.

    `named` is a bucket's name, an address or a folder; None is the folder under FOREBAY_HOME. Raises UsageError.
    """
    if not named:
        return str(folders.csv_lzo.resolve())
    address, folder = named.rstrip("/"), named.removeprefix("file://")
    if _S3_ADDRESS.fullmatch(address):
        return address
    if folder.startswith(_FOLDER_STARTS):
        return str(Path(folder).expanduser().resolve())
    if not _BUCKET_NAME.fullmatch(address):
        raise UsageError(
            f"CSV_LZO_BUCKET: {named} is neither a bucket's name nor an address",
            remedy="Give a name such as my-bars, s3://bucket/prefix, or a folder as file:///data/bars or ./bars.",
        )
    return f"s3://{address}"


def bar_archive_store(address: str, aws: AwsSettings, clock: Clock) -> Store:
    """The store at what `bar_archive_address` returned. Nothing is connected yet. Raises UsageError."""
    if address.startswith("s3://"):
        return S3Store(s3_bucket(address, aws, clock, "CSV_LZO_BUCKET"), clock)
    return FolderStore(Path(address))


def b2_bucket(archive: ArchiveSettings, aws: AwsSettings) -> Bucket:
    """The bucket that the B2_* settings name. Raises UsageError naming what is missing."""
    key_id, secret, endpoint = archive.key_id, archive.application_key, archive.endpoint_url
    if not (archive.bucket and key_id and secret and endpoint):
        names = {"B2_KEY_ID": key_id, "B2_APPLICATION_KEY": secret, "B2_ENDPOINT_URL": endpoint}
        missing = ", ".join(name for name, value in names.items() if not value)
        raise UsageError(
            f"the archive is the B2 bucket {archive.bucket}, and these are not set: {missing}",
            remedy="B2 shows the key id and the application key when a key is made, and the endpoint with the bucket.",
        )
    keys = Keys(key_id.get_secret_value(), secret.get_secret_value())
    named = _B2_REGION.fullmatch(urlsplit(endpoint).hostname or "")
    return Bucket(
        archive.bucket,
        archive.prefix.strip("/"),
        _checked(endpoint, "B2_ENDPOINT_URL"),
        named.group(1) if named else aws.region or _REGION,
        lambda: keys,
        setting="B2_BUCKET_NAME",
        keys_settings="B2_KEY_ID and B2_APPLICATION_KEY",
    )


def s3_bucket(uri: str, aws: AwsSettings, clock: Clock, setting: str = "ARCHIVE_URI") -> Bucket:
    """The bucket at `s3://bucket/prefix`, which `setting` names, with the AWS_* settings.

    Raises UsageError for what is missing.
    """
    parts = urlsplit(uri)
    if not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError(f"{setting} is not of the form s3://bucket/prefix", remedy="Give keys by the AWS_* settings.")
    keys, region = _keys(aws, clock)
    region = aws.region or region or _REGION
    amazon = f"https://s3.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")
    endpoint = _checked(aws.endpoint_url, "AWS_ENDPOINT_URL") if aws.endpoint_url else amazon
    return Bucket(parts.netloc, parts.path.strip("/"), endpoint, region, keys, setting=setting)


def _keys(aws: AwsSettings, clock: Clock) -> tuple[Callable[[], Keys], str | None]:
    """What signs, and the region that goes with it: the settings' own keys, else whatever Amazon's tools would use."""
    if aws.profile or not (aws.access_key_id or aws.secret_access_key):
        return chain(aws.profile, clock)
    if not (aws.access_key_id and aws.secret_access_key):
        missing = "AWS_SECRET_ACCESS_KEY" if aws.access_key_id else "AWS_ACCESS_KEY_ID"
        raise UsageError(f"{missing} is not set", remedy="Set both halves of the key, or AWS_PROFILE.")
    token = aws.session_token.get_secret_value() if aws.session_token else None
    keys = Keys(aws.access_key_id.get_secret_value(), aws.secret_access_key.get_secret_value(), token)
    return lambda: keys, None


def _checked(endpoint: str, setting: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme == "http" and not is_local(parts.hostname or ""):
        raise UsageError(f"{setting} would send files unencrypted to {parts.hostname}", remedy="Write https://.")
    return endpoint.rstrip("/")
