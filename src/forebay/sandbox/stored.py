"""A published object and its marks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from forebay.sandbox.content import Content, size_of


@dataclass(frozen=True, slots=True)
class Stored:
    """One published object. The ETag is quoted, as on the wire."""

    body: Content
    etag: str
    modified: datetime

    @property
    def marks(self) -> Marks:
        """Its marks without its bytes."""
        return Marks(self.etag, size_of(self.body), self.modified)


@dataclass(frozen=True, slots=True)
class Marks:
    """What a listing says of an object."""

    etag: str
    size: int
    modified: datetime
