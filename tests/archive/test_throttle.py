"""The limit on bytes a second."""

from __future__ import annotations

from threading import Thread

import pytest

from forebay.testing import FakeClock
from forebay.vendor.throttle import Throttle


def test_bytes_take_their_time() -> None:
    """A hundred chunks at a limit take as long as their bytes, and none may burst at the start."""
    clock = FakeClock()
    started, throttle = clock.now(), Throttle(1000, clock)

    for _ in range(100):
        throttle.take(50)

    assert 5.0 == pytest.approx((clock.now() - started).total_seconds())


def test_time_that_was_not_used_is_not_saved_up() -> None:
    """After an idle hour half a second's worth is free, and no more."""
    clock = FakeClock()
    throttle = Throttle(1000, clock)
    throttle.take(1)
    clock.advance(3600)
    started = clock.now()

    for _ in range(20):
        throttle.take(100)

    assert 1.5 == pytest.approx((clock.now() - started).total_seconds())


def test_threads_share_the_limit() -> None:
    """Four threads together owe what one would have owed."""
    clock = FakeClock()
    throttle = Throttle(1000, clock)
    threads = [Thread(target=lambda: [throttle.take(100) for _ in range(5)]) for _ in range(4)]
    started = clock.now()

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (clock.now() - started).total_seconds() >= 2.0


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    """An hour back costs no hour."""
    clock = FakeClock()
    throttle = Throttle(1000, clock)
    throttle.take(100)
    clock.advance(-3600)

    throttle.take(100)

    assert 0.2 == pytest.approx(clock.slept[-1])


@pytest.mark.parametrize(("limit", "expected"), [(10_000, 65_536), (32 * 2**20, 2**20), (10**10, 8 * 2**20)])
def test_what_is_read_ahead_is_a_fraction_of_a_second(limit: int, expected: int) -> None:
    """Parts shrink with the limit, between bounds."""
    assert expected == Throttle(limit, FakeClock()).part_bytes
