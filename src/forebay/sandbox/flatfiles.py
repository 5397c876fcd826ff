"""The `flatfiles` bucket over S3: ListObjectsV2, HeadObject, GetObject. Errors as the vendor gives them.

Source: the vendor's flat-file pages, sections 1 and 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from email.utils import format_datetime

from forebay.clock import Clock
from forebay.model.calendar import NEW_YORK
from forebay.model.catalogue import FLATFILES_BUCKET, Dataset, Kind
from forebay.sandbox import sigv4
from forebay.sandbox.bucket import Bucket, dataset_of
from forebay.sandbox.content import damaged, part_of, size_of
from forebay.sandbox.defects import DEFECTS, Defect
from forebay.sandbox.faults import Faults
from forebay.sandbox.listing import Entry, list_objects
from forebay.sandbox.plans import Plan
from forebay.sandbox.s3xml import location, s3_error
from forebay.sandbox.stored import Stored
from forebay.sandbox.wire import Answer, Request, RequestKind, Subject

_PARTIAL, _NOT_MODIFIED, _PRECONDITION_FAILED, _BAD_RANGE = 206, 304, 412, 416
_SPOILED_AT = {"truncated_gzip": 0.6, "bit_flip": 0.5}
"""Where in an object the damage is, as a share of its bytes."""
_WRONG_ETAG = f'"{"0" * 32}"'


@dataclass(frozen=True, slots=True)
class S3Keys:
    """The key pair the bucket accepts."""

    access_key: str
    secret: str

    def __repr__(self) -> str:
        return f"S3Keys({self.access_key!r})"


class FlatFiles:
    """Answers S3 requests from a `Bucket`, for one plan and one pair of keys.

    `clock` says what is published; `wall` is what signatures are held against.
    """

    def __init__(self, bucket: Bucket, plan: Plan, keys: S3Keys, faults: Faults, clock: Clock, wall: Clock) -> None:
        self._bucket = bucket
        self._plan = plan
        self._keys = keys
        self._faults = faults
        self._clock = clock
        self._wall = wall

    def answer(self, request: Request) -> Answer:
        """Answer one request whose path begins with the bucket's name."""
        verdict = sigv4.verify(request, self._keys.access_key, self._keys.secret, self._wall.now())
        if verdict != "ok":
            return s3_error(403, verdict, request)
        key = request.path.removeprefix(f"/{FLATFILES_BUCKET}").removeprefix("/")
        if request.method not in ("GET", "HEAD"):
            return s3_error(405, "MethodNotAllowed", request)
        if key:
            return self._object(request, key)
        if request.method == "HEAD":
            return Answer(200)
        if request.value("location") is not None:
            return location(request)
        return list_objects(request, self._entries, self._bucket)

    def _object(self, request: Request, key: str) -> Answer:
        now = self._clock.now()
        named = dataset_of(key)
        if named is None:
            return s3_error(404, "NoSuchKey", request)
        dataset, day = named
        refused = self._refusal(dataset, day, now)
        if refused is not None:
            return refused
        subject = subject_of(request)
        if day not in self._bucket.days(dataset, now) or self._faults.hidden(subject, now):
            return s3_error(404, "NoSuchKey", request)
        stored = self._bucket.stored(dataset, day, self._defects(subject))
        if request.method == "HEAD":
            return _answer(stored, request, dataset)
        answer = self._read(stored, request, subject, dataset)
        self._faults.count_read(subject)
        if self._faults.replaces(subject):
            self._bucket.market.republish(dataset.asset_class, day)
        return answer

    def _read(self, stored: Stored, request: Request, subject: Subject, dataset: Dataset) -> Answer:
        spoiling = self._faults.strike(subject, ("wrong_etag", *_within_reach(request, size_of(stored.body))))
        if spoiling is None:
            return _answer(stored, request, dataset)
        if spoiling.kind == "wrong_etag":
            answer = _answer(stored, request, dataset).with_headers(ETag=_WRONG_ETAG)
        else:
            answer = _answer(_spoiled(stored, spoiling.kind), request, dataset)
        return replace(answer, fault=spoiling.kind)

    def _refusal(self, dataset: Dataset, day: date, now: datetime) -> Answer | None:
        """403 with no body: what the plan leaves out, days before its window, days after the newest file."""
        oldest = self._plan.files_from(dataset, now.astimezone(NEW_YORK).date())
        inside = oldest is not None and oldest <= day <= self._bucket.newest(dataset, now)
        return None if inside else Answer(403)

    def _defects(self, subject: Subject) -> tuple[Defect, ...]:
        return tuple(DEFECTS[rule.kind] for rule in self._faults.standing(subject, DEFECTS))

    def _entries(self, prefix: str, after: str) -> Iterator[Entry]:
        """What a listing may show: published, and neither missing nor late."""
        now = self._clock.now()
        for key, dataset, day in self._bucket.keys(now, prefix, after):
            subject = Subject(f"/{FLATFILES_BUCKET}/{key}", "listing", dataset.name, day)
            if not self._faults.hidden(subject, now):
                yield Entry(key, dataset, day, self._defects(subject))


