"""Asks for the sweep, from the timer of each Celery worker: the parent process touches no ledger and has no threads."""

from __future__ import annotations

from typing import Any

from celery import bootsteps
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from structlog import get_logger

from forebay.errors import BrokerUnavailable
from forebay.orchestration.celery.broker import Broker
from forebay.orchestration.celery.queues import DEFAULT
from forebay.orchestration.celery.tasks import SWEEP, SWEEP_EVERY

_LATE = 60
"""Seconds after which a sweep that nobody took is not wanted any more."""

log = get_logger()


class Sweeper(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """A step of the consumer: started with each connection to the broker, stopped with it."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **_: Any) -> None:
        self._entries: list[Any] = []
        self._app = consumer.app
        self._broker = Broker(consumer.app.conf.broker_read_url or consumer.app.conf.broker_url)

    def start(self, consumer: Any) -> None:
        """Ask soon, and again and again."""
        self.stop(consumer)
        self._entries = [
            consumer.timer.call_after(0.1, self._ask),
            consumer.timer.call_repeatedly(SWEEP_EVERY, self._ask),
        ]

    def stop(self, consumer: Any) -> None:
        """Ask no more."""
        for entry in self._entries:
            consumer.timer.cancel(entry)
        self._entries = []

    def _ask(self) -> None:
        """Send the sweep to a queue of this worker's, unless another's is under way: any of its processes does it."""
        try:
            if self._broker.may_sweep():
                self._app.send_task(SWEEP, queue=self._queue(), expires=_LATE, ignore_result=True)
        except (BrokerUnavailable, OperationalError, RedisError) as error:
            log.warning("sweep_not_asked", reason=str(error))

    def _queue(self) -> str:
        queues = list(self._app.amqp.queues.consume_from)
        return DEFAULT if DEFAULT in queues else str(queues[0])
