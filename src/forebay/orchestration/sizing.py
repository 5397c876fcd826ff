"""How many workers fit: by the calls that the plan allows, the machine's cores and its memory. The scarcest decides."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

_BY_CALLS = ((0, 2, 1), (100, 6, 2), (1000, 10, 4))
"""From so many calls a minute on: workers, and tasks that each runs at a time."""
_BY_CORES = ((0, 2), (3, 3), (4, 4), (8, 6), (20, 10))
"""From so many cores on: workers."""
_BY_MEMORY = ((0, 512), (8_000, 1024), (32_000, 2048))
"""From so many MB of memory on: MB for each worker."""
_SHARE = 0.75
"""Of the memory, for workers; the rest is the system's, the broker's and the database's."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a machine offers to this process."""

    cores: int
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Sizing:
    """Worker processes, tasks at a time in each, memory for each, and why there are not more."""

    workers: int
    concurrency: int
    memory_mb: int
    limited_by: str


def this_machine() -> Machine:
    """The cores that this process may use, and the memory of the machine."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(cores, memory // 1_000_000)


def size(calls_per_minute: int, machine: Machine) -> Sizing:
    """What fits `calls_per_minute` (0: no limit) on `machine`."""
    calls = calls_per_minute or _BY_CALLS[-1][0]
    by_calls, concurrency = _step(_BY_CALLS, calls)
    (by_cores,) = _step(_BY_CORES, machine.cores)
    (memory,) = _step(_BY_MEMORY, machine.memory_mb)
    by_memory = max(1, int(machine.memory_mb * _SHARE) // memory)
    rate = f"{calls_per_minute} calls a minute" if calls_per_minute else "no rate limit"
    limits = {
        f"POLYGON_RATE_LIMIT ({rate})": by_calls,
        f"this machine's {machine.cores} cores": by_cores,
        f"this machine's {machine.memory_mb / 1000:.0f} GB of memory": by_memory,
    }
    scarcest = min(limits, key=lambda name: limits[name])
    return Sizing(limits[scarcest], concurrency, memory, scarcest)


def _step(table: Sequence[tuple[int, ...]], value: int) -> tuple[int, ...]:
    """The row of a sorted table in force at `value`, without the number that it begins at."""
    return table[bisect_right(table, value, key=lambda row: row[0]) - 1][1:]
