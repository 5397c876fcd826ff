"""Which store the settings mean, and what is said when they mean none."""

from __future__ import annotations

from pathlib import Path

import pytest

from forebay.errors import UsageError
from forebay.settings import ArchiveSettings, AwsSettings, FolderSettings
from forebay.stores.address import archive_store, b2_bucket, bar_archive_address, s3_bucket
from forebay.testing import FakeClock

B2 = {"bucket": "mine", "key_id": "id", "application_key": "key", "endpoint_url": "s3.us-west-004.backblazeb2.com"}
AWS = AwsSettings(access_key_id="id", secret_access_key="secret", session_token="token")


def store(tmp_path: Path, aws: AwsSettings = AWS, **archive: str):
    return archive_store(ArchiveSettings(**archive), aws, FolderSettings(home=tmp_path), FakeClock())


def test_a_folder_is_the_default(tmp_path: Path) -> None:
    """archive/ under FOREBAY_HOME, or the folder that is named, as a path or as a file:// address."""
    named = tmp_path / "named"
    assert str(tmp_path / "archive") == store(tmp_path).address
    assert [str(named)] * 2 == [store(tmp_path, uri=uri).address for uri in (str(named), f"file://{named}")]


def test_the_b2_bucket_is_taken_when_it_is_named(tmp_path: Path) -> None:
    """https:// is added to the endpoint, the region is part of it, and keys of the AWS_* settings are not used."""
    bucket = b2_bucket(ArchiveSettings(**B2, prefix="/polygon/flatfiles/"), AWS)

    assert "s3://mine/polygon/flatfiles" == store(tmp_path, **B2, prefix="polygon/flatfiles").address == bucket.address
    assert ("https://s3.us-west-004.backblazeb2.com", "us-west-004") == (bucket.endpoint, bucket.region)
    assert ("id", "key", None) == (bucket.keys().access_key, bucket.keys().secret_key, bucket.keys().token)
    assert store(tmp_path, **B2).keeps_versions


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [(None, "https://s3.us-east-1.amazonaws.com"), ("cn-north-1", "https://s3.cn-north-1.amazonaws.com.cn")],
)
def test_an_s3_bucket(region: str | None, endpoint: str) -> None:
    """Amazon's own by region, and temporary keys with their token."""
    bucket = s3_bucket("s3://mine/a/b/", AWS.model_copy(update={"region": region}), FakeClock())
    assert ("mine", "a/b", endpoint) == (bucket.name, bucket.prefix, bucket.endpoint)
    assert "token" == bucket.keys().token


def test_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and region come from the user's files for Amazon's tools; a profile that is not there is named."""
    (tmp_path / "config").write_text(
        "[profile mine]\nregion = eu-west-1\naws_access_key_id = a\naws_secret_access_key = b"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    bucket = s3_bucket("s3://mine", AwsSettings(profile="mine"), FakeClock())
    assert ("a", "b", "eu-west-1") == (bucket.keys().access_key, bucket.keys().secret_key, bucket.region)
    with pytest.raises(UsageError, match="AWS_PROFILE=other"):
        s3_bucket("s3://mine", AwsSettings(profile="other"), FakeClock())


@pytest.mark.parametrize(
    ("archive", "aws", "named"),
    [
        ({"bucket": "mine"}, {}, "B2_KEY_ID, B2_APPLICATION_KEY, B2_ENDPOINT_URL"),
        ({**B2, "uri": "s3://mine"}, {}, "ARCHIVE_URI=s3://mine and B2_BUCKET_NAME=mine"),
        ({**B2, "endpoint_url": "http://s3.us-west-004.backblazeb2.com"}, {}, "B2_ENDPOINT_URL would send"),
        ({"uri": "s3://"}, {}, "ARCHIVE_URI"),
        ({"uri": "gs://mine"}, {}, "ARCHIVE_URI=gs://mine"),
        ({"uri": "s3://mine"}, {"access_key_id": "id"}, "AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_settings_that_mean_no_store_are_named(tmp_path: Path, archive: dict, aws: dict, named: str) -> None:
    """What is missing, or contradicts something, with the next step."""
    with pytest.raises(UsageError, match=named) as raised:
        store(tmp_path, AwsSettings(**aws), **archive)
    assert raised.value.remedy


def test_keys_are_not_shown() -> None:
    """Neither a bucket's representation nor that of its keys holds them."""
    bucket = b2_bucket(ArchiveSettings(**B2 | {"key_id": "THE-ID", "application_key": "THE-KEY"}), AWS)
    assert not any(secret in f"{bucket!r} {bucket.keys()!r}" for secret in ("THE-ID", "THE-KEY"))


@pytest.mark.parametrize(
    ("named", "address"),
    [
        (None, "{home}/csv-lzo"),
        ("my-bars", "s3://my-bars"),
        ("my-bars/", "s3://my-bars"),
        ("s3://my-bars/a/b/", "s3://my-bars/a/b"),
        ("s3://my-bars/two words", "s3://my-bars/two words"),
        ("file:///data/bars/", "/data/bars"),
        ("./bars/../bars", "{here}/bars"),
    ],
)
def test_where_a_csv_lzo_archive_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str | None, address: str
) -> None:
    """A name, an address and a folder have one spelling: objects of one place are known under one name."""
    monkeypatch.chdir(tmp_path)
    folders = FolderSettings(home=tmp_path / "home")
    expected = address.format(home=tmp_path / "home", here=tmp_path)
    assert expected == bar_archive_address(named, folders) == bar_archive_address(expected, folders)


@pytest.mark.parametrize(
    "named",
    [
        *(
            "s3://",
            "s3:///x",
            "s3://my bars/x",
            "s3://b//x",
            "s3://b/../x",
            "s3://b/./x",
            "s3://id:key@b",
            "s3://b?x=1",
        ),
        *("S3://b", "b2://my-bars", "https://host/b", "file://", "file:x", "file://x"),
        *("UPPER", "my bars", "bars ", " ", "a/b"),
    ],
)
def test_no_csv_lzo_archive(tmp_path: Path, named: str) -> None:
    """Anything else is refused before a task about it is made; no folder of a strange name comes of it."""
    with pytest.raises(UsageError, match="CSV_LZO_BUCKET"):
        bar_archive_address(named, FolderSettings(home=tmp_path))
