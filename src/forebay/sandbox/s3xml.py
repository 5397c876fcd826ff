"""The XML that S3 speaks: errors, a bucket's location, pages of a listing."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape

from forebay.sandbox.wire import Answer, Request

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_MESSAGES = {
    "AccessDenied": "Access Denied",
    "InvalidAccessKeyId": "The access key id you provided does not exist in our records.",
    "SignatureDoesNotMatch": "The request signature we calculated does not match the signature you provided.",
    "NoSuchKey": "The specified key does not exist.",
    "NoSuchBucket": "The specified bucket does not exist.",
    "PreconditionFailed": "At least one of the pre-conditions you specified did not hold.",
    "InvalidRange": "The requested range is not satisfiable.",
    "InvalidArgument": "Invalid argument.",
    "MethodNotAllowed": "The bucket is read only.",
    "RequestTimeTooSkewed": "The difference between the request time and the current time is too large.",
    "SlowDown": "Please reduce your request rate.",
    "InternalError": "We encountered an internal error. Please try again.",
}
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def element(name: str, content: str | int | bool) -> str:
    """One element with text inside."""
    text = str(content).lower() if isinstance(content, bool) else str(content)
    return f"<{name}>{escape(text)}</{name}>"


def s3_error(status: int, code: str, request: Request) -> Answer:
    """An S3 error; without a body for a HEAD request, as HTTP wants."""
    parts = (
        element("Code", code),
        element("Message", _MESSAGES.get(code, code)),
        element("Resource", request.path),
        element("RequestId", request.id),
    )
    return xml_answer(status, f"<Error>{''.join(parts)}</Error>", request)


def location(request: Request) -> Answer:
    """Where the bucket is: the region that has no name, us-east-1."""
    return xml_answer(200, f'<LocationConstraint xmlns="{_NAMESPACE}"/>', request)


def listing(parts: Iterable[str], request: Request) -> Answer:
    """A page of a listing from its elements."""
    content = "".join(parts)
    return xml_answer(200, f'<ListBucketResult xmlns="{_NAMESPACE}">{content}</ListBucketResult>', request)


def xml_answer(status: int, content: str, request: Request) -> Answer:
    """An XML document as an answer."""
    body = b"" if request.method == "HEAD" else (_HEAD + content).encode()
    return Answer(status, body, {"Content-Type": "application/xml", "x-amz-request-id": request.id})
