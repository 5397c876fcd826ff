from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx2
import obstore
import pytest
from asking import bucket, keys, raw
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from forebay.sandbox.server import Sandbox
from forebay.sandbox.sigv4 import verify
from forebay.sandbox.vendor import credentials
from forebay.sandbox.wire import Request

KEY = "us_indices/day_aggs_v1/2025/10/2025-10-03.csv.gz"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"access_key_id": "nobody"}, "InvalidAccessKeyId"),
        ({"secret_access_key": "wrong"}, "SignatureDoesNotMatch"),
        ({"skip_signature": "true"}, "AccessDenied"),
    ],
)
def test_wrong_keys_are_refused_even_to_list(vendor: Sandbox, change: dict[str, str], code: str) -> None:
    """An unknown key, a wrong secret and no signature answer 403 with S3's own code, for listings too."""
    with pytest.raises(obstore.exceptions.GenericError, match=f"403[^@]*{code}"):
        next(iter(obstore.list(bucket(vendor, **change), prefix="us_indices/")))


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "auto"])
def test_any_region_is_accepted(vendor: Sandbox, region: str) -> None:
    """The vendor documents no region, so the one in the signature does not matter."""
    assert raw(vendor, KEY) == bytes(obstore.get(bucket(vendor, region=region), KEY).bytes())


def test_unsigned_payloads_are_accepted(vendor: Sandbox) -> None:
    """`UNSIGNED-PAYLOAD` signs as any other payload hash."""
    assert raw(vendor, KEY) == bytes(obstore.get(bucket(vendor, unsigned_payload="true"), KEY).bytes())


def test_presigned_addresses_work_until_changed(vendor: Sandbox) -> None:
    """A presigned address fetches its object; with another key in the path its signature does not match."""
    address = obstore.sign(bucket(vendor), "GET", KEY, expires_in=timedelta(minutes=5))
    assert raw(vendor, KEY) == httpx2.get(address).content
    changed = httpx2.get(address.replace("2025-10-03", "2025-10-06"))
    assert changed.status_code == 403
    assert "SignatureDoesNotMatch" in changed.text


@pytest.mark.parametrize(
    ("minutes", "verdict"),
    [(0, "ok"), (14, "ok"), (-14, "ok"), (16, "RequestTimeTooSkewed"), (-16, "RequestTimeTooSkewed")],
)
def test_a_signature_grows_old(minutes: int, verdict: str) -> None:
    """A request signed more than a quarter of an hour from now, before or after, is refused for its clock."""
    keys_of = credentials(1).s3
    asked = AWSRequest("GET", f"http://localhost/flatfiles/{KEY}", headers={"Host": "localhost"})
    S3SigV4Auth(Credentials(keys_of.access_key, keys_of.secret), "s3", "us-east-1").add_auth(asked)
    headers = {name.lower(): value for name, value in asked.headers.items()}
    request = Request("GET", f"/flatfiles/{KEY}", f"/flatfiles/{KEY}", "", (), headers, "http://localhost")
    signed = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%S%z")
    now = signed + timedelta(minutes=minutes)
    assert verdict == verify(request, keys_of.access_key, keys_of.secret, now)


def test_a_presigned_address_expires(vendor: Sandbox) -> None:
    """It is good for as long as it says, and no longer."""
    keys_of = credentials(1).s3
    url = urlsplit(obstore.sign(bucket(vendor), "GET", KEY, expires_in=timedelta(hours=1)))
    query = tuple(parse_qsl(url.query))
    request = Request("GET", url.path, url.path, url.query, query, {"host": url.netloc}, vendor.url)
    signed = datetime.strptime(dict(query)["X-Amz-Date"], "%Y%m%dT%H%M%S%z")
    verdicts = [
        verify(request, keys_of.access_key, keys_of.secret, signed + timedelta(minutes=after)) for after in (59, 61)
    ]
    assert ["ok", "AccessDenied"] == verdicts


def test_awkward_prefixes_are_signed_alike(vendor: Sandbox) -> None:
    """Spaces, plus signs and non-ASCII letters in a query sign the same on both sides."""
    for prefix in ("a b/", "a+b/", "ü/", "a=b&c/"):
        assert keys(vendor, prefix) == []
