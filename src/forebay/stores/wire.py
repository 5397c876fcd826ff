"""What a bucket answered, read out of the object-store library's error."""

from __future__ import annotations

import re
from dataclasses import dataclass

from obstore.exceptions import BaseError

FAILURES = (BaseError, OSError)
"""What a call of the object-store library raises when it fails."""

_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was no success. What the bucket did not say is empty."""

    status: str
    """Three digits; empty when there was no answer at all."""
    code: str
    """S3's word for it, such as `NoSuchBucket`."""
    message: str
    """The bucket's sentence, which can repeat an access key: to be looked into, never to be shown."""
    reason: str
    """What broke off, when there was no answer. May be shown."""


def answer(error: Exception) -> Answer:
    """What was answered to the request that failed with `error`."""
    said = str(error)
    return Answer(_found(_STATUS, said), _found(_CODE, said), _found(_MESSAGE, said), _reason(said))


def safe_cause(error: Exception) -> Exception:
    """The library's error without the answer's body, which can repeat the access key."""
    return type(error)(_reason(str(error)))


def _reason(said: str) -> str:
    return said.partition("\n")[0].partition("<")[0].rpartition(" - ")[2].strip()


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(1) if found else ""
