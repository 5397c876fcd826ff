"""Live data: how each cluster's stream is, and when it was interrupted."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from forebay.ledger.consumers import Consumers
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.streams import Streams
from forebay.model.consuming import ConsumerHealth
from forebay.model.live import Cause, Cluster, Noted, StreamHealth, StreamState
from forebay.service.desk import At
from forebay.service.faults import faults
from forebay.service.words import Limit

routes = APIRouter(prefix="/api/v1", tags=["streams"])
_LARGEST = 2**63 - 1
Named = Annotated[Cluster | None, Query(description="Of this cluster alone.")]
Before = Annotated[int | None, Query(ge=1, le=_LARGEST, description="Those noted before the one with this id.")]
Open = Annotated[bool, Query(description="Only those that are not made good yet.")]


class StreamShown(BaseModel):
    """One cluster's stream. Times are UTC."""

    cluster: Cluster
    state: StreamState
    worker: str | None = Field(description="The process that streams it; null when none does.")
    subscriptions: list[str] = Field(examples=[["AM.AAPL", "T.*"]])
    started_at: datetime | None
    heard_until: datetime | None = Field(description="Whatever came before is with every sink.")
    last_message: datetime | None
    lag: float | None = Field(description="Seconds from an event's own time to its arrival.")
    reconnects: int
    gap_seconds: float = Field(description="Of all interruptions since it was started.")
    counts: dict[str, int] = Field(description="messages, bad, and of each sink what it got and what waits for it.")
    error: str | None

    @classmethod
    def of(cls, health: StreamHealth) -> Self:
        """As the ledger has it."""
        return cls(
            subscriptions=[str(each) for each in health.subscriptions],
            **{name: getattr(health, name) for name in cls.model_fields if name != "subscriptions"},
        )


class TopicShown(BaseModel):
    """One topic in one process that consumes. Times are UTC."""

    messages: int
    dead_letters: int
    batches: int
    lag: int | None = Field(description="Messages that are not stored; null when none of its partitions is here.")
    last_stored: datetime | None = Field(description="When a batch with messages of it was committed.")


class ConsumerShown(BaseModel):
    """One process that stores what Kafka carries. Times are UTC; counts are since it was started."""

    worker: str
    name: str = Field(description="CONSUME_NAME: processes of one name share the topics.")
    alive: bool = Field(description="Whether it said so within a minute.")
    started_at: datetime | None
    updated_at: datetime | None
    lag: int | None = Field(description="Messages that are not stored yet.")
    last_stored: datetime | None = Field(description="When a batch was last committed.")
    counts: dict[str, int] = Field(description="messages, bars, rows, batches, dead_letters, missed, waits.")
    topics: dict[str, TopicShown] = Field(description="By name; beyond the first hundred together as `*`.")

    @classmethod
    def of(cls, health: ConsumerHealth) -> Self:
        """As the ledger has it."""
        topics = {name: TopicShown(**asdict(figures)) for name, figures in health.topics.items()}
        return cls(topics=topics, **{name: getattr(health, name) for name in cls.model_fields if name != "topics"})


class StreamsShown(BaseModel):
    """Every cluster that was ever streamed, and every process that consumed within a day."""

    streams: list[StreamShown]
    consumers: list[ConsumerShown]


class InterruptionShown(BaseModel):
    """An interval of which live data may have lacked something. Times are UTC."""

    id: int
    cluster: Cluster
    subscriptions: list[str]
    began: datetime
    ended: datetime | None = Field(description="Null while it lasts.")
    cause: Cause
    detail: str
    closed_at: datetime | None = Field(description="When what it lacked was sent on; null while that is owed.")
    evidence: dict[str, Any] = Field(description="Calls, symbols, bars, and what was left to flat files.")
    error: str | None = Field(description="Why the last try to make it good failed.")

    @classmethod
    def of(cls, noted: Noted) -> Self:
        """As the ledger has it."""
        lost = noted.interruption
        return cls(
            id=noted.id,
            cluster=lost.cluster,
            subscriptions=[str(each) for each in lost.subscriptions],
            began=lost.began,
            ended=lost.ended,
            cause=lost.cause,
            detail=lost.detail,
            closed_at=noted.closed_at,
            evidence=dict(noted.evidence),
            error=noted.error,
        )


class InterruptionsShown(BaseModel):
    """Interruptions, the last noted first."""

    interruptions: list[InterruptionShown]


@routes.get("/streams", summary="Streams", responses=faults(422))
def streams(desk: At) -> StreamsShown:
    """How live data come: who listens, to what, since when nothing came, what waits for which sink; who consumes."""
    app = desk.opened()
    found = Streams(app.ledger.database, app.clock).look()
    consumers = Consumers(app.ledger.database, app.clock).look()
    return StreamsShown(
        streams=[StreamShown.of(health) for health in found],
        consumers=[ConsumerShown.of(health) for health in consumers],
    )


@routes.get("/interruptions", summary="Interruptions of live data", responses=faults(422))
def interruptions(
    desk: At, cluster: Named = None, before: Before = None, limit: Limit = 100, *, only_open: Open = False
) -> InterruptionsShown:
    """When live data were not heard, why, and how that was made good."""
    app = desk.opened()
    book = Interruptions(app.ledger.database, app.clock)
    if only_open:
        owed = [one for one in reversed(book.open(cluster)) if before is None or one.id < before]
        return InterruptionsShown(interruptions=[InterruptionShown.of(one) for one in owed[:limit]])
    found = book.find(cluster, before=before, limit=limit)
    return InterruptionsShown(interruptions=[InterruptionShown.of(one) for one in found])
