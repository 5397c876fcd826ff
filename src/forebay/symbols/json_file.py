"""A JSON file that a user hands over, read with errors that say which file, what is wrong and what to do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from forebay.errors import UsageError


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds."""

    path: Path
    content: Any

    def error(self, what: str, remedy: str) -> UsageError:
        """An error that names the file."""
        return UsageError(f"{self.path}: {what}", remedy=remedy)

    def as_text(self, value: object, at: str) -> str:
        """`value`, which must be text. Raises UsageError."""
        if not isinstance(value, str):
            raise self.error(f"{at} is {json.dumps(value)[:60]}, which is no text", "write it in quotes")
        return value

    def as_date(self, value: object, at: str) -> date:
        """`value` as a date. Raises UsageError."""
        try:
            return date.fromisoformat(self.as_text(value, at))
        except ValueError as error:
            raise self.error(f"{at} is {value!r}, which is no date", "write it as 2024-12-01") from error

    def as_day(self, value: object, at: str) -> date | None:
        """`value` as a date, None for null. Raises UsageError."""
        return None if value is None else self.as_date(value, at)


def read_document(path: Path) -> Document:
    """The JSON of a file; a byte order mark does no harm. Raises UsageError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no file {path}",
            remedy="`forebay discover us_equities` writes a universe file and says where; `forebay universe list` too",
        ) from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", remedy="name a file that you may read") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8", remedy="name a universe file, or save it as UTF-8") from error
    if not text.strip():
        raise UsageError(f"{path} is empty", remedy="discover it again, or name another file")
    try:
        return Document(path, json.loads(text))
    except (json.JSONDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}", remedy="name a universe file, or correct it") from error
