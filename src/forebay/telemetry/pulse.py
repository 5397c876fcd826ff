"""A sign of life of what runs for long and serves no HTTP: a file that its loop touches while it goes round.

A thread that touched it would go on when the loop hangs. A database, vendor or store that is away stops no loop: it is
waited for, and a container that was started anew would wait for it, too.
"""

from __future__ import annotations

import glob
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from structlog import get_logger

Beat = Callable[[], None]
"""Called by a loop each time it goes round."""
Now = Callable[[], datetime]
"""The current time, with its zone."""
_EVERY = timedelta(seconds=5)
"""Between two touches: a loop may go round many times a second."""
_SUFFIX = ".pulse"

log = get_logger(__name__)


@dataclass
class _Pulse:
    path: Path
    now: Now
    _last: datetime = field(default=datetime.min.replace(tzinfo=UTC))

    def beat(self) -> None:
        now = self.now()
        if now - self._last < _EVERY:
            return
        self._last = now
        _tell_systemd()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()
            os.utime(self.path, (now.timestamp(), now.timestamp()))
        except OSError as error:  # no reason to end work that goes well
            log.warning("pulse_not_kept", file=str(self.path), reason=error.strerror)


@contextmanager
def pulse(folder: Path, role: str, now: Now) -> Iterator[Beat]:
    """What the loop of `role` calls to show that it lives. The file is gone at the end; a kill leaves it to grow old.

    Processes of one role on one machine share the file: a container has one, and is a machine of its own.
    """
    kept = _Pulse(folder / f"{_machine()}.{role}{_SUFFIX}", now)
    kept.beat()
    try:
        yield kept.beat
    finally:
        with suppress(OSError):  # then it grows old, which is told
            kept.path.unlink()


def pulses(folder: Path, now: datetime) -> dict[str, timedelta]:
    """How long ago each role of this machine last went round, by name. Those of other machines are their own affair."""
    start, ages = f"{_machine()}.", {}
    for path in sorted(folder.glob(f"{glob.escape(start)}*{_SUFFIX}")):
        with suppress(FileNotFoundError):  # it ended just now
            role = path.name[len(start) : -len(_SUFFIX)]
            ages[role] = timedelta(seconds=now.timestamp() - path.stat().st_mtime)
    return ages


def _tell_systemd() -> None:
    """Under systemd each process has a watch of its own (`WatchdogSec`): that it has started, and still goes round."""
    address = os.environ.get("NOTIFY_SOCKET", "")  # systemd's own word, no setting
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:  # a lost beat is made good
        told.sendto(b"READY=1\nWATCHDOG=1", address.replace("@", "\0", 1) if address[0] == "@" else address)


def _machine() -> str:
    return socket.gethostname()
