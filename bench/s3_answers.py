"""The benchmark server's nouns, and its answers in XML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape


@dataclass(slots=True)
class Object:
    """One object of the server."""

    pieces: list[tuple[str, int]]
    """Files and how often each is repeated, in order."""
    size: int
    etag: str
    modified: str
    """ISO 8601, UTC."""
    metadata: dict[str, str] = field(default_factory=dict)
    """Headers."""

    def spans(self, start: int, end: int) -> Iterator[tuple[str, int, int]]:
        """(file, offset, length) of the bytes from `start` up to `end`."""
        at = 0
        for name, times in self.pieces:
            size = Path(name).stat().st_size
            for turn in range(max(0, (start - at) // size), times):
                begin = at + turn * size
                if begin >= end:
                    return
                first, last = max(start, begin), min(end, begin + size)
                yield name, first - begin, last - first
            at += times * size


@dataclass(slots=True)
class Request:
    """What a client asks."""

    method: str
    bucket: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    """By lower-case name."""

    def __str__(self) -> str:
        """Its kind, as it is counted."""
        flags = [name for name in ("uploads", "partNumber", "uploadId") if name in self.query]
        return " ".join([self.method, "object" if self.key else "bucket", *flags])


def begun(request: Request, upload: str) -> str:
    """The answer to the beginning of an upload in parts."""
    root = "InitiateMultipartUploadResult"
    return f"<{root}>{_place(request)}<UploadId>{upload}</UploadId></{root}>"


def completed(request: Request, whole: Object) -> str:
    """The answer to its end."""
    root = "CompleteMultipartUploadResult"
    return f"<{root}>{_place(request)}<ETag>&quot;{whole.etag}&quot;</ETag></{root}>"


def _place(request: Request) -> str:
    return f"<Bucket>{request.bucket}</Bucket><Key>{escape(request.key)}</Key>"


def uploads(request: Request, found: Iterator[tuple[str, Request]]) -> str:
    """The uploads in parts that are under way."""
    lines = [
        f"<Upload><Key>{escape(asked.key)}</Key><UploadId>{number}</UploadId><Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>"
        for number, asked in found
        if asked.bucket == request.bucket
    ]
    return (
        f"<ListMultipartUploadsResult><Bucket>{request.bucket}</Bucket><IsTruncated>false</IsTruncated>"
        f"{''.join(lines)}</ListMultipartUploadsResult>"
    )


def listing(request: Request, objects: Mapping[tuple[str, str], Object]) -> str:
    """One page of a bucket's keys, by either version of the request."""
    query = request.query
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    after = max(query.get(name, "") for name in ("start-after", "continuation-token", "marker"))
    most = int(query.get("max-keys", "1000"))
    entries: dict[str, str] = {}
    last = ""
    for key in sorted(key for bucket, key in list(objects) if bucket == request.bucket and key.startswith(prefix)):
        head, grouped, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        name = f"{prefix}{head}{delimiter}" if grouped else key
        if name <= after or name in entries:
            continue
        if len(entries) == most:
            break
        last, entry = name, objects[request.bucket, key]
        entries[name] = (
            f"<CommonPrefixes><Prefix>{quote(name)}</Prefix></CommonPrefixes>" if grouped else _line(key, entry)
        )
    else:
        last = ""
    cut = f"<NextContinuationToken>{last}</NextContinuationToken><NextMarker>{last}</NextMarker>" if last else ""
    return (
        f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>{request.bucket}</Name>'
        f"<Prefix>{quote(prefix)}</Prefix><KeyCount>{len(entries)}</KeyCount><MaxKeys>{most}</MaxKeys>"
        f"<IsTruncated>{'true' if last else 'false'}</IsTruncated>{cut}{''.join(entries.values())}</ListBucketResult>"
    )


def _line(key: str, entry: Object) -> str:
    return (
        f"<Contents><Key>{quote(key)}</Key><LastModified>{entry.modified.replace('+00:00', '.000Z')}</LastModified>"
        f"<ETag>&quot;{entry.etag}&quot;</ETag><Size>{entry.size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )
