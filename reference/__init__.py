"""The pages of the manual that are made from the code; `python -m reference` writes them. Not installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reference.commands import commands_page
from reference.schemas import schemas_page
from reference.settings import settings_page

DOCS = Path(__file__).parents[1] / "docs"


def made() -> Mapping[Path, str]:
    """Each page with the text that the code makes of it."""
    settings = DOCS / "settings.md"
    return {
        DOCS / "reference" / "commands.md": commands_page(),
        DOCS / "reference" / "schemas.md": schemas_page(),
        settings: settings_page(settings.read_text("utf-8")),
    }
