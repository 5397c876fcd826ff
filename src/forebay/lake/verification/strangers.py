"""Files that lie in a table's folder and are no part of it: put there by hand, or by another program."""

from __future__ import annotations

from forebay.lake.format.layout import is_ours
from forebay.lake.home.home import Home
from forebay.lake.log import delta
from forebay.lake.log.entries import exists
from forebay.lake.log.removed import removed_by


def strangers(lake: Home, table: str) -> list[str]:
    """Parquet files (paths relative to the table) that the log never named, and that are not called as ours are.

    What is called so is a writer's, under way or dead, and is for the vacuum. Raises LakeError.
    """
    home = lake.table(table)
    if not exists(home):
        return []
    there = [held.path for held in home.list() if _is_data(held.path)]  # before the log: what comes later is needed
    newest = delta.open_table(home)
    held = set(delta.files(newest))
    found = [path for path in there if path not in held and not is_ours(path)]
    removed = removed_by(home, int(newest.version())) if found else ()
    return [path for path in found if path not in removed]


def _is_data(path: str) -> bool:
    """Whether engines that look into folders would read it: they pass over names that begin so."""
    return path.endswith(".parquet") and not any(part.startswith(("_", ".")) for part in path.split("/"))
