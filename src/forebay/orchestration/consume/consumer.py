"""The consumer: takes messages while the batch before is stored, waits when a server is away, and repeats nothing.

The database decides where it stands. A batch moves the positions it came from in the transaction that stores its rows,
and only from where it read: whatever happens in between - a kill, a commit whose answer was lost, a partition that
another process took over - either the batch is stored once or it is read again.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, repeat
from random import Random
from typing import TypeVar

from structlog import get_logger

from forebay import failpoints
from forebay.clock import Clock
from forebay.errors import PositionMoved, SinkUnavailable
from forebay.model.place import Place
from forebay.orchestration.consume.batch import Batch, Decode, sort_out
from forebay.orchestration.consume.figures import Figures
from forebay.settings.consume import ConsumeSettings
from forebay.sinks.kafka.letters import DeadLetters
from forebay.sinks.kafka.reader import Reader
from forebay.sinks.timescale.store import Store, Written

log = get_logger(__name__)
T = TypeVar("T")

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
"""Seconds between attempts while a server is away; doubled each time, with jitter."""
_REST = 0.5
"""Seconds that it takes at most to hear of a signal while it waits."""
_ONCE = 0.2
"""Seconds in which a batch is gathered when all there is to read is there already."""
_PATIENCE = 60.0
"""Seconds that one that is to end by itself waits for a server."""


@dataclass(slots=True)
class Consumer:
    """One process's part of the work."""

    reader: Reader
    store: Store
    letters: DeadLetters
    decode: Decode
    settings: ConsumeSettings
    clock: Clock
    random: Random
    once: bool = False
    """Whether it ends when it has caught up."""
    beat: Callable[[], None] = lambda: None
    """Called while it goes round or waits for a server, several times a minute at least."""
    figures: Figures = field(default_factory=Figures)
    _stands: dict[Place, int | None] = field(default_factory=dict)
    _looked: float | None = None
    _stopped: bool = False

    def stop(self) -> None:
        """End after the batch under way; may be called from a signal's handler."""
        self._stopped = True

    def run(self) -> Figures:
        """Consume until `stop`, or with `once` until nothing is left.

        Raises SinkRefused when a server refuses or a table has other columns; with `once` also SinkUnavailable after
        a minute. Whatever is raised, the next run goes on where this one stood.
        """
        with ThreadPoolExecutor(1, "store") as writer, _hurrying():
            self._patiently(self.store.prepare)
            under_way: tuple[Batch, Future[Written]] | None = None
            while not self._stopped:
                self.beat()
                batch = self._gather()
                if under_way:
                    self._settle(*under_way)
                under_way = None
                if self.reader.changed:
                    self._take_up()
                elif batch.moves:
                    under_way = (batch, writer.submit(self._write, batch))
                elif self.once and self.reader.caught_up:
                    break
            if under_way:
                self._settle(*under_way)
        self.figures.stand(self.reader.lags(self._stands))
        return self.figures

    def close(self) -> None:
        """Leave the group, and let the database go."""
        self.reader.close()
        self.store.close()

    def _gather(self) -> Batch:
        """The next messages, sorted; an empty batch when there are none."""
        now = self.clock.elapsed()
        if self._looked is None or now - self._looked >= self.settings.topics_seconds:
            self._looked = now
            self.figures.topics = self._patiently(self.reader.look) or 0
            self._tell()
        seconds = min(self.settings.seconds, _ONCE) if self.once else self.settings.seconds
        taken = self.reader.take(self.settings.batch, seconds)
        if taken:
            failpoints.reach("consume.taken")
        return sort_out(taken, self.decode, self._stands)

    def _write(self, batch: Batch) -> Written:
        self.letters.bury(batch.letters)
        failpoints.reach("consume.buried")
        written = self.store.write(batch.bars, batch.moves)
        failpoints.reach("consume.committed")
        return written

    def _settle(self, batch: Batch, first: Future[Written]) -> None:
        """See a batch stored. One whose messages somebody else stored is dropped, and its places are read anew."""
        attempts: Iterator[Callable[[], Written]] = chain([first.result], repeat(partial(self._write, batch)))

        def attempt() -> Written:
            return next(attempts)()

        try:
            written = self._patiently(attempt, unless_changed=True)
        except PositionMoved as error:
            log.warning("positions_moved", detail=str(error))
            self.figures.moved_by_others += 1
            self.reader.changed = True
            return
        if written:
            self.figures.count(batch, written, self.clock.now())

    def _take_up(self) -> None:
        """Read on from where the database says that each place stands."""
        places = self.reader.places
        known = self._patiently(lambda: self.store.positions(places))
        if known is None or places != self.reader.places:  # they may change while the database is waited for
            return
        self.reader.start(known)
        self._stands = {place: known.get(place) for place in places}
        self.figures.places = len(places)
        log.info("consumer_places", places=len(places))

    def _patiently(self, action: Callable[[], T], *, unless_changed: bool = False) -> T | None:
        """What `action` returns once its server answers; None when told to stop, or when places changed meanwhile.

        It stays in the group while it waits. Raises what `action` does but SinkUnavailable; with `once` that, too,
        after a minute.
        """
        began, wait = self.clock.elapsed(), _FIRST_WAIT
        while True:
            try:
                done = action()
            except SinkUnavailable as error:
                if self.once and self.clock.elapsed() - began > _PATIENCE:
                    raise
                tell = log.warning if wait == _FIRST_WAIT else log.debug
                tell("consumer_waits", why=str(error), remedy=error.remedy)
                self.figures.waits += 1
                self._rest(wait * self.random.uniform(0.5, 1.0))
                wait = min(2 * wait, _LONGEST_WAIT)
            else:
                if wait != _FIRST_WAIT:
                    log.info("consumer_goes_on", after=self.clock.elapsed() - began)
                return done
            if self._stopped or (unless_changed and self.reader.changed):
                return None

    def _rest(self, seconds: float) -> None:
        until = self.clock.elapsed() + seconds
        while not self._stopped and (left := until - self.clock.elapsed()) > 0:
            self.beat()
            self.reader.rest(min(left, _REST))

    def _tell(self) -> None:
        done = self.figures
        done.stand(self.reader.lags(self._stands))
        log.info("consuming", messages=done.messages, stored=done.stored, dead_letters=done.dead_letters, lag=done.lag)


@contextmanager
def _hurrying() -> Iterator[None]:
    """A batch is some 100,000 objects without cycles: looking for some again and again takes half the time.

    And who waits for the database is to go on as soon as it answers, not after five milliseconds of the other thread.
    """
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(1_000_000, *threshold[1:])
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        sys.setswitchinterval(interval)
