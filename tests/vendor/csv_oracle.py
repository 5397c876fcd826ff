"""What a flat file says, read line by line with Python's csv, int and float: slow, and easy to see through."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass, field

from forebay.model.catalogue import BARS, Column, Dataset
from forebay.model.instrument import AssetClass

_INT = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_PAIR = re.compile(r"^([XC]:.+)-([^-]+)$")


@dataclass
class Told:
    """Good rows as tuples in the dataset's column order, floats by their bits; bad ones as number and text."""

    good: list[tuple[object, ...]] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)


def told(body: bytes, header: list[str], dataset: Dataset) -> Told:
    """Read the lines after the header row. Rows are counted from 1."""
    found = Told()
    lines = body.split(b"\n")
    if not lines[-1]:
        lines.pop()
    for number, raw in enumerate(lines, start=1):
        line = raw.removesuffix(b"\r").decode("utf-8", "backslashreplace")
        row = _row(line, header, dataset)
        if row is None:
            found.bad.append((number, line))
        else:
            found.good.append(tuple(row[name] for name in dataset.columns))
    return found


def bits(value: object) -> object:
    """Floats as text that tells all of them apart, -0.0 from 0.0 too."""
    return value.hex() if isinstance(value, float) else value


def _row(line: str, header: list[str], dataset: Dataset) -> dict[str, object] | None:
    try:
        fields = next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None
    if len(fields) != len(header):
        return None
    try:
        return {name: bits(_value(text, name, dataset)) for name, text in zip(header, fields, strict=True)}
    except ValueError:
        return None


def _value(text: str, name: str, dataset: Dataset) -> object:
    kind = dataset.columns[name]
    if kind is Column.TEXT:
        dashed = name == "ticker" and dataset.asset_class in (AssetClass.CRYPTO, AssetClass.FOREX)
        return _PAIR.sub(r"\1\2", text) if dashed else text
    if not text and name in dataset.optional:
        return None
    value = _float(text) if kind is Column.FLOAT else _int(text)
    if dataset.kind in BARS and name == "window_start" and value % 1000:
        raise ValueError(text)
    return value


def _float(text: str) -> float:
    value = float(text)
    if not _FLOAT.fullmatch(text) or not math.isfinite(value):
        raise ValueError(text)
    return value


def _int(text: str) -> int:
    value = int(text)
    if not _INT.fullmatch(text) or not -(2**63) <= value < 2**63:
        raise ValueError(text)
    return value
