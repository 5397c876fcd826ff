"""Whatever a frame holds, each of its events comes out once: as a message, a status, a bad event or an unknown one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.model.live import Cluster
from forebay.model.message import BarMessage
from forebay.vendor.stream.decode import decode

EXAMPLES = Path(__file__).parents[1] / "data" / "vendor" / "ws"
PUBLISHED = list(json.loads((EXAMPLES / "events.json").read_text()).values())
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=3),
)
FIELDS = sorted({name for event in PUBLISHED for name in event} | {"dv", "ds", "pt", "ev"})


@st.composite
def changed_event(draw: st.DrawFn) -> dict[str, Any]:
    """A published event with a few fields changed, or taken away."""
    event = dict(draw(st.sampled_from(PUBLISHED)))
    for name in draw(st.lists(st.sampled_from(FIELDS), max_size=2)):
        if draw(st.booleans()):
            event.pop(name, None)
        else:
            event[name] = draw(SCALARS)
    return event


EVENTS = st.lists(st.one_of(changed_event(), SCALARS, st.dictionaries(st.text(max_size=3), SCALARS)), max_size=6)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(Cluster)), EVENTS)
def test_every_event_comes_out_once(cluster: Cluster, events: list[Any]) -> None:
    """Nothing is dropped and nothing doubled, and what became a bar is one."""
    decoded = decode(cluster, json.dumps(events).encode())

    assert len(events) == len(decoded.messages) + len(decoded.statuses) + len(decoded.bad) + decoded.unknown
    for message in decoded.messages:
        assert message.asset_class is cluster.asset_class
        if isinstance(message, BarMessage):
            assert message.low <= min(message.open, message.close) <= max(message.open, message.close) <= message.high
            assert 0 == message.timestamp % {"1s": 1000, "1m": 60_000}[message.timeframe]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(Cluster)), st.binary(max_size=200))
def test_no_bytes_raise(cluster: Cluster, data: bytes) -> None:
    """Garbage is a bad event, never an error."""
    decoded = decode(cluster, data)

    assert decoded.bad or [] == decoded.messages


@settings(max_examples=100, deadline=None)
@given(EVENTS, st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_no_damage_raises(events: list[Any], place: int, damage: bytes) -> None:
    """Nor does a frame of which some bytes are others."""
    data = bytearray(json.dumps(events).encode())
    data[place : place + len(damage)] = damage
    decoded = decode(Cluster.STOCKS, bytes(data))

    assert all(event.reason for event in decoded.bad)
