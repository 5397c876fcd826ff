"""How often a token may be guessed: the wrong ones that each address showed lately, counted in this process alone."""

from __future__ import annotations

from collections import OrderedDict, deque
from ipaddress import IPv6Address, ip_address
from threading import Lock

from forebay.clock import Clock

MOST = 5
"""Wrong tokens of an address within `WITHIN`; after that it has to wait."""
WITHIN = 60.0
"""Seconds."""
_ADDRESSES = 10_000
"""Remembered at most; the one that was silent for longest makes room."""
_NETWORK = 8
"""Bytes of an IPv6 address that one house has: the others it may choose."""


class Attempts:
    """Tries at the login. Safe in threads: a try counts before its token is looked at."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, address: str) -> float:
        """Count a try of an address and return 0; or the seconds that it has to wait first, and count nothing."""
        with self._lock:
            now, name = self._clock.elapsed(), _house(address)
            tries = self._tries.setdefault(name, deque(maxlen=MOST))
            self._tries.move_to_end(name)
            if len(self._tries) > _ADDRESSES:
                self._tries.popitem(last=False)
            if len(tries) == MOST and tries[0] + WITHIN > now:
                return tries[0] + WITHIN - now
            tries.append(now)
            return 0.0

    def take_back(self, address: str) -> None:
        """The newest try was none: its token was right."""
        with self._lock:
            if tries := self._tries.get(_house(address)):
                tries.pop()


def _house(address: str) -> str:
    """What an address is counted by: itself, of IPv6 its network."""
    try:
        found = ip_address(address)
    except ValueError:  # a socket of this machine
        return address
    if not isinstance(found, IPv6Address):
        return address
    return str(found.ipv4_mapped or found.packed[:_NETWORK].hex())
