"""What a consumer has done and where it stands, for people and programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from forebay.model.consuming import TopicFigures
from forebay.orchestration.consume.batch import Batch
from forebay.sinks.timescale.store import Written


@dataclass(slots=True)
class Figures:
    """Counts since the start of the process."""

    messages: int = 0
    """Read and dealt with: their positions are moved."""
    bars: int = 0
    stored: int = 0
    """Rows that were new, or other than before; the rest of the bars were there already, or worse."""
    dead_letters: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    """Kind to messages without a table."""
    missed: int = 0
    """Messages that Kafka no longer had."""
    batches: int = 0
    moved_by_others: int = 0
    """Batches that were dropped because another process had stored their messages."""
    waits: int = 0
    """Attempts that failed because Kafka or the database was away."""
    topics: int = 0
    places: int = 0
    """Partitions that are this process's now."""
    lag: int | None = None
    """Messages in them that are not stored; None before the first answer."""
    last_stored: datetime | None = None
    by_topic: dict[str, TopicFigures] = field(default_factory=dict)

    def count(self, batch: Batch, written: Written, now: datetime) -> None:
        """Add a batch that is stored."""
        self.messages += len(batch.bars) + len(batch.letters) + batch.passed_over.total()
        self.bars += len(batch.bars)
        self.stored += written.stored
        self.dead_letters += len(batch.letters)
        self.passed_over += batch.passed_over
        self.missed += batch.missed
        self.batches += 1
        self.last_stored = now
        letters = Counter(letter.taken.place.topic for letter in batch.letters)
        for topic, messages in batch.topics.items():
            one = self.by_topic.setdefault(topic, TopicFigures())
            one.messages += messages
            one.dead_letters += letters[topic]
            one.batches += 1
            one.last_stored = now

    def stand(self, lags: Mapping[str, int]) -> None:
        """Note how far each topic is behind; those that are not named are other processes' by now."""
        self.lag = sum(lags.values()) if lags else None
        for topic in [*lags, *(each for each in self.by_topic if each not in lags)]:
            self.by_topic.setdefault(topic, TopicFigures()).lag = lags.get(topic)
