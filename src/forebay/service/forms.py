"""The forms in which rows leave: by the Accept header, encoded a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from io import BytesIO
from typing import Any

import polars as pl

from forebay.service.faults import Refusal

NOT_ACCEPTABLE = 406
_ACCEPTS = 256
"""Accept headers that are remembered: programs send a few, over and over."""
PIECE = 5_000
"""Rows encoded at a time: about a megabyte of JSON."""


class Form(StrEnum):
    """A media type that rows can take."""

    JSON = "application/json"
    CSV = "text/csv"
    ARROW = "application/vnd.apache.arrow.stream"
    PARQUET = "application/vnd.apache.parquet"


CONTENT: Mapping[str, Any] = {
    Form.CSV: {"schema": {"type": "string"}},
    Form.ARROW: {"schema": {"type": "string", "format": "binary"}},
    Form.PARQUET: {"schema": {"type": "string", "format": "binary"}},
}
"""The forms beside JSON, as OpenAPI describes them."""


@lru_cache(_ACCEPTS)
def form_of(accept: str) -> Form:
    """The form that an Accept header likes best; JSON where it leaves the choice. Raises HTTPException (406)."""
    best = max(Form, key=lambda form: _liked(accept, form))
    if _liked(accept, best) <= 0:
        raise Refusal(NOT_ACCEPTABLE, f"rows come as {', '.join(Form)}", "name one of them in Accept")
    return best


def _liked(accept: str, form: Form) -> float:
    """The weight of the narrowest range that has the form (RFC 9110, 12.5.1)."""
    kind = form.split("/")[0]
    weights = dict(_range(part) for part in (accept or "*/*").split(","))
    return next((weights[name] for name in (str(form), f"{kind}/*", "*/*") if name in weights), 0.0)


def _range(part: str) -> tuple[str, float]:
    name, *settings = (piece.strip().lower() for piece in part.split(";"))
    weight = next((piece[2:] for piece in settings if piece.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0.0


def encoded(rows: pl.DataFrame, form: Form) -> Iterator[bytes]:
    """The rows in a form other than JSON, whose pieces together are one file."""
    match form:
        case Form.CSV:
            for index, piece in enumerate(_pieces(rows)):
                yield piece.write_csv(include_header=index == 0, datetime_format="%Y-%m-%dT%H:%M:%SZ").encode()
        case Form.ARROW:
            yield _written(rows.write_ipc_stream)
        case _:
            yield _written(rows.write_parquet)


def objects(rows: pl.DataFrame) -> Iterator[bytes]:
    """The rows as a JSON array of objects."""
    yield b"["
    for index, piece in enumerate(_pieces(rows)):
        text = piece.write_json().removeprefix("[").removesuffix("]")
        yield (b"," if index and text else b"") + text.encode()
    yield b"]"


def _pieces(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """At least one, so that an empty CSV has its header."""
    yield rows.head(PIECE)
    for first in range(PIECE, rows.height, PIECE):
        yield rows.slice(first, PIECE)


def _written(write: Any) -> bytes:
    buffer = BytesIO()
    write(buffer)
    return buffer.getvalue()
