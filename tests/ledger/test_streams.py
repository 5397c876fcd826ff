"""Live data in the ledger: one process streams a cluster, and no interruption is forgotten before it is made good."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from forebay.ledger import Ledger
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.streams import LEASE, Streams
from forebay.model.live import Cause, Cluster, Interruption, StreamHealth, StreamState, Subscription

MINUTES = Subscription("AM", "*")
APPLE = Subscription("A", "AAPL")


@pytest.fixture
def streams(ledger: Ledger, clock) -> Streams:
    return Streams(ledger.database, clock)


@pytest.fixture
def interruptions(ledger: Ledger, clock) -> Interruptions:
    return Interruptions(ledger.database, clock)


def health(worker: str, clock, **more) -> StreamHealth:
    return StreamHealth(Cluster.STOCKS, worker, StreamState.STREAMING, (MINUTES,), heard_until=clock.now(), **more)


def test_one_process_has_a_cluster_until_it_leaves_or_dies(streams, clock) -> None:
    """Another is refused while notes come in time, has it at once after `leave`, and after the lease of a dead one."""
    assert (True, False, True) == (
        streams.take(Cluster.STOCKS, "one"),
        streams.take(Cluster.STOCKS, "two"),
        streams.take(Cluster.CRYPTO, "two"),
    )
    clock.advance(LEASE.total_seconds() - 1)
    assert streams.note(health("one", clock))
    clock.advance(LEASE.total_seconds() - 1)
    assert not streams.take(Cluster.STOCKS, "two")

    streams.leave(health("one", clock))
    assert streams.take(Cluster.STOCKS, "two")
    clock.advance(LEASE.total_seconds())
    assert streams.take(Cluster.STOCKS, "three")
    assert not streams.note(health("two", clock))


def test_what_was_heard_is_known_to_the_next_process(streams, clock) -> None:
    """Neither a new process that has heard nothing yet, nor the death of the old one, loses the last heard moment."""
    streams.take(Cluster.STOCKS, "one")
    heard = clock.now()
    streams.note(health("one", clock, reconnects=2, gap_seconds=1.5, counts={"messages": 7}, lag=0.25))
    clock.advance(LEASE.total_seconds())

    (dead,) = streams.look()
    streams.take(Cluster.STOCKS, "two")
    streams.note(replace(health("two", clock), heard_until=None))

    assert (None, StreamState.STOPPED, heard, (MINUTES,)) == (
        dead.worker,
        dead.state,
        dead.heard_until,
        dead.subscriptions,
    )
    assert (2, 1.5, {"messages": 7}, 0.25) == (dead.reconnects, dead.gap_seconds, dead.counts, dead.lag)
    (now,) = streams.look()
    assert ("two", StreamState.STREAMING, heard, clock.now()) == (
        now.worker,
        now.state,
        now.heard_until,
        now.updated_at,
    )


def test_an_interruption_is_open_until_it_is_made_good(interruptions, clock) -> None:
    """From when it begins; a failed refill keeps it open and says why; its evidence stays with it."""
    began = clock.now()
    lost = Interruption(Cluster.STOCKS, (MINUTES, APPLE), began, None, Cause.SLOW, "1008")
    number = interruptions.begin(lost)
    (lasting,) = interruptions.open(Cluster.STOCKS)
    assert (number, lost, None, {}, None) == (
        lasting.id,
        lasting.interruption,
        lasting.closed_at,
        lasting.evidence,
        lasting.error,
    )

    clock.advance(5)
    interruptions.end(number, clock.now())
    interruptions.end(number, clock.now() + timedelta(hours=1))
    interruptions.failed(number, "no answer")
    (over,) = interruptions.open()
    assert (began + timedelta(seconds=5), "no answer") == (over.interruption.ended, over.error)

    interruptions.close(number, {"bars": 3})
    assert [] == interruptions.open()
    (closed,) = interruptions.find()
    assert (clock.now(), {"bars": 3}, None) == (closed.closed_at, closed.evidence, closed.error)


def test_interruptions_are_listed_in_pages_and_by_cluster(interruptions, clock) -> None:
    """The last noted first."""
    numbers = [
        interruptions.begin(Interruption(cluster, (MINUTES,), clock.now(), clock.now(), Cause.CLOSED))
        for cluster in (Cluster.STOCKS, Cluster.CRYPTO, Cluster.STOCKS)
    ]

    assert numbers[::-1][:2] == [each.id for each in interruptions.find(limit=2)]
    assert numbers[:1] == [each.id for each in interruptions.find(before=numbers[1])]
    assert [numbers[2], numbers[0]] == [each.id for each in interruptions.find(Cluster.STOCKS)]
    assert [numbers[1]] == [each.id for each in interruptions.open(Cluster.CRYPTO)]
