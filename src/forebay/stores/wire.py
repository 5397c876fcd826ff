"""What a bucket answered, read out of the object-store library's error."""

from __future__ import annotations

import re
from dataclasses import dataclass

from obstore.exceptions import BaseError

FAILURES = (BaseError, OSError)
"""What a call of the object-store library raises when it fails."""

_STATUS = re.compile(r"(?:non-2xx status code:?|HTTP status) (\d{3})")
_OF_ARROW = re.compile(r"AWS Error (\w+)")
"""How Arrow begins what a bucket answered; it does not pass S3's own word on."""
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_REQUEST = re.compile(r"[Ee]rror performing|error sending request|status code|HTTP error|Generic S3 error|AWS Error")
_BRANCH = "\u21b3"
_DRAWN = re.compile(rf"\x1b\[\d*m|{_BRANCH}")
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
    said = _flat(str(error))
    status, code = _found(_STATUS, said), _found(_CODE, said)
    if not status and _found(_OF_ARROW, said) == "ACCESS_DENIED":
        status, code = "403", "AccessDenied"
    return Answer(status, code, _found(_MESSAGE, said), _reason(said))


def safe_cause(error: Exception) -> Exception:
    """The library's error without the answer's body, which can repeat the access key."""
    return type(error)(_reason(_flat(str(error))))


def of_the_wire(error: Exception) -> bool:
    """Whether an error, of whichever library, is about a request that was refused or not answered."""
    return bool(_REQUEST.search(str(error)))


def reason(error: Exception) -> str:
    """What an error says, in one line and without an answer's body."""
    return _flat(str(error)).partition("\n")[0].partition("<")[0].strip()


def _flat(said: str) -> str:
    """In one line, where a library draws its causes as a tree."""
    return " ".join(_DRAWN.sub(" ", said).split()) if _BRANCH in said else said


def _reason(said: str) -> str:
    return said.partition("\n")[0].partition("<")[0].rpartition(" - ")[2].strip()


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(1) if found else ""
