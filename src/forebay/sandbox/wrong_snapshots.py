"""Snapshots as the vendor has been seen to give them: not of every ticker, of an earlier session, unreadable."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from forebay.sandbox.faults import SNAPSHOTS, Faults
from forebay.sandbox.query import Row
from forebay.sandbox.wire import Answer, Request, Subject

_PATH = re.compile(r"/v2/snapshot/locale/(us|global)/markets/(stocks|crypto|forex)/tickers")
_DAY = 86_400
_MILLISECONDS, _NANOSECONDS = 10**3, 10**9


def with_wrong_snapshots(answer: Answer, request: Request, faults: Faults) -> Answer:
    """A list of snapshots as the rules about its tickers have it; any other answer as it is."""
    if answer.status != 200 or not _PATH.fullmatch(request.path) or not isinstance(answer.body, bytes):  # noqa: PLR2004
        return answer
    page = json.loads(answer.body)
    told = [told for row in page["tickers"] for told in _told(row, request.path, faults)]
    if told == page["tickers"]:
        return answer
    body = json.dumps({**page, "tickers": told, "count": len(told)}, separators=(",", ":")).encode()
    return replace(answer, body=body)


def _told(row: Row, path: str, faults: Faults) -> Iterator[Row]:
    rules = faults.standing(Subject(path, "data", ticker=row["ticker"]), SNAPSHOTS)
    kinds = {rule.kind for rule in rules}
    if "stale_snapshot" in kinds:
        row = _a_day_older(row)
    if "damaged_snapshot" in kinds:
        row = {**row, "day": "n/a"}
    if "missing_snapshot" not in kinds:
        yield row


def _a_day_older(row: Row) -> Row:
    """With all its times: the minute's are milliseconds, the others nanoseconds."""
    units = {"min": _MILLISECONDS, "lastTrade": _NANOSECONDS, "lastQuote": _NANOSECONDS}
    older = {part: {**row[part], "t": row[part]["t"] - _DAY * unit} for part, unit in units.items() if part in row}
    return {**row, **older, "updated": row["updated"] - _DAY * _NANOSECONDS}
