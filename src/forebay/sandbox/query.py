"""Reading query parameters as the vendor does: unknown ones are ignored, bad values answer 400."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from forebay.sandbox.wire import Request

Row = dict[str, Any]


@dataclass
class Refusal(Exception):
    """An answer other than 200, raised where it is noticed: the status and the body without its request id."""

    status: int
    body: dict[str, Any]


def bad(message: str) -> Refusal:
    """400 with the vendor's shape."""
    return Refusal(400, {"status": "ERROR", "error": message})


def not_found(status: str = "NOT_FOUND", message: str = "Ticker not found.") -> Refusal:
    """404. Reference and snapshot endpoints spell the status differently."""
    return Refusal(404, {"status": status, "message": message})


def flag(request: Request, name: str, *, default: bool) -> bool:
    """A `true` or `false` parameter."""
    text = request.value(name)
    if text is None or text == "":
        return default
    if text.lower() not in ("true", "false"):
        raise bad(f"Unable to parse parameter '{name}' as bool")
    return text.lower() == "true"


def number(request: Request, name: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`; larger ones are cut to it."""
    text = request.value(name)
    if text is None or text == "":
        return default
    if not text.isdigit() or int(text) < 1:
        raise bad(f"Unable to parse parameter '{name}' as a positive integer")
    return min(int(text), most)


def choice(request: Request, name: str, default: str, allowed: Iterable[str]) -> str:
    """One of a few words."""
    text = request.value(name) or default
    if text not in allowed:
        raise bad(f"Parameter '{name}' must be one of: {', '.join(allowed)}")
    return text


def day(text: str, name: str) -> date:
    """A date `YYYY-MM-DD`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise bad(f"Could not parse the time parameter: '{name}'. Use YYYY-MM-DD") from None


def moment(text: str, name: str) -> date | datetime:
    """A date, or Unix milliseconds as a UTC time."""
    if text.lstrip("-").isdigit() and len(text.lstrip("-")) > len("20251001"):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    return day(text, name)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "": lambda held, wanted: bool(held == wanted),
    ".gt": lambda held, wanted: bool(held > wanted),
    ".gte": lambda held, wanted: bool(held >= wanted),
    ".lt": lambda held, wanted: bool(held < wanted),
    ".lte": lambda held, wanted: bool(held <= wanted),
}


def keeps(request: Request, row: Row, *names: str) -> bool:
    """Whether a row passes every range and set filter on its fields `names` (`ticker.gte=B`, `ticker.any_of=A,B`)."""
    for name in names:
        held = row.get(name)
        for suffix, compare in _COMPARE.items():
            text = request.value(name + suffix)
            if text and (held is None or not compare(held, _as(held, text, name))):
                return False
        several = request.value(f"{name}.any_of")
        if several and str(held) not in several.split(","):
            return False
    return True


def _as(held: object, text: str, name: str) -> Any:
    if isinstance(held, bool) or not isinstance(held, int | float):
        return text
    try:
        return float(text)
    except ValueError:
        raise bad(f"Unable to parse parameter '{name}' as a number") from None
