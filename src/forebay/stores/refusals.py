"""What a bucket of the user's refuses, as Forebay's errors.

Sources: B2's pages on caps (403, reset at midnight GMT) and on unsupported headers (400 InvalidArgument); S3's list of
error codes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from forebay.clock import Clock
from forebay.errors import CapReached, ObjectChanged, StoreError, StoreUnavailable
from forebay.stores.bucket import Bucket
from forebay.stores.wire import Answer

_CAP = re.compile(r"cap[ _]exceeded|caps (?:&amp;|&|and) alerts", re.IGNORECASE)
_HEADER = re.compile(r"[Hh]eader '?([\w-]{1,80})'?")
_WRONG_KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "InvalidToken", "ExpiredToken")
_WRONG_REGION = ("AuthorizationHeaderMalformed", "PermanentRedirect")
_BUSY = ("RequestTimeout", "SlowDown", "NoSuchUpload", "InvalidPart")
_AFTER_RESET = timedelta(minutes=5)
"""Clocks differ."""
_LATER = "Run the same command again later; what is held stays held."


class Refused(StoreError):
    """The bucket does not do what it was asked to, though it, its keys and its region are right as far as it says."""

    def __init__(self, message: str, status: str, said: str, *, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        """Three digits."""
        self.said = said
        """The same with S3's word for it, for a person."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """Speaks of one bucket."""

    bucket: Bucket
    clock: Clock

    def error(self, answer: Answer, key: str) -> StoreError:
        """The error for a request about `key` (empty: about the bucket) that was answered so."""
        status, code = answer.status, answer.code
        if _may_pass(answer):
            return self._unavailable(f"{status} {code}".strip() or answer.reason, key)
        if status in ("401", "403"):
            return self._forbidden(answer, key)
        if code != "NoSuchBucket" and status in ("404", "412", "416"):
            return ObjectChanged(f"{self._what(key)} is gone or was replaced", remedy="Look again.")
        return self._misplaced(answer) or self._refused(answer, key)

    def _unavailable(self, why: str, key: str) -> StoreUnavailable:
        remedy = f"{_LATER} If no request succeeds, check the network and {self.bucket.endpoint}."
        return StoreUnavailable(f"no good answer about {self._what(key)}: {why}", remedy=remedy)

    def _forbidden(self, answer: Answer, key: str) -> StoreError:
        if _CAP.search(answer.code) or _CAP.search(answer.message):
            until = next_reset(self.clock.now())
            return CapReached(
                f"a daily cap of {self.bucket.name}'s account is used up until {until:%Y-%m-%d %H:%M} UTC",
                until=until,
                remedy="Wait, or raise it on B2's page Caps & Alerts.",
            )
        if answer.code in _WRONG_KEYS or answer.status == "401":
            return StoreError(
                f"{self.bucket.address} does not accept the keys ({answer.code or answer.status})",
                remedy=f"Check {self.bucket.keys_settings}, and that this machine's clock is right.",
            )
        said = f"{answer.status} {answer.code}".strip()
        return Refused(
            f"the keys do not allow this in {self._what(key)} ({said})",
            answer.status,
            said,
            remedy=f"Use keys ({self.bucket.keys_settings}) that may list, read, write and delete files in"
            f" {self.bucket.name}; an application key can be limited to another bucket, another prefix or to reading.",
        )

    def _misplaced(self, answer: Answer) -> StoreError | None:
        bucket = self.bucket
        if answer.code == "NoSuchBucket":
            return StoreError(
                f"there is no bucket {bucket.name} at {bucket.endpoint}",
                remedy=f"Create it, or correct {bucket.setting}.",
            )
        if answer.code in _WRONG_REGION or answer.status.startswith("3"):
            return StoreError(
                f"the bucket {bucket.name} is not in the region {bucket.region}",
                remedy=f"Set AWS_REGION to the bucket's own region, or correct {bucket.setting}.",
            )
        return None

    def _refused(self, answer: Answer, key: str) -> StoreError:
        header = _HEADER.search(answer.message)
        what = f"{answer.status} {answer.code}".strip() + (f", header {header.group(1)}" if header else "")
        return Refused(
            f"{self.bucket.endpoint} refuses a request about {self._what(key)}: {what}",
            answer.status,
            what,
            remedy="Run forebay doctor; this store may lack what an archive needs.",
        )

    def _what(self, key: str) -> str:
        return f"{self.bucket.address}/{key}" if key else self.bucket.address


def _may_pass(answer: Answer) -> bool:
    """Whether another attempt may be answered otherwise: 501 is what a server says that lacks a function."""
    status = answer.status
    busy = answer.code in _BUSY or status in ("", "408", "409", "429")
    return busy or (status.startswith("5") and status != "501")


def next_reset(now: datetime) -> datetime:
    """When B2's daily caps start anew: at midnight UTC, and a little for clocks that differ."""
    tomorrow = now.astimezone(UTC).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), UTC) + _AFTER_RESET
