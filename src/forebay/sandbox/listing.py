"""ListObjectsV2: pages of keys with prefix, delimiter, start-after and continuation.

A page ends early, as S3 allows, when the files on it would take long to compute for the first time: sizes are exact.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import quote

from forebay.model.catalogue import FLATFILES_BUCKET, Dataset
from forebay.sandbox.bucket import Bucket
from forebay.sandbox.defects import Defect
from forebay.sandbox.s3xml import element, listing, s3_error
from forebay.sandbox.wire import Answer, Request

_MOST_KEYS = 1000
_WORK_A_PAGE = 4000
"""Cells computed for one page; more wait for the next one."""
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Entry:
    """A key that a listing may show, with what is wrong with its object."""

    key: str
    dataset: Dataset
    day: date
    defects: tuple[Defect, ...]


@dataclass(slots=True)
class _Page:
    contents: list[Entry] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""
    """Where the next page goes on."""
    more: bool = False


def list_objects(request: Request, entries: Callable[[str, str], Iterator[Entry]], bucket: Bucket) -> Answer:
    """One page. `entries(prefix, after)` gives the keys that may be shown, in order."""
    most = request.value("max-keys") or str(_MOST_KEYS)
    if not most.isdigit():
        return s3_error(400, "InvalidArgument", request)
    prefix, delimiter = request.value("prefix") or "", request.value("delimiter") or ""
    token = request.value("continuation-token")
    try:
        after = urlsafe_b64decode(token).decode() if token else request.value("start-after") or ""
    except ValueError:
        return s3_error(400, "InvalidArgument", request)
    page = _page(entries(prefix, after), prefix, delimiter, after, min(int(most), _MOST_KEYS), bucket)
    return listing(_elements(page, request, prefix, delimiter, int(most), bucket), request)


def _page(entries: Iterator[Entry], prefix: str, delimiter: str, after: str, most: int, bucket: Bucket) -> _Page:
    page, work = _Page(), 0
    for entry in entries:
        folder = _folder(entry.key, prefix, delimiter)
        if folder and (folder + _LAST == after or page.prefixes[-1:] == [folder]):
            continue
        work += 0 if folder else bucket.work(entry.dataset, entry.day, entry.defects)
        taken = len(page.contents) + len(page.prefixes)
        if taken >= most or (taken and work > _WORK_A_PAGE):
            page.more = most > 0
            break
        if folder:
            page.prefixes.append(folder)
        else:
            page.contents.append(entry)
        page.last = folder + _LAST if folder else entry.key
    return page


def _folder(key: str, prefix: str, delimiter: str) -> str:
    """The common prefix that a key disappears in; empty when it is shown itself."""
    if not delimiter:
        return ""
    end = key.find(delimiter, len(prefix))
    return key[: end + len(delimiter)] if end >= 0 else ""


def _elements(page: _Page, request: Request, prefix: str, delimiter: str, most: int, bucket: Bucket) -> Iterator[str]:
    encoding = request.value("encoding-type") or ""

    def name(text: str) -> str:
        return quote(text, safe="/-_.~") if encoding == "url" else text

    yield element("Name", FLATFILES_BUCKET)
    yield element("Prefix", name(prefix))
    yield element("KeyCount", len(page.contents) + len(page.prefixes))
    yield element("MaxKeys", most)
    for tag, value in (("Delimiter", name(delimiter)), ("EncodingType", encoding)):
        if value:
            yield element(tag, value)
    yield element("IsTruncated", page.more)
    if page.more:
        yield element("NextContinuationToken", urlsafe_b64encode(page.last.encode()).decode())
    for entry in page.contents:
        marks = bucket.marks(entry.dataset, entry.day, entry.defects)
        stamp = f"{marks.modified:%Y-%m-%dT%H:%M:%S}.000Z"
        parts = (element("Key", name(entry.key)), element("LastModified", stamp), element("ETag", marks.etag))
        tail = (element("Size", marks.size), element("StorageClass", "STANDARD"))
        yield f"<Contents>{''.join((*parts, *tail))}</Contents>"
    for folder in page.prefixes:
        yield f"<CommonPrefixes>{element('Prefix', name(folder))}</CommonPrefixes>"
