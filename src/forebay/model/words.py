"""Wrong words: what a person is told who misspells one of ours."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches


def nearest(word: object, known: Sequence[str]) -> str:
    """A remedy: the right word that looks most like `word`, if one does, and all that there are."""
    close = get_close_matches(str(word).lower(), known, n=1, cutoff=0.4)
    return (f"did you mean {str(close[0])!r}? " if close else "") + f"known are {', '.join(known)}"
