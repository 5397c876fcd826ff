"""A receipt: what was proved of an archived file when it was taken. With it the ledger can be rebuilt from storage."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from forebay.model.partition import Revision


@dataclass(frozen=True, slots=True)
class Receipt:
    """The evidence that travels with a file."""

    revision: Revision
    """The vendor's marks of the file as it was taken."""
    sha256: str
    """Of the bytes as the vendor sent them, hex; empty for a file that was adopted without reading it."""
    md5: str
    """The same, as stores and other tools compare files."""
    rows: int | None
    """Lines after the header; None where the file was not read."""
    checked_at: datetime
    """UTC."""
    details: dict[str, Any] = field(default_factory=dict)
    """JSON values only: what was repaired, adopted or replaced."""
