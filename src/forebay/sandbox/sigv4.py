"""AWS Signature Version 4, the verifying side: header and presigned requests, any region and kind of payload."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote, unquote

from forebay.sandbox.wire import Request

Verdict = Literal["ok", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"]

_ALGORITHM = "AWS4-HMAC-SHA256"
_SCOPE_PARTS = 5
"""Access key id, date, region, service, `aws4_request`."""
_UNSIGNED = "UNSIGNED-PAYLOAD"
_SKEW = timedelta(minutes=15)
"""How far a client's clock may be off."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """What the request says of its own signature."""

    access_key: str
    scope: tuple[str, str, str]
    """Date, region, service."""
    signed_headers: tuple[str, ...]
    signature: str
    stamp: str
    payload: str
    lasts: int | None = None
    """Seconds that a presigned address is good for."""


def verify(request: Request, access_key: str, secret: str, now: datetime) -> Verdict:
    """Whether the request carries a signature of (`access_key`, `secret`) that is valid at `now`.

    `now` is the real time, as the client's is: the market's clock may be a test's.
    """
    claim = _claim(request)
    if claim is None:
        return "AccessDenied"
    if claim.access_key != access_key:
        return "InvalidAccessKeyId"
    if not hmac.compare_digest(_signature(request, claim, secret), claim.signature):
        return "SignatureDoesNotMatch"
    return _in_time(claim, now)


def _in_time(claim: _Claim, now: datetime) -> Verdict:
    try:
        age = now - datetime.strptime(claim.stamp, "%Y%m%dT%H%M%S%z")
    except ValueError:
        return "AccessDenied"
    if claim.lasts is not None:
        return "ok" if -_SKEW <= age <= timedelta(seconds=claim.lasts) else "AccessDenied"
    return "ok" if abs(age) <= _SKEW else "RequestTimeTooSkewed"


def _claim(request: Request) -> _Claim | None:
    header = request.headers.get("authorization", "")
    if header.startswith(_ALGORITHM):
        return _header_claim(request.headers, header.removeprefix(_ALGORITHM))
    if request.value("X-Amz-Algorithm") == _ALGORITHM:
        query = dict(request.query)
        lasts = query.get("X-Amz-Expires", "")
        claim = _read(
            query.get("X-Amz-Credential", ""),
            query.get("X-Amz-SignedHeaders", ""),
            query.get("X-Amz-Signature", ""),
            query.get("X-Amz-Date", ""),
            _UNSIGNED,
        )
        return replace(claim, lasts=int(lasts)) if claim and lasts.isdigit() else None
    return None


def _header_claim(headers: Mapping[str, str], text: str) -> _Claim | None:
    pairs = (part.strip().partition("=") for part in text.split(","))
    parts = {name: value for name, _, value in pairs}
    payload = headers.get("x-amz-content-sha256", hashlib.sha256(b"").hexdigest())
    stamp = headers.get("x-amz-date", "")
    return _read(
        parts.get("Credential", ""), parts.get("SignedHeaders", ""), parts.get("Signature", ""), stamp, payload
    )


def _read(credential: str, signed: str, signature: str, stamp: str, payload: str) -> _Claim | None:
    scope = credential.split("/")
    if len(scope) < _SCOPE_PARTS or not (signed and signature and stamp):
        return None
    key, (day, region, service) = "/".join(scope[:-4]), scope[-4:-1]
    return _Claim(key, (day, region, service), tuple(signed.split(";")), signature, stamp, payload)


def _signature(request: Request, claim: _Claim, secret: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in (*claim.scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    day, region, service = claim.scope
    scope = f"{day}/{region}/{service}/aws4_request"
    canonical = hashlib.sha256(_canonical(request, claim).encode()).hexdigest()
    text = f"{_ALGORITHM}\n{claim.stamp}\n{scope}\n{canonical}"
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def _canonical(request: Request, claim: _Claim) -> str:
    pairs = sorted((_encode(key), _encode(value)) for key, value in request.query if key != "X-Amz-Signature")
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in claim.signed_headers)
    return "\n".join(
        (
            request.method,
            quote(unquote(request.target), safe="/-_.~"),
            "&".join(f"{key}={value}" for key, value in pairs),
            headers,
            ";".join(claim.signed_headers),
            claim.payload,
        )
    )


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")
