"""How a fault rule ends a connection, and when its time has come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from forebay.sandbox.bars import SECOND
from forebay.sandbox.faults import Fault
from forebay.sandbox.stream.listener import EVICTED, FORCED, SLOW, Listener

_RESTARTS = 1012
"""The close code of a server that restarts."""


def is_due(listener: Listener, now: int) -> bool:
    """Whether its rule strikes at `now` (ns, replayed)."""
    rule, since = listener.ending, listener.subscribed_at
    if rule is None or since is None:
        return False
    return listener.events >= (rule.events or 0) and now - since >= (rule.after or 0.0) * SECOND


def strike(listener: Listener) -> None:
    """End it as its rule says, once."""
    rule, listener.ending = listener.ending, None
    if rule:
        _ENDINGS[rule.kind](listener, rule)


def stall(listener: Listener) -> None:
    """It stays open, and nothing is sent on it any more."""
    listener.stalled = True


_ENDINGS: Mapping[str, Callable[[Listener, Fault], None]] = MappingProxyType(
    {
        "stream_drop": lambda listener, _: listener.drop(),
        "stream_close": lambda listener, rule: listener.close(rule.status or _RESTARTS),
        "stream_stall": lambda listener, _: stall(listener),
        "stream_evicted": lambda listener, _: listener.dismiss(EVICTED),
        "stream_slow_consumer": lambda listener, _: listener.dismiss(SLOW),
        "stream_force_disconnect": lambda listener, _: listener.dismiss(FORCED),
    }
)
