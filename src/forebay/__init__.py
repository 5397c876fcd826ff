"""Forebay: a complete, verified, query-ready copy of your market data, on your own storage."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forebay.app.backfill import run_backfill
    from forebay.lake.reading.missing import NotHeld
    from forebay.lake.reading.reader import Lake
    from forebay.sandbox.server import Sandbox

__version__ = version("forebay")
__all__ = ["Lake", "NotHeld", "Sandbox", "__version__", "run_backfill"]

_HOMES = {
    "Lake": "forebay.lake.reading.reader",
    "NotHeld": "forebay.lake.reading.missing",
    "Sandbox": "forebay.sandbox.server",
    "run_backfill": "forebay.app.backfill",
}


def __getattr__(name: str) -> object:
    """Import the public names on first use: `forebay --help` must not pay for Polars."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'forebay' has no attribute {name!r}")
