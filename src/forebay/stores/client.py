"""A client of the object-store library for one bucket, with nothing taken from the environment but its proxies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from obstore.store import S3Store as Client

from forebay.stores.bucket import Bucket
from forebay.stores.hosts import is_local

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Credential  # the type stubs', not there at run time

_UNASKED = ("AWS_CHECKSUM_ALGORITHM", "AWS_SERVER_SIDE_ENCRYPTION", "AWS_SSE_")
"""Variables the library reads and no argument can take back: each adds headers to uploads."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines and retries of one request, in seconds."""

    connect: float = 10.0
    read: float = 30.0
    """Without a byte of an answer to a question."""
    write: float = 300.0
    """Without an answer to a part that is sent, which a slow line takes a while for."""
    whole: float = 600.0
    retries: int = 4
    """Further attempts after a 5xx or no answer, with growing waits from `pause` on."""
    pause: float = 0.2


def client(bucket: Bucket, timeouts: Timeouts, *, writes: bool) -> Client:
    """A client for reading or for writing. Bodies are not signed: TLS guards them, and uploads are checked after."""
    wait = timeouts.write if writes else timeouts.read
    _forget_unasked()
    return Client(
        bucket.name,
        endpoint=bucket.endpoint,
        aws_endpoint_url_s3=bucket.endpoint,
        region=bucket.region,
        virtual_hosted_style_request=False,
        skip_signature=False,
        unsigned_payload=True,
        s3_express=False,
        request_payer=False,
        conditional_put="etag",
        disable_tagging=False,  # without tags there is no header of them, which some stores refuse even empty
        credential_provider=lambda: _credential(bucket),
        client_options=_client_options(bucket.endpoint, timeouts, wait),
        retry_config={
            "max_retries": timeouts.retries,
            "retry_timeout": timedelta(seconds=timeouts.whole),
            "backoff": {"init_backoff": timedelta(seconds=timeouts.pause), "max_backoff": timedelta(seconds=8)},
        },
    )


def _credential(bucket: Bucket) -> S3Credential:
    keys = bucket.keys()
    credential: S3Credential = {
        "access_key_id": keys.access_key,
        "secret_access_key": keys.secret_key,
        "expires_at": keys.expires_at,
    }
    return credential | {"token": keys.token} if keys.token else credential


def _client_options(endpoint: str, timeouts: Timeouts, wait: float) -> ClientConfig:
    options: ClientConfig = {
        "allow_http": endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=timeouts.connect),
        "read_timeout": timedelta(seconds=wait),
        "timeout": timedelta(seconds=timeouts.whole),
    }
    host = urlsplit(endpoint).hostname or ""
    if is_local(host):  # a proxy of the environment cannot reach it; naming one that is never used turns that off
        options |= {"proxy_url": endpoint, "proxy_excludes": host}
    return options


def _forget_unasked() -> None:
    """Take them out of the environment, for good: to set them again while native threads read it ends the process."""
    for name in list(os.environ):
        if name.upper().startswith(_UNASKED):
            os.environ.pop(name, None)
