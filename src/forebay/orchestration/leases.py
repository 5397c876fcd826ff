"""The leases of one worker: kept alive while their tasks run, given back when it is told to break off."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock

from structlog import get_logger

from forebay.errors import ForebayError, LeaseLost
from forebay.ledger.tasks import Tasks
from forebay.model.task import Lease

log = get_logger()


class HeldLeases:
    """Safe to use from several threads."""

    def __init__(self, tasks: Tasks) -> None:
        self.given_back = False
        """All of them were given back, or are about to be. A plain flag: a signal handler sets it."""
        self._tasks = tasks
        self._leases: dict[int, Lease] = {}
        self._lost: set[int] = set()
        self._ending: set[int] = set()
        self._lock = Lock()

    def hold(self, lease: Lease) -> None:
        """Keep it alive from now on."""
        with self._lock:
            self._lost.discard(lease.task.id)
            self._ending.discard(lease.task.id)
            self._leases[lease.task.id] = lease

    def ends(self, lease: Lease) -> None:
        """Its task is being ended: a renewal that comes too late for it has lost nothing."""
        with self._lock:
            self._ending.add(lease.task.id)

    def let_go(self, lease: Lease) -> None:
        """Its task has ended."""
        with self._lock:
            self._leases.pop(lease.task.id, None)

    def check(self, lease: Lease) -> None:
        """Raise LeaseLost when its task is somebody else's by now: what is under way may as well break off."""
        if self.given_back:
            raise LeaseLost(
                "this worker was told to break off", remedy="nothing is to be done: the task was given back"
            )
        if lease.task.id in self._lost:
            raise LeaseLost(
                f"task {lease.task.id} was taken over", remedy="nothing is to be done: its new holder ends it"
            )

    def renew(self) -> None:
        """Renew every lease; one that cannot be is noticed by `check`, or when its task next touches the ledger."""
        for lease in self._all():
            try:
                self._tasks.renew(lease)
            except LeaseLost as error:
                self._lose(lease, error)
            except ForebayError as error:
                log.warning("lease_not_renewed", task=lease.task.draft.key, reason=str(error))

    def give_back(self) -> None:
        """Release every lease: whoever still runs has lost it, and can record nothing."""
        self.given_back = True
        for lease in self._all():
            with suppress(LeaseLost):  # it has just ended
                self._tasks.release(lease)

    def _all(self) -> list[Lease]:
        with self._lock:
            return list(self._leases.values())

    def _lose(self, lease: Lease, error: LeaseLost) -> None:
        with self._lock:
            if lease.task.id not in self._leases or lease.task.id in self._ending:
                return  # it has just ended
            self._lost.add(lease.task.id)
        log.warning("lease_lost", task=lease.task.draft.key, reason=str(error))
