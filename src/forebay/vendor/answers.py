"""The vendor's refusals over REST, as Forebay's errors. Statuses and texts: the vendor's REST page, section 1."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import msgspec

from forebay.errors import (
    BadRequest,
    ForebayError,
    NotEntitled,
    NotKnown,
    NotPublishedYet,
    RateLimited,
    VendorUnavailable,
    WrongKey,
)
from forebay.model.calendar import NEW_YORK

_LONGEST_QUOTE = 300
"""Characters of the vendor's own words that an error repeats."""
_TRANSIENT = (HTTPStatus.REQUEST_TIMEOUT, 499)
"""499: the vendor's own proxy gave up waiting."""
_TOO_EARLY_TODAY = "before end of day"
_NO_SUCH_PATH = "page not found"
"""A 404 about the address, not about what was asked for."""


class _Refusal(msgspec.Struct):
    """The body of an error answer. Some endpoints call the text `message`, some `error`."""

    message: str = ""
    error: str = ""


def refusal(status: int, headers: Mapping[str, str], body: bytes, asked: str, now: datetime) -> ForebayError:
    """The error for an answer that is not 200. `asked` is the path of the question, without a key; `now` is UTC."""
    said = _vendor_words(body)
    what = f"the vendor answered {status} to {asked}" + (f": {said}" if said else "")
    if status == HTTPStatus.UNAUTHORIZED:
        return WrongKey(what, remedy="Check POLYGON_API_KEY: the vendor does not know this key.")
    if status == HTTPStatus.FORBIDDEN and _TOO_EARLY_TODAY in said:
        return NotPublishedYet(what, until=_next_midnight(now), remedy="Your plan shows a day once it is over.")
    if status == HTTPStatus.FORBIDDEN:
        return NotEntitled(what, remedy="Leave it out of the feed, or choose a plan that includes it.")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(
            what, remedy="Lower POLYGON_RATE_LIMIT to your plan's limit.", retry_after=retry_after(headers, now)
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT:
        return VendorUnavailable(
            what, remedy="Try again later; the fault is the vendor's.", retry_after=retry_after(headers, now)
        )
    unknown = status == HTTPStatus.NOT_FOUND and said and _NO_SUCH_PATH not in said
    kind = NotKnown if unknown else BadRequest
    return kind(what, remedy="Check the ticker's spelling (capitals count), the dates and FOREBAY_REST_URL.")


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds the header `Retry-After` asks to wait, in either of its forms; None without a readable one."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max((until - now).total_seconds(), 0.0)


def _vendor_words(body: bytes) -> str:
    try:
        found = msgspec.json.decode(body, type=_Refusal)
    except msgspec.DecodeError:  # an HTML page or nothing: the status says enough
        return ""
    return " ".join((found.message or found.error).split())[:_LONGEST_QUOTE]


def _next_midnight(now: datetime) -> datetime:
    tomorrow = now.astimezone(NEW_YORK).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), NEW_YORK).astimezone(UTC)
