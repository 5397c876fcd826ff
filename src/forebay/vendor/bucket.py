"""A signed S3 client for the vendor's bucket, and the bucket's refusals as Forebay's errors.

Sources: the vendor's flat-file page, sections 1 and 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.store import S3Store

from forebay.errors import (
    BadRequest,
    FileNotFound,
    ForebayError,
    NotEntitled,
    RevisionChanged,
    UsageError,
    VendorUnavailable,
    WrongKey,
)
from forebay.model.catalogue import FLATFILES_BUCKET
from forebay.stores.hosts import is_local
from forebay.stores.wire import answer
from forebay.vendor.addresses import checked_address

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Credential  # the type stubs', not there at run time

_REGION = "us-east-1"
"""What the vendor's own samples sign with, by default of their library."""
_WRONG_KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed")
_KEYS_REMEDY = (
    "Check POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY (they are not the API key), and that this "
    "machine's clock is right."
)
_PLAN_REMEDY = (
    "Leave it out of the feed, or choose a plan that includes it; a day after the newest listed file is not "
    "published yet."
)
_LATER = "Try again later; if no request succeeds, check the network and FOREBAY_FLATFILES_URL."


@dataclass(frozen=True, slots=True)
class BucketTimeouts:
    """Deadlines of one request to the bucket, in seconds."""

    connect: float = 10.0
    read: float = 30.0
    """Between two reads: a stalled transfer is cut and resumed."""
    whole: float = 600.0


def bucket(url: str, access_key: str, secret_key: str, timeouts: BucketTimeouts) -> S3Store:
    """The vendor's bucket, path style, with these keys and nothing from the environment.

    The library reads AWS_* variables, which are the destination's: each that could matter is overridden here.
    Retries are the caller's. Raises UsageError for a wrong address or an empty key.
    """
    address = checked_address(url, "FOREBAY_FLATFILES_URL")
    if not access_key or not secret_key:
        raise UsageError("a key of the flat files is empty", remedy=_KEYS_REMEDY)
    endpoint = address.geturl()
    return S3Store(
        FLATFILES_BUCKET,
        endpoint=endpoint,
        aws_endpoint_url_s3=endpoint,
        region=_REGION,
        virtual_hosted_style_request=False,
        skip_signature=False,
        unsigned_payload=False,
        s3_express=False,
        request_payer=False,
        server_side_encryption="AES256",  # concerns writes only; `sse-c` from the environment would sign reads
        credential_provider=lambda: _credential(access_key, secret_key),
        client_options=_client_options(endpoint, address.hostname or "", timeouts),
        retry_config={"max_retries": 0},
    )


def _credential(access_key: str, secret_key: str) -> S3Credential:
    return {"access_key_id": access_key, "secret_access_key": secret_key, "expires_at": None}


def _client_options(endpoint: str, host: str, timeouts: BucketTimeouts) -> ClientConfig:
    options: ClientConfig = {
        "allow_http": endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=timeouts.connect),
        "read_timeout": timedelta(seconds=timeouts.read),
        "timeout": timedelta(seconds=timeouts.whole),
    }
    if is_local(host):  # a proxy of the environment cannot reach it; naming one that is never used turns that off
        options |= {"proxy_url": endpoint, "proxy_excludes": host}
    return options


def refusal(error: Exception, key: str, *, listing: bool = False) -> ForebayError:
    """The error for a request about `key` that failed; `listing` for a listing under it.

    The vendor lets every key list everything, so a refused listing means the keys, and a refused object the plan.
    """
    said = answer(error)
    status, code = said.status, said.code
    what = f"the vendor's bucket answered {status}{' ' + code if code else ''} to {key}"
    if isinstance(error, FileNotFoundError):
        return FileNotFound(f"the vendor's bucket has no {key}", remedy="It may be a day without a session.")
    if status in ("412", "416"):
        return RevisionChanged(f"the vendor replaced {key} while it was being read", remedy="Read it again.")
    if status == "401" or code in _WRONG_KEYS or (status == "403" and listing):
        return WrongKey(what, remedy=_KEYS_REMEDY)
    if status == "403":
        return NotEntitled(f"your plan does not include {_dataset_and_file(key)} ({what})", remedy=_PLAN_REMEDY)
    if status.startswith(("3", "4")) and status not in ("408", "429"):
        return BadRequest(what, remedy="Check FOREBAY_FLATFILES_URL.")
    if not status:
        what = f"no whole answer from the vendor's bucket to {key}: {said.reason}"
    return VendorUnavailable(what, remedy=_LATER)


def broken_off(at: int, key: str) -> VendorUnavailable:
    """The error for a file whose bytes stopped coming before this one."""
    return VendorUnavailable(f"{key} broke off at byte {at}", remedy=_LATER)


def replaced(size: int, key: str) -> RevisionChanged:
    """The error for a file that is not of the revision that was asked for."""
    return RevisionChanged(
        f"{key} is not the file that was listed: it has {size} bytes now",
        remedy="Look at the listing again and read the new revision.",
    )


def _dataset_and_file(key: str) -> str:
    prefix, _, file = key.rpartition("/")
    return f"{'/'.join(prefix.split('/')[:2])} for {file.removesuffix('.csv.gz')}"
