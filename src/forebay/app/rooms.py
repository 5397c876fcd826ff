"""Room on the disks that data are kept on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from forebay.stores.disk import Room, room

if TYPE_CHECKING:
    from forebay.settings import Settings


def rooms(settings: Settings) -> dict[str, Room]:
    """Room in FOREBAY_HOME (`home`), and for a lake in a folder (`lake`). Raises OSError."""
    places = {"home": settings.folders.home}
    if "://" not in settings.lake.uri:
        places["lake"] = Path(settings.lake.uri)
    return {name: room(path) for name, path in places.items()}
