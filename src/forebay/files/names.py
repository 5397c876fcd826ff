"""Where a ticker's files are: `<folder>/AAPL/AAPL.1m.parquet`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from forebay.model.instrument import decode_name, encode_name
from forebay.model.timeframe import TIMEFRAMES

OWN_FOLDERS = ("archive", "csv-lzo", "lake", "logs", "quarantine", "services", "spool", "tmp", "universe")
"""Folders under FOREBAY_HOME that are no ticker's."""


class Form(StrEnum):
    """How a file is written; also its suffix."""

    PARQUET = "parquet"
    CSV = "csv"


@dataclass(frozen=True, slots=True, order=True)
class TickerFile:
    """One ticker's bars of one timeframe."""

    ticker: str
    timeframe: str
    form: Form
    path: Path


def ticker_file(folder: Path, ticker: str, timeframe: str, form: Form) -> TickerFile:
    """Where the file is, or would be. No two tickers share a path, even where case folds."""
    name = encode_name(ticker)
    return TickerFile(ticker, timeframe, form, folder / name / f"{name}.{timeframe}.{form}")


def find_files(folder: Path) -> Iterator[TickerFile]:
    """The files of tickers in `folder` and in the folders of it, by path, whichever program wrote them."""
    inside = [each for each in sorted(folder.iterdir()) if each.is_dir() and each.name.lower() not in OWN_FOLDERS]
    for each in (folder, *inside):
        for path in sorted(each.iterdir()):
            if (found := named(path)) and path.is_file():
                yield found


def named(path: Path) -> TickerFile | None:
    """What a file's name says of it (`.csv.gz` is CSV, too); None when it is not that of a ticker's file."""
    whole = path.name.removesuffix(".gz") if path.name.endswith(".csv.gz") else path.name
    parts = whole.rsplit(".", 2)
    if len(parts) != 3 or not parts[0] or path.name.startswith("."):  # noqa: PLR2004 - ticker, timeframe, form
        return None
    name, timeframe, form = parts
    if timeframe not in TIMEFRAMES or form not in list(Form):
        return None
    return TickerFile(_ticker(name), timeframe, Form(form), path)


def _ticker(name: str) -> str:
    """The ticker of a name in our encoding, or as it is typed: other programs write `AAp`, where we write `AA_p`."""
    try:
        ticker = decode_name(name)
    except UnicodeDecodeError:
        return name
    return ticker if ticker and encode_name(ticker) == name else name
