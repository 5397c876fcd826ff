"""How commands print: data on stdout, words about the run on stderr; and what their exit codes mean."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any


class ExitCode(IntEnum):
    """What a command returns."""

    OK = 0
    ERROR = 1
    USAGE = 2
    PARTIAL = 3
    """It ran, and not everything that was asked for is held."""
    INTERRUPTED = 130
    BROKEN_PIPE = 141


def print_json(value: Any) -> None:
    """`value` on stdout as JSON; dates as ISO 8601, dataclasses as objects, sets sorted."""
    say(json.dumps(value, indent=2, ensure_ascii=False, default=_jsonable))


def print_json_list(values: Iterable[Any]) -> None:
    """Many values on stdout as one JSON list, a line for each as it comes: they need not be in memory together."""
    before = "["
    for value in values:
        say(f"{before} {json.dumps(value, ensure_ascii=False, default=_jsonable)}")
        before = ","
    say("[]" if before == "[" else "]")


def _jsonable(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows on stdout in aligned columns, a line for each; columns of numbers to the right."""
    columns: list[list[Any]] = [list(column) for column in zip(heads, *rows, strict=True)]
    for cells in zip(*map(_aligned, columns), strict=True):
        say("  ".join(cells).rstrip())


def _aligned(column: list[Any]) -> list[str]:
    """A column, its head first, as texts of one width."""
    texts = [_text(value) for value in column]
    width = max(map(len, texts))
    numbers = len(column) > 1 and all(isinstance(value, int | float) for value in column[1:])
    return [text.rjust(width) if numbers else text.ljust(width) for text in texts]


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}"
    return " ".join(str(value).splitlines())


class ReaderGone(Exception):
    """Nobody reads stdout any more. No fault: `forebay bars | head` is a fine thing to do."""


def say(text: str = "") -> None:
    """A line of the answer, on stdout. Raises ReaderGone when the other end of the pipe was closed."""
    try:
        sys.stdout.write(f"{text}\n")
    except BrokenPipeError as error:
        raise ReaderGone from error


def pass_on(data: bytes) -> None:
    """Bytes on stdout, as they are. Raises ReaderGone as `say` does."""
    try:
        sys.stdout.buffer.write(data)
    except BrokenPipeError as error:
        raise ReaderGone from error


def finish() -> None:
    """Hand everything said over. Raises ReaderGone as `say` does."""
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error


def tell(text: str) -> None:
    """A line about the run, on stderr."""
    with suppress(BrokenPipeError):  # nobody left to tell
        sys.stderr.write(f"{text}\n")
