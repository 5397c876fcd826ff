"""The rows of docs/settings.md. Which heading a setting stands under is the page's; what its row says is the code's."""

from __future__ import annotations

import re

from forebay.settings.fields import Declared
from forebay.settings.settings import DECLARED


def settings_page(page: str) -> str:
    """The page with every setting's row as the code declares it. Exits for a setting that the page lacks."""
    rows = {setting.name: row(setting) for setting in DECLARED}
    lines = page.splitlines()
    for number, line in enumerate(lines):
        if (found := re.match(r"\| `(\w+)`", line)) and found[1] in rows and line.count(" | ") == 2:  # noqa: PLR2004
            lines[number] = rows.pop(found[1])
    if rows:
        missing = "\n".join(rows.values())
        raise SystemExit(f"docs/settings.md lacks settings; put each row below its heading:\n{missing}")
    return "\n".join(lines) + "\n"


def row(setting: Declared) -> str:
    """Names, default and what it is: a row of a table."""
    names = "<br>".join(f"`{name}`" for name in setting.names)
    default = "" if setting.default in (None, "") else f"`{setting.default}`"
    return f"| {names} | {default} | {setting.about} |"
