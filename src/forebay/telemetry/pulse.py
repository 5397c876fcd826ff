"""A sign of life of what runs for long and serves no HTTP: a file that its loop touches while it goes round.

A thread that touched it would go on when the loop hangs. A database, vendor or store that is away stops no loop: it is
waited for, and a container that was started anew would wait for it, too.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from structlog import get_logger

from forebay.clock import Clock

Beat = Callable[[], None]
"""Called by a loop each time it goes round."""
_EVERY = timedelta(seconds=5)
"""Between two touches: a loop may go round many times a second."""
_SUFFIX = ".pulse"

log = get_logger(__name__)


@dataclass
class _Pulse:
    path: Path
    clock: Clock
    _last: datetime = field(default=datetime.min.replace(tzinfo=UTC))

    def beat(self) -> None:
        now = self.clock.now()
        if now - self._last < _EVERY:
            return
        self._last = now
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()
            os.utime(self.path, (now.timestamp(), now.timestamp()))
        except OSError as error:  # no reason to end work that goes well
            log.warning("pulse_not_kept", file=str(self.path), reason=error.strerror)


@contextmanager
def pulse(folder: Path, role: str, clock: Clock) -> Iterator[Beat]:
    """What the loop of `role` calls to show that it lives. The file is gone at the end; a kill leaves it to grow old.

    Processes of one role on one machine share the file: a container has one, and is a machine of its own.
    """
    kept = _Pulse(folder / f"{_machine()}.{role}{_SUFFIX}", clock)
    kept.beat()
    try:
        yield kept.beat
    finally:
        with suppress(OSError):  # then it grows old, which is told
            kept.path.unlink()


def pulses(folder: Path, clock: Clock) -> dict[str, timedelta]:
    """How long ago each role of this machine last went round, by name. Those of other machines are their own affair."""
    now, start = clock.now().timestamp(), f"{_machine()}."
    found = (path for path in sorted(folder.glob(f"*{_SUFFIX}")) if path.name.startswith(start))
    return {path.name[len(start) : -len(_SUFFIX)]: timedelta(seconds=now - path.stat().st_mtime) for path in found}


def _machine() -> str:
    return socket.gethostname()
