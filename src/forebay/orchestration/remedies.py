"""The command that mends a session of the lake, word for word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

_MOST_TICKERS = 20
"""Named on a command line; a longer list is cut, and what is left shows in the next verification."""


def mend(table: str, day: date) -> str:
    """Take damaged files out of the table and load their sessions again, from the archive or the vendor."""
    return f"forebay lake verify --mend --datasets {table} --start {day} --end {day}"


def sync(table: str, day: date) -> str:
    """Fetch a session that is not held, or that the vendor has published anew."""
    return f"forebay sync --datasets {table} --start {day} --end {day}"


def repair(day: date, tickers: Sequence[str]) -> str:
    """Put minute bars from trades in place of missing and wrong ones."""
    return f"forebay trades repair --date {day} --tickers {','.join(tickers[:_MOST_TICKERS])}"


def replay(identity: str) -> str:
    """Load again what is in quarantine."""
    return f"forebay quarantine replay {identity}"
