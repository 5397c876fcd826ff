"""Universe files: the tickers of a category as JSON, one row to a line, for people and for `--tickers`-like flags."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from forebay.errors import UsageError
from forebay.model.universe import Category, Listing, Universe, byte_order, united
from forebay.stores.disk import make_folder, storage_errors, sync
from forebay.symbols.json_file import Document, read_document
from forebay.symbols.patterns import files_of

FOLDER = Path("universe")
"""Where universe files are, unless somebody says otherwise; beside the data, as users are used to."""
_COLUMNS = ("ticker", "name", "type", "exchange", "currency", "active", "figi", "listed", "delisted")


def universe_path(category: Category, as_of: date, folder: Path = FOLDER) -> Path:
    """`universe/us_equities_20241201.json`."""
    return folder / f"{category}_{as_of:%Y%m%d}.json"


def write_universe(path: Path, universe: Universe) -> None:
    """Write `universe`, sorted by the bytes of its tickers; the file has its name when it is whole on the disk.

    Raises StoreError.
    """
    head = universe_json(universe)
    rows = head.pop("tickers")
    opening = json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}")
    lines = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in rows)
    _write(path, f'{opening},\n "tickers": [\n{lines}\n ]\n}}\n')


def universe_json(universe: Universe) -> dict[str, Any]:
    """What the file of a universe holds, as JSON values."""
    rows = [_row(listing) for listing in sorted(universe.listings, key=byte_order)]
    return {
        "category": universe.category.value,
        "as_of": universe.as_of.isoformat(),
        "count": len(rows),
        "complete": universe.complete,
        "tickers": rows,
    }


def read_universe(path: Path) -> Universe:
    """The universe in a file. Raises UsageError, naming the file and the row, for anything else."""
    document = read_document(path)
    content = document.content
    if not isinstance(content, dict) or "category" not in content or "as_of" not in content:
        raise document.error(
            "it is no universe: it does not say of which category and date",
            "`forebay discover us_equities` writes such a file",
        )
    return Universe(
        category=_category(document, content["category"]),
        as_of=document.as_date(content["as_of"], "as_of"),
        listings=tuple(sorted(_listings(document), key=byte_order)),
        complete=content.get("complete") is not False,
    )


def read_listings(patterns: Sequence[str]) -> tuple[Listing, ...]:
    """The listings of several files or globs: each ticker once, in byte order, over the time of all its bearers.

    A file is a universe, a list of tickers `["AAPL", "MSFT"]`, or `{"tickers": ["AAPL", "MSFT"]}`. Raises UsageError,
    naming the file and the next step, for whatever is none, and for a pattern that matches nothing.
    """
    paths = dict.fromkeys(path for pattern in patterns for path in files_of(pattern))
    if not paths:
        raise UsageError(
            "no universe file is named", remedy="name one, such as universe/us_equities_20241201.json, or a quoted glob"
        )
    return united(listing for path in paths for listing in _listings(read_document(path)))


def _listings(document: Document) -> list[Listing]:
    content = document.content
    rows = content.get("tickers") if isinstance(content, dict) else content
    if not isinstance(rows, list):
        raise document.error("it is no universe: it has no list of tickers", 'write {"tickers": ["AAPL", "MSFT"]}')
    if not rows:
        raise document.error("there is no ticker in it", "discover it again, or name another file")
    count = content.get("count", len(rows)) if isinstance(content, dict) else len(rows)
    if count != len(rows):
        raise document.error(
            f"it says {count} tickers and holds {len(rows)}: it is cut short or was changed by hand",
            'correct "count", or discover it again',
        )
    return [_listing(document, number, row) for number, row in enumerate(rows, start=1)]


def _listing(document: Document, number: int, row: object) -> Listing:
    fields: dict[str, Any] = row if isinstance(row, dict) else {"ticker": row}
    at = f"ticker {number}"
    ticker = document.as_text(fields.get("ticker"), at)
    if not ticker or ticker != ticker.strip() or not ticker.isprintable():
        raise document.error(f"{at} is {json.dumps(row)[:60]}, which is no ticker", "correct that row")
    active = fields.get("active", True)
    if not isinstance(active, bool):
        raise document.error(f"{at}: active is neither true nor false", "correct that row")
    name, kind, exchange, currency, figi = (
        document.as_text(fields.get(column) or "", f"{at}, {column}")
        for column in ("name", "type", "exchange", "currency", "figi")
    )
    listed, delisted = (document.as_day(fields.get(column), f"{at}, {column}") for column in ("listed", "delisted"))
    return Listing(ticker, name, kind, exchange, currency, active, figi or None, listed, delisted)


def _category(document: Document, name: object) -> Category:
    try:
        return Category(str(name))
    except ValueError as error:
        raise document.error(f"unknown category {name!r}", f"known are {', '.join(Category)}") from error


def _row(listing: Listing) -> dict[str, Any]:
    row = {name: getattr(listing, name) for name in _COLUMNS}
    return row | {name: row[name] and row[name].isoformat() for name in ("listed", "delisted")}


def _write(path: Path, text: str) -> None:
    with storage_errors(path, "the universe file"):
        make_folder(path.parent.resolve())
        with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, suffix=".part", delete=False) as file:
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                os.chmod(file.name, 0o644)  # noqa: PTH101 - a temporary file is its owner's alone
                os.replace(file.name, path)  # noqa: PTH105 - the name is a string
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(file.name)  # noqa: PTH108
                raise
        sync(path.parent)
