"""Files as people name them: a path, or a glob that their shell did not spread out."""

from __future__ import annotations

from glob import glob
from pathlib import Path

from forebay.errors import UsageError


def files_of(pattern: str) -> list[Path]:
    """The file of that name, or those that match, sorted. Raises UsageError for a glob that matches nothing."""
    path = Path(pattern)
    if path.exists() or not any(letter in pattern for letter in "*?["):
        return [path]
    found = sorted(Path(name) for name in glob(pattern, recursive=True))  # noqa: PTH207 - patterns may be absolute
    if not found:
        raise UsageError(
            f"no file matches {pattern}",
            remedy="look at the folder's name; `forebay discover us_equities` writes a universe file and says where",
        )
    return found
