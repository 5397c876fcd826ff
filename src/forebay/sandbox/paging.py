"""Pages of rows, and the cursors that lead from one to the next: base64 of a query string, without the key."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from forebay.sandbox.query import Row, bad, number
from forebay.sandbox.wire import Request

_PLACE = "ap"
"""How the vendor's cursors call the place where the next page begins."""
_NOT_KEPT = frozenset({"apikey", "cursor", _PLACE})


def cursor_of(state: Mapping[str, str]) -> str:
    """A cursor that says `state`."""
    return urlsafe_b64encode(urlencode(sorted(state.items())).encode()).decode().rstrip("=")


def with_cursor(request: Request) -> Request:
    """The request with what its cursor says before its own parameters. Raises a 400 for a cursor that is none."""
    cursor = request.value("cursor")
    if not cursor:
        return request
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        raise bad("Invalid cursor") from None
    return replace(request, query=(*parse_qsl(text), *request.query))


def place_of(request: Request) -> str:
    """Where the page that a cursor leads to begins; empty for the first."""
    return request.value(_PLACE) or ""


def next_url(request: Request, place: str) -> str:
    """The address of the page at `place` of the same question."""
    kept = {key: value for key, value in request.query if key.lower() not in _NOT_KEPT}
    return f"{request.origin}{request.target}?cursor={cursor_of({**kept, _PLACE: place})}"


def page(request: Request, rows: Sequence[Row], default: int, most: int) -> Row:
    """One page of `rows`, which are already filtered and sorted; a full last page has no `next_url`."""
    limit = number(request, "limit", default, most)
    place = place_of(request)
    first = int(place) if place.isdigit() else 0
    answer: Row = {"results": list(rows[first : first + limit]), "status": "OK"}
    answer["count"] = len(answer["results"])
    if first + limit < len(rows):
        answer["next_url"] = next_url(request, str(first + limit))
    return answer


def ordered(request: Request, rows: Sequence[Row], sorts: Sequence[str], *, newest_first: bool = False) -> list[Row]:
    """Rows by the field that `sort` names (the first of `sorts` without it), in the direction of `order`."""
    field = request.value("sort") or sorts[0]
    if field not in sorts:
        raise bad(f"Parameter 'sort' must be one of: {', '.join(sorts)}")
    order = request.value("order") or ("desc" if newest_first else "asc")
    if order not in ("asc", "desc"):
        raise bad("Parameter 'order' must be one of: asc, desc")
    return sorted(rows, key=lambda row: (row[field], row["ticker"]), reverse=order == "desc")
