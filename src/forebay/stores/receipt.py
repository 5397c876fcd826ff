"""A receipt: what was proved of an archived file when it was taken. With it the ledger can be rebuilt from storage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from forebay.model.partition import Revision
from forebay.stores.folder import MODIFIED

_ETAG, _SIZE = "forebay-etag", "forebay-size"
_SHA256, _MD5, _ROWS = "forebay-sha256", "forebay-md5", "forebay-rows"
_CHECKED_AT, _DETAILS = "forebay-checked-at", "forebay-details"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The evidence that travels with a file."""

    revision: Revision
    """The vendor's marks of the file as it was taken."""
    sha256: str
    """Of the bytes as the vendor sent them, hex; empty for a file that was adopted without reading it."""
    md5: str
    """The same, as stores and other tools compare files; empty for a file that was stored in several parts."""
    rows: int | None
    """Lines after the header; None where the file was not read."""
    checked_at: datetime
    """UTC."""
    details: dict[str, Any] = field(default_factory=dict)
    """JSON values only: what was repaired, adopted or replaced."""


def to_json(receipt: Receipt) -> bytes:
    """The receipt as a file of its own, the same bytes for the same receipt."""
    revision = receipt.revision
    return json.dumps(
        {
            "revision": {
                "etag": revision.etag,
                "size": revision.size,
                "last_modified": revision.last_modified.isoformat(),
            },
            "sha256": receipt.sha256,
            "md5": receipt.md5,
            "rows": receipt.rows,
            "checked_at": receipt.checked_at.isoformat(),
            "details": receipt.details,
        },
        indent=1,
        sort_keys=True,
    ).encode()


def from_json(data: bytes) -> Receipt:
    """What `to_json` wrote. Raises ValueError for anything else."""
    try:
        read = json.loads(data)
        marks = read["revision"]
        return Receipt(
            Revision(str(marks["etag"]), int(marks["size"]), datetime.fromisoformat(marks["last_modified"])),
            str(read["sha256"]),
            str(read["md5"]),
            None if read["rows"] is None else int(read["rows"]),
            datetime.fromisoformat(read["checked_at"]),
            dict(read["details"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is no receipt: {error!r}") from error


def marks_of(revision: Revision) -> dict[str, str]:
    """A revision as metadata of the object; a folder keeps its time only. Quoted, for an ETag is any text."""
    return {
        _ETAG: json.dumps(revision.etag),
        _SIZE: str(revision.size),
        MODIFIED: revision.last_modified.isoformat(),
    }


def marked(metadata: Mapping[str, str]) -> Revision | None:
    """The revision in an object's metadata; None where there is none that can be read."""
    try:
        etag = str(json.loads(metadata[_ETAG]))
        return Revision(etag, int(metadata[_SIZE]), datetime.fromisoformat(metadata[MODIFIED]))
    except (KeyError, ValueError):
        return None


def to_metadata(receipt: Receipt) -> dict[str, str]:
    """The receipt as metadata of the object: short ASCII texts, as headers carry them."""
    return {
        **marks_of(receipt.revision),
        _SHA256: receipt.sha256,
        _MD5: receipt.md5,
        _ROWS: json.dumps(receipt.rows),
        _CHECKED_AT: receipt.checked_at.isoformat(),
        _DETAILS: json.dumps(receipt.details, sort_keys=True),
    }


def from_metadata(metadata: Mapping[str, str]) -> Receipt | None:
    """What `to_metadata` wrote; None for an object that carries no whole receipt."""
    revision = marked(metadata)
    try:
        checked_at = datetime.fromisoformat(metadata[_CHECKED_AT])
        rows, details = json.loads(metadata[_ROWS]), dict(json.loads(metadata[_DETAILS]))
        sha256, md5 = metadata.get(_SHA256, ""), metadata.get(_MD5, "")  # some servers drop empty ones
    except (KeyError, TypeError, ValueError):
        return None
    return None if revision is None else Receipt(revision, sha256, md5, rows, checked_at, details)
