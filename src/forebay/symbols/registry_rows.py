"""Entries of the registry to rows of its table, and back; and what a wrong entry is told."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from forebay.db.tables import symbol_registry as table
from forebay.errors import UsageError
from forebay.model.instrument import AssetClass
from forebay.model.registry import IngestionStatus, IngestionStrategy, SymbolRegistry
from forebay.model.words import nearest

LEASE = timedelta(seconds=60)
"""A worker that is silent for this long has lost its symbols."""
LONGEST_SYMBOL = 64
"""Letters. The longest ticker there is, that of an option, has 28."""
TICKER = r"^[!-\-0-\[\]-~][!-.0-\[\]-~]{0,63}$"
"""What may be a ticker and cannot be a path: printable ASCII without blanks and slashes, no dot in front."""
LONGEST_TEXT = 2_000
"""Letters of a description and of an error message."""
LARGEST_METADATA = 16_384
"""Letters of JSON."""
TIMEFRAMES = ("1m", "1d")
"""What `timeframes` may name: the bars that the vendor has; other sizes are made of them."""
UNREADABLE = "unreadable"
"""Where the metadata have what another program wrote in their place, if that is no JSON object."""

NOT_HELD: dict[str, Any] = {"worker_id": None, "lease_expires_at": None}
SUCCEEDED: dict[str, Any] = {
    "status": IngestionStatus.IDLE.value,
    "error_message": None,
    "failures": 0,
    "retry_at": None,
}
TIMES = ("last_backfill", "last_snapshot", "last_stream", "retry_at", "created_at", "updated_at")
_SAME = ("symbol", "description", "error_message", "failures", *TIMES)


def record_of(entry: SymbolRegistry, now: datetime) -> dict[str, Any]:
    """The row of a symbol that is added. Nobody runs it, whatever it says. Raises UsageError for what is wrong."""
    check_symbol(entry.symbol)
    check_metadata(entry.symbol, entry.metadata)
    check_description(entry.symbol, entry.description)
    enabled = entry.enabled and entry.status is not IngestionStatus.DISABLED
    failed = enabled and entry.status is IngestionStatus.ERROR
    idle = IngestionStatus.ERROR if failed else IngestionStatus.IDLE
    return {
        **{name: getattr(entry, name) for name in _SAME},
        "metadata": dict(entry.metadata),
        "strategy": entry.strategy.value,
        "status": (idle if enabled else IngestionStatus.DISABLED).value,
        "enabled": enabled,
        "created_at": entry.created_at or now,
        "updated_at": now,
    }


def read_entry(row: Mapping[Any, Any]) -> SymbolRegistry:
    """The entry in a row, which another program may have written: whatever the case of its words.

    What such a program wrote wrongly is this entry's error (`flaw_of`) and nobody else's.
    """
    try:
        status = IngestionStatus(row["status"])
    except ValueError:
        status = IngestionStatus.IDLE  # nobody runs it, and its next run says how it is
    enabled = row["enabled"] and status is not IngestionStatus.DISABLED
    metadata = row["metadata"] or {}
    entry = SymbolRegistry(
        **{name: row[name] for name in _SAME},
        metadata=metadata if isinstance(metadata, Mapping) else {UNREADABLE: metadata},
        enabled=enabled,
        strategy=_strategy(row["strategy"]),
        status=status if enabled else IngestionStatus.DISABLED,
    )
    flaw = flaw_of(entry)
    if flaw and entry.status is IngestionStatus.IDLE:
        return replace(entry, status=IngestionStatus.ERROR, error_message=flaw)
    return entry


def _strategy(word: str) -> IngestionStrategy:
    try:
        return IngestionStrategy(word)
    except ValueError:
        return IngestionStrategy.foreign(word)


def flaw_of(entry: SymbolRegistry) -> str | None:
    """Why an entry cannot be run as another program wrote it, and what corrects it; None when it can."""
    if not entry.strategy.known:
        near = nearest(entry.strategy.value, list(IngestionStrategy))
        return (
            f"{entry.symbol}: there is no strategy {entry.strategy.value!r}: {near}. "
            f"Next: `forebay registry strategy {entry.symbol} STRATEGY`"
        )
    try:
        check_metadata(entry.symbol, entry.metadata)
    except UsageError as error:
        return f"{error}. Next: {error.remedy}"
    return None


def is_so(column: sa.Column[str], word: StrEnum) -> sa.ColumnElement[bool]:
    """Of a row whose strategy or status is `word`, in capitals or not."""
    return sa.func.lower(column) == word.value


ENABLED = sa.and_(table.c.enabled, sa.not_(is_so(table.c.status, IngestionStatus.DISABLED)))
"""Of a symbol that is run. Another program may have said only one of the two."""


def status_values(status: IngestionStatus, error_message: str | None, now: datetime) -> dict[str, Any]:
    """The columns of a status that somebody gave by hand."""
    held = {"lease_expires_at": now + LEASE} if status is IngestionStatus.RUNNING else {}
    cleared = {} if status in (IngestionStatus.ERROR, IngestionStatus.RUNNING) else SUCCEEDED
    return {
        **cleared,
        "status": status.value,
        "enabled": status is not IngestionStatus.DISABLED,
        "error_message": None if error_message is None else said(error_message),
        "retry_at": None,
        **NOT_HELD,
        **held,
        "lease_token": table.c.lease_token + 1,
    }


def described(symbol: str, description: str | None, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """The columns of a description and of metadata, where they are given. Raises UsageError for what is wrong."""
    values: dict[str, Any] = {}
    if description is not None:
        check_description(symbol, description)
        values["description"] = description
    if metadata is not None:
        check_metadata(symbol, metadata)
        values["metadata"] = dict(metadata)
    return values


def said(message: str) -> str:
    """An error message as it is stored: of bounded length, without what a database cannot hold."""
    return message.replace("\0", "").encode(errors="replace").decode()[:LONGEST_TEXT]


def check_symbol(symbol: object) -> None:
    """Raise UsageError for what no vendor would call a ticker."""
    if not isinstance(symbol, str) or not re.fullmatch(TICKER, symbol):
        shown = f"{symbol[:LONGEST_SYMBOL]}..." if isinstance(symbol, str) and len(symbol) > LONGEST_SYMBOL else symbol
        raise UsageError(f"{shown!r} is no symbol", remedy="write it as the vendor does: AAPL, BRK.B, X:BTCUSD")


def check_description(symbol: str, description: str) -> None:
    """Raise UsageError for one that is too long, or that a database cannot hold."""
    if len(description) > LONGEST_TEXT or description != said(description):
        raise _wrong(symbol, "description", "that", f"write {LONGEST_TEXT:,} letters at most, without control codes")


def check_metadata(symbol: str, metadata: Mapping[str, Any]) -> None:
    """Raise UsageError for metadata that are no JSON or too much of it, and for wrong values of the known keys."""
    try:
        text = json.dumps(dict(metadata), allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"{symbol}: its metadata are no JSON: {error}", remedy="write texts and numbers") from error
    if len(text) > LARGEST_METADATA or "\\u0000" in text:
        raise _wrong(symbol, "metadata", "too long", f"{LARGEST_METADATA:,} letters of JSON are the most")
    if UNREADABLE in metadata:
        raise _wrong(
            symbol, "metadata", repr(metadata[UNREADABLE])[:80], 'write a JSON object: {"start": "2024-01-31"}'
        )
    asset_class = metadata.get("asset_class")
    known = [each.value for each in AssetClass]
    if asset_class is not None and asset_class not in known:
        raise _wrong(symbol, "asset_class", repr(asset_class), nearest(asset_class, known))
    timeframes = metadata.get("timeframes", [])
    if not isinstance(timeframes, list) or any(each not in TIMEFRAMES for each in timeframes):
        raise _wrong(symbol, "timeframes", repr(timeframes), 'write a list of "1m" and "1d"')
    if "start" in metadata and not _is_day(metadata["start"]):
        raise _wrong(symbol, "start", repr(metadata["start"]), "write it as 2024-01-31")


def _is_day(text: object) -> bool:
    try:
        return isinstance(text, str) and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _wrong(symbol: str, key: str, what: str, remedy: str) -> UsageError:
    return UsageError(f"{symbol}: its {key} cannot be {what}", remedy=remedy)
