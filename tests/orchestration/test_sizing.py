"""How many workers fit: the scarcest of calls, cores and memory decides."""

from __future__ import annotations

import pytest

from forebay.orchestration.sizing import Machine, Sizing, size, this_machine

LARGE = Machine(cores=32, memory_mb=64_000)


@pytest.mark.parametrize(
    ("calls", "workers", "concurrency"), [(5, 2, 1), (99, 2, 1), (100, 6, 2), (500, 6, 2), (1000, 10, 4), (0, 10, 4)]
)
def test_on_a_large_machine_the_calls_decide(calls, workers, concurrency):
    """Five calls a minute keep two workers busy, a thousand keep ten; without a limit it is as with many."""
    found = size(calls, LARGE)

    assert (workers, concurrency) == (found.workers, found.concurrency)


@pytest.mark.parametrize(("cores", "workers"), [(1, 2), (2, 2), (3, 3), (4, 4), (8, 6), (16, 6), (20, 10)])
def test_with_many_calls_the_cores_decide(cores, workers):
    """A machine with few cores gets few workers, whatever the plan allows."""
    assert workers == size(1000, Machine(cores, 64_000)).workers


def test_with_little_memory_the_memory_decides():
    """Workers never take more than three quarters of the memory, and one always fits."""
    assert Sizing(3, 4, 512, "this machine's 2 GB of memory") == size(0, Machine(32, 2_048))
    assert size(0, Machine(32, 256)).workers == 1


def test_it_reads_this_machine():
    """The machine that runs this has a core and some memory."""
    machine = this_machine()

    assert machine.cores >= 1
    assert machine.memory_mb > 100
