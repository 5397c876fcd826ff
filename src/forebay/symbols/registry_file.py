"""The registry as a file: JSON (a list of objects) or CSV (a line for each symbol), written and read back."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

from forebay.errors import UsageError
from forebay.model.registry import IngestionStrategy, SymbolRegistry
from forebay.model.words import nearest
from forebay.symbols.registry_rows import TIMES

FIELDS = (
    "symbol",
    "strategy",
    "status",
    "enabled",
    "description",
    "metadata",
    "last_backfill",
    "last_snapshot",
    "last_stream",
    "error_message",
    "failures",
    "retry_at",
    "created_at",
    "updated_at",
)
"""Columns of the CSV, in this order, and keys of the JSON. All but `symbol` may be left out of a file that is read."""

_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def entry_json(entry: SymbolRegistry) -> dict[str, Any]:
    """An entry as JSON values: instants as ISO 8601 in UTC, null for what is not known."""
    values = {name: getattr(entry, name) for name in FIELDS}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def entries_text(path: Path, entries: Iterable[SymbolRegistry]) -> str:
    """What a file of that name is to hold. Raises UsageError for another ending than .json and .csv."""
    if _ending(path) == ".json":
        return json.dumps([entry_json(entry) for entry in entries], indent=2, ensure_ascii=False) + "\n"
    text = StringIO()
    rows = csv.DictWriter(text, FIELDS, lineterminator="\n")
    rows.writeheader()
    for entry in entries:
        values = entry_json(entry)
        rows.writerow({**values, "enabled": str(entry.enabled).lower(), "metadata": json.dumps(values["metadata"])})
    return text.getvalue()


def read_entries(path: Path, strategy: IngestionStrategy = IngestionStrategy.FLATPACK) -> list[SymbolRegistry]:
    """The entries of a file, in its order; `strategy` is for those that name none.

    Raises UsageError, naming the file and the line or place, for what is wrong with the file. Whether an entry is one
    that the registry takes is the registry's to say.
    """
    reading = _objects if _ending(path) == ".json" else _lines
    entries = []
    for place, row in reading(path, _text(path)):
        try:
            entries.append(_entry({"strategy": strategy, **_parsed(row)}))
        except UsageError as error:
            raise UsageError(f"{path}, {place}: {error}", remedy=error.remedy) from error
    if not entries:
        raise UsageError(f"{path} names no symbol", remedy="write a line `symbol`, and one symbol to a line below it")
    return entries


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending not in (".json", ".csv"):
        raise UsageError(f"{path} is neither .json nor .csv", remedy="name a file that ends in one of them")
    return ending


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", remedy="name a file that you may read") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8", remedy="save it again as UTF-8") from error


def _objects(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        rows = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON: {error}", remedy="correct it, or write a .csv") from error
    if not isinstance(rows, list):
        raise UsageError(f"{path} is no list", remedy='write [{"symbol": "AAPL", "strategy": "flatpack"}]')
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise UsageError(f"{path}, entry {number} is no object", remedy='write {"symbol": "AAPL"}')
        yield f"entry {number}", {name: value for name, value in row.items() if value is not None}


def _lines(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = csv.DictReader(StringIO(text), strict=True, restkey="one cell too many")
    try:
        if text.strip() and "symbol" not in (rows.fieldnames or ()):
            raise UsageError(
                f"{path}, line {rows.line_num}: no column is called symbol",
                remedy="name the columns in the first line, with commas between them: symbol,strategy",
            )
        for row in rows:
            cells = {name: cell for name, cell in row.items() if cell}
            if cells:
                yield f"line {rows.line_num}", cells
    except csv.Error as error:
        raise UsageError(f"{path}, line {rows.line_num} is no CSV: {error}", remedy="correct its quotes") from error


def _parsed(row: dict[str, Any]) -> dict[str, Any]:
    """A cell of a CSV is text, whatever it stands for."""
    parsed = dict(row)
    if isinstance(enabled := row.get("enabled"), str):
        parsed["enabled"] = _TRUTHS.get(enabled.lower(), enabled)
    for name in ("metadata", "failures"):
        if isinstance(text := row.get(name), str):
            try:
                parsed[name] = json.loads(text)
            except (json.JSONDecodeError, RecursionError) as error:
                raise UsageError(f"its {name} is no JSON: {error}", remedy="correct it, or leave it empty") from error
    return parsed


def _entry(row: Mapping[str, Any]) -> SymbolRegistry:
    for name in row:
        if name not in FIELDS:
            raise UsageError(f"there is no {name!r} of a symbol", remedy=nearest(name, FIELDS))
    if "symbol" not in row:
        raise UsageError("there is no symbol", remedy="name it `symbol`")
    return SymbolRegistry(**{name: _value(name, value) for name, value in row.items()})


_KINDS: dict[str, type[Any]] = {"enabled": bool, "metadata": dict, "failures": int}
_SHOWN: dict[type[Any], str] = {bool: "true or false", dict: '{"start": "2024-01-31"}', int: "a number", str: "a text"}


def _value(name: str, value: Any) -> Any:
    kind: type[Any] = _KINDS.get(name, str)
    if not isinstance(value, kind):
        raise UsageError(f"its {name} cannot be {str(value)[:60]!r}", remedy=f"write {_SHOWN[kind]}")
    return _instant(name, value) if name in TIMES else value


def _instant(name: str, value: str) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UsageError(f"its {name} cannot be {value[:60]!r}", remedy="write it as 2024-01-31T14:30:00+00:00")
    return found
