"""Figures that may take a while to find: looked for no oftener than they are cheap, and never waited for long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

import structlog
from prometheus_client.core import Metric

from forebay.errors import ForebayError

log = structlog.get_logger(__name__)

SHARE = 20
"""What took a second to find is kept for so many: looking takes a twentieth of a core at most, whoever asks."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a part now."""

    families: Sequence[Metric]
    up: bool
    """Whether the newest look found them. A part that is away has no figures."""


_NOTHING = Told((), up=False)


@dataclass
class Part:
    """The figures of one part, such as the lake. Safe in threads; looks one at a time."""

    name: str
    look: Callable[[], Iterable[Metric]]
    """Finds them. Raises ForebayError, OSError."""
    share: int = SHARE
    """How many times as long as a look took what it found is good for."""
    _lock: Lock = field(default_factory=Lock)
    _told: Told = _NOTHING
    _until: float = 0.0
    """When what was found is too old to be told again."""
    _looking: Event | None = None

    def begin(self) -> None:
        """Look, in a thread, unless what is known is young enough or a look is under way."""
        with self._lock:
            if self._looking is None and time.monotonic() >= self._until:
                self._looking = Event()
                Thread(target=self._look, args=[self._looking], name=f"figures-{self.name}", daemon=True).start()

    def told(self, patience: float) -> Told:
        """What the look found, if that ends within `patience` seconds; else what the one before it did."""
        looking = self._looking
        if looking is not None and not looking.wait(max(patience, 0)):
            log.warning("figures_late", part=self.name)
        return self._told

    def _look(self, looking: Event) -> None:
        began, found = time.monotonic(), _NOTHING
        try:
            found = Told(list(self.look()), up=True)
        except (ForebayError, OSError) as error:
            log.warning("no_figures", part=self.name, error=str(error))
        finally:
            ended = time.monotonic()
            with self._lock:
                self._told, self._looking = found, None
                self._until = ended + self.share * (ended - began) if found.up else ended
            looking.set()
