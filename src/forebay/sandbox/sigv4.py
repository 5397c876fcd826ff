"""AWS Signature Version 4, the verifying side: header and presigned requests, any region and kind of payload."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote, unquote

from forebay.sandbox.wire import Request

Verdict = Literal["ok", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"]

_ALGORITHM = "AWS4-HMAC-SHA256"
_STAMP = "%Y%m%dT%H%M%SZ"
_SKEW = timedelta(minutes=15)
_SCOPE_PARTS = 5
"""Access key id, date, region, service, `aws4_request`."""
_UNSIGNED = "UNSIGNED-PAYLOAD"


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
    presigned: bool
    expires: float


def verify(request: Request, access_key: str, secret: str, now: datetime | None) -> Verdict:
    """Whether the request carries a valid signature of (`access_key`, `secret`).

    `now` None leaves the age of the signature unchecked, for a sandbox whose clock is not the client's.
    """
    claim = _claim(request)
    if claim is None:
        return "AccessDenied"
    if claim.access_key != access_key:
        return "InvalidAccessKeyId"
    if not hmac.compare_digest(_signature(request, claim, secret), claim.signature):
        return "SignatureDoesNotMatch"
    return "ok" if now is None or _fresh(claim, now) else "RequestTimeTooSkewed"


def _claim(request: Request) -> _Claim | None:
    header = request.headers.get("authorization", "")
    if header.startswith(_ALGORITHM):
        return _header_claim(request.headers, header.removeprefix(_ALGORITHM))
    if request.value("X-Amz-Algorithm") == _ALGORITHM:
        query = dict(request.query)
        return _read(
            query.get("X-Amz-Credential", ""),
            query.get("X-Amz-SignedHeaders", ""),
            query.get("X-Amz-Signature", ""),
            query.get("X-Amz-Date", ""),
            _UNSIGNED,
            expires=query.get("X-Amz-Expires", "0"),
        )
    return None


def _header_claim(headers: Mapping[str, str], text: str) -> _Claim | None:
    pairs = (part.strip().partition("=") for part in text.split(","))
    parts = {name: value for name, _, value in pairs}
    payload = headers.get("x-amz-content-sha256", hashlib.sha256(b"").hexdigest())
    stamp = headers.get("x-amz-date", "")
    return _read(
        parts.get("Credential", ""), parts.get("SignedHeaders", ""), parts.get("Signature", ""), stamp, payload
    )


def _read(
    credential: str, signed: str, signature: str, stamp: str, payload: str, *, expires: str | None = None
) -> _Claim | None:
    scope = credential.split("/")
    if len(scope) < _SCOPE_PARTS or not (signed and signature and stamp):
        return None
    key, (day, region, service) = "/".join(scope[:-4]), scope[-4:-1]
    lasts = float(expires) if expires and expires.isdigit() else 0.0
    return _Claim(
        key, (day, region, service), tuple(signed.split(";")), signature, stamp, payload, expires is not None, lasts
    )


def _fresh(claim: _Claim, now: datetime) -> bool:
    try:
        signed = datetime.strptime(claim.stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return False
    if claim.presigned:
        return signed - _SKEW <= now <= signed + timedelta(seconds=claim.expires)
    return abs(now - signed) <= _SKEW


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
