"""Consumers in the ledger: what each process says of itself, until a day after its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from forebay.ledger.consumers import LEASE, Consumers
from forebay.model.consuming import ConsumerHealth, TopicFigures


def test_a_process_is_seen_as_it_last_said(ledger, clock) -> None:
    """Each note replaces the one before; silent for a minute it is not alive; gone for a day it is forgotten."""
    consumers = Consumers(ledger.database, clock)
    topics = {"chronox.stream.AAPL": TopicFigures(3, 1, 2, 7, clock.now()), "chronox.stream.T": TopicFigures()}
    health = ConsumerHealth("one", "forebay", started_at=clock.now(), lag=7, counts={"messages": 3}, topics=topics)
    consumers.note(replace(health, lag=9))
    consumers.note(health)
    consumers.note(ConsumerHealth("ended", "forebay", alive=False, started_at=clock.now()))

    assert [replace(health, updated_at=clock.now())] == [one for one in consumers.look() if one.alive]
    assert ["ended", "one"] == [one.worker for one in consumers.look()]
    clock.advance(LEASE.total_seconds())
    assert [False, False] == [one.alive for one in consumers.look()]
    clock.advance(timedelta(days=1).total_seconds())
    consumers.note(replace(health, worker="two"))
    assert ["two"] == [one.worker for one in consumers.look()]
