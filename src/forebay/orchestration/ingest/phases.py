"""What a phase is to whoever runs symbols: entries in, what came of each out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from forebay.model.registry import Phase, SymbolRegistry


@dataclass(frozen=True, slots=True)
class Came:
    """What a phase came to for one symbol."""

    records: int = 0
    """Rows that are held now and were not before."""
    error: str | None = None
    done: bool = True
    """Whether it counts as completed; an error never does."""
    note: str = ""


RunPhase = Callable[[Sequence[SymbolRegistry]], Mapping[str, Came]]
"""Runs one phase of many symbols at once: symbol to what came of it, for each of them.

Raises ForebayError for what none of them can escape: a full disk, a wrong key, a database that is away.
"""


def order(entry: SymbolRegistry, wanted: Sequence[Phase]) -> tuple[Phase, ...]:
    """Those of the phases `wanted` that the symbol's strategy comes to, in their order."""
    return tuple(phase for phase in entry.strategy.phases if phase in wanted)
