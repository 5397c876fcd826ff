"""Entries of the registry as feeds: symbols that are kept alike are planned together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from forebay.model.catalogue import BARS, LAKE_DATASETS, Dataset
from forebay.model.feed import LAKE, Feed, SourceChoice
from forebay.model.instrument import may_be_of
from forebay.model.registry import SymbolRegistry
from forebay.model.timeframe import base_of
from forebay.symbols.registry_rows import flaw_of


@dataclass(frozen=True, slots=True)
class Kept:
    """How a symbol's history is kept: those that agree share a plan, and with it each file of the whole market."""

    datasets: tuple[Dataset, ...]
    start: date | None
    source: SourceChoice


def feeds_of(entries: Sequence[SymbolRegistry], destinations: tuple[str, ...] = (LAKE,)) -> list[Feed]:
    """One feed for each way of keeping, into `destinations`; entries that `misfit` names are to be left out before."""
    alike: defaultdict[Kept, list[str]] = defaultdict(list)
    for entry in entries:
        alike[kept(entry)].append(entry.symbol)
    return [
        Feed(
            f"registry {number}", how.datasets, tuple(symbols), how.start, source=how.source, destinations=destinations
        )
        for number, (how, symbols) in enumerate(alike.items(), 1)
    ]


def kept(entry: SymbolRegistry) -> Kept:
    """How this one is kept: day and minute bars as far back as the plan reaches, unless its metadata say less."""
    frames: Iterable[str] = entry.metadata.get("timeframes") or ("1d", "1m")
    kinds = dict.fromkeys(base_of(frame) for frame in frames)
    start = entry.metadata.get("start")
    source = SourceChoice.REST if entry.strategy.rest_only else SourceChoice.AUTO
    return Kept(
        tuple(LAKE_DATASETS[f"{entry.asset_class}/{kind}"] for kind in kinds),
        date.fromisoformat(start) if start else None,
        source,
    )


def misfit(entry: SymbolRegistry) -> str | None:
    """Why no bars can be had for an entry as it stands; None when they may be."""
    if flaw := flaw_of(entry):
        return flaw
    if not may_be_of(entry.symbol, entry.asset_class):
        return f"{entry.symbol} is no ticker of {entry.asset_class}, which its metadata say it is"
    if not any(f"{entry.asset_class}/{kind}" in LAKE_DATASETS for kind in BARS):
        return f"bars of {entry.asset_class} are kept by venue: name them in a feed instead"
    return None
