"""A command line in the time of a replay that another process keeps in a file: `python market_time.py FILE stream ...`.

Everything else is as in `forebay stream ...`: its own process, real sockets, real files.
"""

from __future__ import annotations

import mmap
import struct
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from forebay.clock import SystemClock
from forebay.sandbox.server import Sandbox

_FORM = struct.Struct("=q")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MarketTime:
    """The time in a file (ns UTC), for who also has to wait: the replay may stand still meanwhile."""

    def __init__(self, path: Path) -> None:
        self._real = SystemClock()
        with path.open("rb") as file:
            self._time = mmap.mmap(file.fileno(), _FORM.size, access=mmap.ACCESS_READ)

    def now(self) -> datetime:
        return _EPOCH + timedelta(microseconds=_FORM.unpack_from(self._time)[0] // 1000)

    def elapsed(self) -> float:
        return self._real.elapsed()

    def sleep(self, seconds: float) -> None:
        self._real.sleep(min(seconds, 0.05))


def tell_time(vendor: Sandbox, path: Path) -> None:
    """Put the replay's time into a file. Those who have it open see it at once."""
    path.touch()
    with path.open("r+b") as file:
        file.write(_FORM.pack(vendor.stream.clock.nanos))


if __name__ == "__main__":
    from forebay.app import wired
    from forebay.cli.main import main

    now = MarketTime(Path(sys.argv[1]))
    wired.SystemClock = lambda: now
    sys.exit(main(sys.argv[2:]))
