"""The address of a lake to its home."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from forebay.clock import Clock, SystemClock
from forebay.errors import UsageError
from forebay.lake.home.folder import FolderHome
from forebay.lake.home.home import Home
from forebay.model.words import nearest
from forebay.settings import AwsSettings, load

_OPTIONS = {
    "access_key_id": "access_key_id",
    "secret_access_key": "secret_access_key",
    "session_token": "session_token",
    "region": "region",
    "default_region": "region",
    "endpoint_url": "endpoint_url",
    "endpoint": "endpoint_url",
    "profile": "profile",
}
"""What can be said of a bucket, with `aws_` before it or not, in capitals or not, to the setting that it is."""


def home_at(
    place: str | Path | Home,
    storage_options: Mapping[str, str] | None = None,
    *,
    aws: AwsSettings | None = None,
    clock: Clock | None = None,
) -> Home:
    """The home at a folder's path or `s3://bucket/prefix`. A home is its own.

    A bucket's keys are those of `storage_options` (`aws_access_key_id`, `aws_secret_access_key`, `aws_session_token`,
    `aws_region`, `aws_endpoint_url`, `aws_profile`), else of `aws`, else of the AWS_* settings. Raises UsageError for
    an address or options that are wrong.
    """
    if not isinstance(place, str | Path):
        return place
    address = str(place).removeprefix("file://")
    if address.startswith("s3://"):
        from forebay.lake.home.bucket import bucket_home
        from forebay.stores.address import s3_bucket

        found, clock = _settings(storage_options, aws), clock or SystemClock()
        return bucket_home(s3_bucket(address, found, clock, "LAKE_URI"), clock)
    if "://" in address:
        raise UsageError(
            f"{address.partition('://')[0]}:// is no place for a lake",
            remedy="Let LAKE_URI be a folder, such as data/lake, or s3://bucket/prefix.",
        )
    return FolderHome(Path(address))


def _settings(options: Mapping[str, str] | None, aws: AwsSettings | None) -> AwsSettings:
    if options is None:
        return aws or load().aws
    given: dict[str, str | SecretStr] = {}
    for name, value in options.items():
        field = _OPTIONS.get(name.lower().removeprefix("aws_"))
        if field is None:
            raise UsageError(
                f"unknown storage option {name!r}", remedy=nearest(name.lower(), [f"aws_{each}" for each in _OPTIONS])
            )
        given[field] = SecretStr(value) if field in ("access_key_id", "secret_access_key", "session_token") else value
    return AwsSettings.model_validate(given)
