"""The address of a lake to its home."""

from __future__ import annotations

from pathlib import Path

from forebay.lake.folder_home import FolderHome
from forebay.lake.home import Home


def home_at(place: str | Path | Home) -> Home:
    """The home at a folder's path. A home is its own."""
    if isinstance(place, str | Path):
        return FolderHome(Path(place))
    return place
