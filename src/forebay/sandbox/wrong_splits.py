"""Splits as the vendor has been seen to list them: twice, not at all, the wrong way round."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from forebay.sandbox.faults import SPLITS, Fault, Faults
from forebay.sandbox.query import Row
from forebay.sandbox.wire import Answer, Request, Subject

_PATHS = ("/stocks/v1/splits", "/v3/reference/splits")


def with_wrong_splits(answer: Answer, request: Request, faults: Faults) -> Answer:
    """A page of splits as the rules about them have it; any other answer as it is."""
    if request.path not in _PATHS or not isinstance(answer.body, bytes):
        return answer
    page = json.loads(answer.body)
    told = [told for row in page.get("results", ()) for told in _told(row, request.path, faults)]
    if told == page.get("results", []):
        return answer
    body = json.dumps({**page, "results": told, "count": len(told)}, separators=(",", ":")).encode()
    return replace(answer, body=body)


def _told(row: Row, path: str, faults: Faults) -> Iterator[Row]:
    about = Subject(path, "reference", "", date.fromisoformat(row["execution_date"]), row["ticker"])
    rules: list[Fault] = faults.standing(about, SPLITS)
    kinds = {rule.kind for rule in rules}
    if "inverted_split" in kinds:
        row = {**row, "split_from": row["split_to"], "split_to": row["split_from"]}
    if "missing_split" not in kinds:
        yield row
    if "duplicate_split" in kinds:
        yield {**row, "id": f"P{row['id'][1:]}"}
