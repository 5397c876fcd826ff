"""The whole ledger in one hand: opened once in a process, handed to whoever plans, works or looks."""

from __future__ import annotations

from random import Random
from types import TracebackType
from typing import Self

from forebay.budget.shared import SharedBudget
from forebay.clock import Clock, SystemClock
from forebay.db.engine import TIMEOUT, Database, connect
from forebay.db.migrate import upgrade
from forebay.ledger.budget import LedgerBook
from forebay.ledger.coverage import CoverageBook
from forebay.ledger.earlier import EarlierFiles
from forebay.ledger.entitlements import EntitlementBook
from forebay.ledger.feeds import Feeds
from forebay.ledger.finish import RetryPolicy
from forebay.ledger.listings import Listings
from forebay.ledger.places import Places
from forebay.ledger.tasks import Tasks


class Ledger:
    """`tasks`, `coverage`, `listings`, `feeds`, `places`, `entitlements`, `earlier`, `budget`: one database.

    Usable from several threads.
    """

    def __init__(
        self, database: Database, clock: Clock, *, calls_per_minute: int, policy: RetryPolicy, rng: Random
    ) -> None:
        self.database = database
        self.tasks = Tasks(database, clock, policy, rng)
        self.coverage = CoverageBook(database, clock)
        self.listings = Listings(database, clock)
        self.feeds = Feeds(database, clock)
        self.places = Places(database, clock)
        self.earlier = EarlierFiles(database, clock)
        self.entitlements = EntitlementBook(database)
        # Machines that share a server can share its clock; a clock under test control stays in control.
        database_time = database.dialect == "postgresql" and type(clock) is SystemClock
        self.budget = SharedBudget(LedgerBook(database, calls_per_minute, clock, database_time=database_time), clock)

    @classmethod
    def open(
        cls,
        url: str,
        clock: Clock,
        *,
        calls_per_minute: int = 5,
        max_retries: int = 2,
        rng: Random | None = None,
        timeout: float = TIMEOUT,
    ) -> Self:
        """Connect to `url` and bring its tables up to date; a database that is not there is made.

        `calls_per_minute` 0 is no limit; `max_retries` further attempts are made in each phase of a task; `rng` is for
        the jitter of retries; `timeout` in seconds bounds every wait for the database. Raises UsageError for an
        address it cannot use, NewerVersion, LedgerError.
        """
        database = connect(url, timeout=timeout)
        try:
            upgrade(database, clock)
        except BaseException:
            database.close()
            raise
        return cls(
            database,
            clock,
            calls_per_minute=calls_per_minute,
            policy=RetryPolicy(max_retries),
            rng=rng or Random(),
        )

    def close(self) -> None:
        """Close the connections."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
