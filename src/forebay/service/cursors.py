"""Where a page ended, as a word that a client hands back."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, TypeVar

from fastapi import Query
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter

Row = TypeVar("Row")
Next = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_=-]{1,1000}$", description="The `next` of the page before.")]


def cursor(row: TypeAdapter[Row], key: Row) -> str:
    """The word for the row with this key."""
    return urlsafe_b64encode(row.dump_json(key)).decode()


def row_of(row: TypeAdapter[Row], word: str | None) -> Row | None:
    """The key of a row, from `cursor`'s word. Raises RequestValidationError for another one."""
    if word is None:
        return None
    try:
        return row.validate_json(urlsafe_b64decode(word))
    except ValueError as error:
        raise RequestValidationError(
            [{"loc": ("query", "after"), "msg": "it is no `next` that was answered"}]
        ) from error
