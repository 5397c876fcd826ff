"""A month of days compacted, beside deltalake's own z-order and bin-packing: time, memory, and that no row was lost.

Each works on a copy of the same lake, in a process of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

from bench.child import Cost, cost_of
from bench.lake_reads import TABLE
from bench.lake_report import Report
from bench.lake_work import BIN_PACK, COMPACT, Z_ORDER

from forebay.lake.reading.reader import Lake

SPANS = ("week", "month")
"""Of the session dates in one compacted file; a lake that is not compacted has a file a day."""
TILE_ROWS = (1 << 14, 1 << 18)
"""Rows in a tile, beside the usual number, for the curve of what a layout makes fast and slow."""


def measure(lake: Path, report: Report) -> dict[str, Path]:
    """Compact copies of `lake`; returns our lakes by span, `day` for the one as it came."""
    lakes = {"day": lake}
    ours: dict[str, Cost] = {}
    for span in SPANS:
        lakes[span] = copied(lake, span)
        ours[span] = cost_of(COMPACT.whole, str(lakes[span]), span)
        _say(report, f"compact_{span}", ours[span])
    rivals = {"z_order": Z_ORDER, "bin_pack": BIN_PACK}
    theirs = {name: cost_of(program.whole, str(copied(lake, name) / TABLE)) for name, program in rivals.items()}
    for name, cost in theirs.items():
        _say(report, name, cost)
    for kind, target in (("wall", 1 / 5), ("cpu", 1 / 5), ("peak", 1 / 6)):
        most = max(getattr(cost, kind) for cost in ours.values())
        report.at_most(f"compact_{kind}_to_z_order", most / getattr(theirs["z_order"], kind), target)
    digests = digests_of([*lakes.values(), *(lake.with_name(name) for name in rivals)])
    report.at_most("compact_digests", len(set(digests)), 1)
    for name in rivals:
        shutil.rmtree(lake.with_name(name))
    return lakes


def variants(lake: Path) -> dict[str, Path]:
    """Compact further copies of `lake`, with smaller and larger tiles; by span and rows of a tile."""
    lakes = {}
    for span in SPANS:
        for rows in TILE_ROWS:
            name = f"{span}_tiles_of_{rows}"
            lakes[name] = copied(lake, name)
            cost_of(COMPACT.whole, str(lakes[name]), span, str(rows))
    return lakes


def copied(lake: Path, name: str) -> Path:
    """Another lake beside it with the same state. Files are shared: nobody writes into one that a lake has."""
    target = lake.with_name(name)
    shutil.copytree(lake, target, copy_function=os.link)
    return target


def digests_of(lakes: Sequence[Path]) -> list[str]:
    """Of what each lake holds; computed aside, so that its memory is not counted as that of what is measured."""
    with get_context("spawn").Pool(1) as aside:
        return aside.map(_digest, lakes)


def _digest(lake: Path) -> str:
    return Lake(lake).digest(TABLE)


def _say(report: Report, name: str, cost: Cost) -> None:
    report.note(f"{name}_wall_seconds", round(cost.wall, 1))
    report.note(f"{name}_cpu_seconds", round(cost.cpu, 1))
    report.note(f"{name}_peak_mb", round(cost.peak / 1e6))
