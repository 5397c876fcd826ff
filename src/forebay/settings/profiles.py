"""Three set-ups that suit the vendor's plans: defaults for settings that nobody set, and what a worker needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Profile:
    """How many workers at what limit, and the machine that they need."""

    workers: int
    """Worker processes, the one for discovery included."""
    concurrency: int
    """Tasks that each runs at the same time."""
    rate_limit: int
    """REST calls a minute, for all of them together."""
    cpus: float
    """Processor cores for each worker."""
    memory_mb: int
    """Memory for each worker."""

    def defaults(self) -> Iterator[tuple[str, int]]:
        """The settings that it decides, by variable."""
        yield "WORKERS", self.workers
        yield "WORKER_CONCURRENCY", self.concurrency
        yield "POLYGON_RATE_LIMIT", self.rate_limit


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "free": Profile(workers=2, concurrency=1, rate_limit=5, cpus=0.5, memory_mb=512),
        "standard": Profile(workers=6, concurrency=2, rate_limit=300, cpus=1, memory_mb=1024),
        "high": Profile(workers=10, concurrency=4, rate_limit=1000, cpus=2, memory_mb=2048),
    }
)
