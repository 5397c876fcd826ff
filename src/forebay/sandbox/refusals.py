"""Refusals that a fault rule makes: the vendor's bodies for REST, S3's for files."""

from __future__ import annotations

from forebay.model.catalogue import FLATFILES_BUCKET
from forebay.sandbox.desk import not_entitled, not_in_timeframe
from forebay.sandbox.faults import Fault
from forebay.sandbox.rest import TOO_MANY
from forebay.sandbox.s3xml import s3_error
from forebay.sandbox.wire import Answer, Request, json_answer

_UNAVAILABLE = 503
_HTML = b"<html><head><title>Service Unavailable</title></head><body>Please try again.</body></html>"


def refusal(fault: Fault, request: Request) -> Answer:
    """What the vendor says instead of the true answer."""
    if request.path.startswith(f"/{FLATFILES_BUCKET}"):
        return _with_retry_after(_file_refusal(fault, request), fault)
    if fault.kind == "rate_limited":
        return _with_retry_after(json_answer(429, {**TOO_MANY, "request_id": request.id}, request.id), fault)
    if fault.kind == "server_error":
        return Answer(fault.status or _UNAVAILABLE, _HTML, {"Content-Type": "text/html"})
    found = not_entitled() if fault.kind == "not_entitled" else not_in_timeframe()
    return json_answer(found.status, {**found.body, "request_id": request.id}, request.id)


def _file_refusal(fault: Fault, request: Request) -> Answer:
    if fault.kind == "rate_limited":
        return s3_error(503, "SlowDown", request)
    if fault.kind == "server_error":
        return s3_error(fault.status or _UNAVAILABLE, "InternalError", request)
    return Answer(403)


def _with_retry_after(answer: Answer, fault: Fault) -> Answer:
    return answer if fault.retry_after is None else answer.with_headers(Retry_After=f"{fault.retry_after:g}")