def _within_reach(request: Request, size: int) -> list[str]:
    """The kinds of damage that lie in the bytes asked for; the other parts of the object are as they should be."""
    first, last = _span(request.headers.get("range", "bytes=0-"), size) or (0, -1)
    return [kind for kind, share in _SPOILED_AT.items() if first < int(size * share) <= last]


def _spoiled(stored: Stored, kind: str) -> Stored:
    """The object with its end missing or one bit turned, under the marks of the good one."""
    place = int(size_of(stored.body) * _SPOILED_AT[kind])
    spoiled = part_of(stored.body, 0, place) if kind == "truncated_gzip" else damaged(stored.body, place)
    return replace(stored, body=spoiled)


def subject_of(request: Request) -> Subject:
    """What a request to the bucket is about."""
    key = request.path.removeprefix(f"/{FLATFILES_BUCKET}").removeprefix("/")
    kind: RequestKind = "head" if request.method == "HEAD" else "data" if key else "listing"
    named = dataset_of(key or (request.value("prefix") or ""))
    return Subject(request.path, kind, named[0].name, named[1]) if named else Subject(request.path, kind)


def _headers(stored: Stored, dataset: Dataset) -> dict[str, str]:
    headers = {
        "ETag": stored.etag,
        "Last-Modified": format_datetime(stored.modified, usegmt=True),
        "Accept-Ranges": "bytes",
        "Content-Type": "application/gzip",
    }
    if dataset.kind in (Kind.TRADES, Kind.QUOTES):
        headers["x-amz-meta-entitlement-data-type"] = "trades" if dataset.kind is Kind.TRADES else "nbbo"
    return headers


def _answer(stored: Stored, request: Request, dataset: Dataset) -> Answer:
    headers = _headers(stored, dataset)
    wanted, unwanted = request.headers.get("if-match"), request.headers.get("if-none-match")
    if wanted is not None and not _names(wanted, stored.etag):
        return s3_error(_PRECONDITION_FAILED, "PreconditionFailed", request)
    if unwanted is not None and _names(unwanted, stored.etag):
        return Answer(_NOT_MODIFIED, b"", {"ETag": stored.etag})
    size = size_of(stored.body)
    if "range" not in request.headers:
        return Answer(200, stored.body, headers)
    span = _span(request.headers["range"], size)
    if span is None:
        return s3_error(_BAD_RANGE, "InvalidRange", request)
    first, last = span
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Answer(_PARTIAL, part_of(stored.body, first, last + 1 - first), headers)


def _names(condition: str, etag: str) -> bool:
    return condition.strip() == "*" or etag.strip('"') in {part.strip().strip('"') for part in condition.split(",")}


def _span(text: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a `Range` header, both included; None when it names none that exists."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", text.strip())
    if found is None or found.groups() == ("", ""):
        return None
    start, end = found.groups()
    first = int(start) if start else max(size - int(end), 0)
    last = min(int(end), size - 1) if start and end else size - 1
    return (first, last) if first <= last else None
