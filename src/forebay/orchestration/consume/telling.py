"""A consumer's figures on their way to the ledger, for monitors. What it stores does not wait for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from threading import Event, Thread

from structlog import get_logger

from forebay.errors import LedgerError
from forebay.ledger.consumers import RENEW, Consumers
from forebay.model.consuming import ConsumerHealth, TopicFigures
from forebay.orchestration.consume.figures import Figures

log = get_logger(__name__)

OpenBook = Callable[[], AbstractContextManager[Consumers]]
"""Opens the ledger's book. Raises LedgerError."""
_MOST_TOPICS = 100
"""With a topic for each symbol there are thousands."""
_AGAIN = 30.0
"""Seconds before a ledger that is away is tried again."""
_PATIENCE = 10.0
"""Seconds that the last note has."""


@contextmanager
def telling(figures: Figures, book: OpenBook, worker: str, name: str, began: datetime) -> Iterator[None]:
    """Note them every few seconds while inside, and at the end; a ledger that is away is said once, and tried again."""
    over = Event()

    def health(*, alive: bool = True) -> ConsumerHealth:
        return replace(health_of(figures, worker, name, began), alive=alive)

    thread = Thread(target=_tell, args=(book, health, over), name="figures", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_PATIENCE)


def health_of(figures: Figures, worker: str, name: str, began: datetime) -> ConsumerHealth:
    """How it is now; called while the consumer goes on."""
    return ConsumerHealth(
        worker,
        name,
        started_at=began,
        lag=figures.lag,
        last_stored=figures.last_stored,
        counts={
            "messages": figures.messages,
            "bars": figures.bars,
            "rows": figures.stored,
            "batches": figures.batches,
            "dead_letters": figures.dead_letters,
            "missed": figures.missed,
            "waits": figures.waits,
        },
        topics=_foremost(dict(figures.by_topic)),
    )


def _tell(book: OpenBook, health: Callable[..., ConsumerHealth], over: Event) -> None:
    said = False
    while not over.is_set():
        try:
            with book() as consumers:
                while not over.is_set():
                    consumers.note(health())
                    over.wait(RENEW)
                consumers.note(health(alive=False))
        except LedgerError as error:
            (log.debug if said else log.warning)("figures_not_noted", why=str(error), remedy=error.remedy)
            said = True
            over.wait(_AGAIN)


def _foremost(topics: dict[str, TopicFigures]) -> dict[str, TopicFigures]:
    """Those that are farthest behind, or brought most; the others together."""
    names = sorted(topics, key=lambda name: (-(topics[name].lag or 0), -topics[name].messages, name))
    found = {name: replace(topics[name]) for name in names[:_MOST_TOPICS]}
    if len(names) > _MOST_TOPICS:
        found["*"] = _together([topics[name] for name in names[_MOST_TOPICS:]])
    return found


def _together(several: list[TopicFigures]) -> TopicFigures:
    lags = [each.lag for each in several if each.lag is not None]
    return TopicFigures(
        messages=sum(each.messages for each in several),
        dead_letters=sum(each.dead_letters for each in several),
        batches=max(each.batches for each in several),
        lag=sum(lags) if lags else None,
        last_stored=max((each.last_stored for each in several if each.last_stored), default=None),
    )
