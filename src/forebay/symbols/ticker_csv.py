"""`tickers.csv`: a list of tickers under a head, as people and spreadsheets write it."""

from __future__ import annotations

import csv
from pathlib import Path

from forebay.errors import UsageError

HEAD = "ticker"


def read_tickers(path: Path) -> list[str]:
    """The tickers of the column `ticker`, each once, in the file's order and spelling; other columns are left alone.

    A byte order mark, CRLF and blank lines mean nothing. Raises UsageError, naming the file and the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            head = next((row for row in rows if any(cell.strip() for cell in row)), [])
            column = _column(path, head)
            cells = [(rows.line_num, row[column].strip()) for row in rows if column < len(row)]
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no file {path}", remedy="name tickers with --tickers AAPL MSFT, or a file with --csv FILE"
        ) from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", remedy="name a file you may read") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text in UTF-8", remedy="save it again as CSV in UTF-8") from error
    except csv.Error as error:
        raise UsageError(f"{path} is no CSV: {error}", remedy="write one ticker to a line, without quotes") from error
    for line, ticker in cells:
        if not ticker.isprintable() or " " in ticker:
            raise UsageError(f"{path}, line {line}: {ticker!r} is no ticker", remedy="correct that line")
    tickers = list(dict.fromkeys(ticker for _, ticker in cells if ticker))
    if not tickers:
        raise UsageError(f"{path} names no ticker", remedy=f"write tickers below the head {HEAD!r}, one to a line")
    return tickers


def _column(path: Path, head: list[str]) -> int:
    names = [name.strip().lower() for name in head]
    if HEAD not in names:
        first = ",".join(head).strip()[:60] or "nothing"
        raise UsageError(
            f"{path} has no column {HEAD!r}: its first line is {first!r}",
            remedy=f"make {HEAD!r} the first line, and write one ticker to a line below it",
        )
    return names.index(HEAD)
