"""How streams and interruptions are shown, to people and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from forebay.model.live import Noted, StreamHealth

_NAMED = 3
"""Subscriptions that a line names."""


def health_line(health: StreamHealth) -> str:
    """One line for a terminal."""
    counts = health.counts
    waiting = sum(count for name, count in counts.items() if name.endswith("_waiting"))
    lag = "" if health.lag is None else f", {health.lag:.1f} s behind"
    trouble = f"; {health.error}" if health.error else ""
    return (
        f"{health.cluster}: {health.state}, {counts['messages']:,} messages{lag}, {waiting:,} wait for sinks, "
        f"{health.reconnects} reconnects, {counts['bad']} bad events{trouble}"
    )


def health_row(health: StreamHealth) -> list[Any]:
    """A row of the table of streams."""
    lag = "" if health.lag is None else f"{health.lag:.1f} s"
    subscriptions = ", ".join(map(str, health.subscriptions[:_NAMED])) + (
        " ..." if len(health.subscriptions) > _NAMED else ""
    )
    return [
        health.cluster.value,
        health.state.value,
        health.worker or "",
        subscriptions,
        f"{health.last_message:%Y-%m-%d %H:%M:%S}" if health.last_message else "",
        lag,
        health.reconnects,
        f"{health.gap_seconds:.0f} s",
        health.counts.get("messages", 0),
    ]


def health_json(health: StreamHealth) -> dict[str, Any]:
    """The same as JSON."""
    return asdict(health) | {"subscriptions": [str(each) for each in health.subscriptions]}


def noted_row(noted: Noted) -> list[Any]:
    """A row of the table of interruptions."""
    lost = noted.interruption
    how = noted.error or ", ".join(f"{name}: {value}" for name, value in noted.evidence.items())
    moments = (lost.began, lost.ended, noted.closed_at)
    return [lost.cluster.value, lost.cause.value, *(f"{at:%Y-%m-%d %H:%M:%S}" if at else "" for at in moments), how]


def noted_json(noted: Noted) -> dict[str, Any]:
    """The same as JSON."""
    lost = noted.interruption
    told = {"id": noted.id, "closed_at": noted.closed_at, "evidence": noted.evidence, "error": noted.error}
    return asdict(lost) | {"subscriptions": [str(each) for each in lost.subscriptions]} | told
