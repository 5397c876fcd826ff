"""Many callers in many processes on one rate budget, in simulated time; and the judge of what they did."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import get_context
from random import Random

from shared_clock import SharedClock

from forebay.budget.redis_book import RedisBook
from forebay.budget.shared import SharedBudget
from forebay.clock import Clock
from forebay.db.engine import connect
from forebay.ledger.budget import LedgerBook

FORK = get_context("fork")
MINUTE = timedelta(seconds=60)


@contextmanager
def open_budget(place: str, limit: int, clock: Clock, *, server_time: bool = False) -> Iterator[SharedBudget]:
    """The budget of a ledger's database, or the one in Redis at `redis://host:port/0#account`, by `clock`."""
    with ExitStack() as stack:
        if place.startswith("redis:"):
            url, _, account = place.partition("#")
            book = RedisBook(url, "https://api.vendor.example", account, limit, clock, server_time=server_time)
        else:
            database = connect(place)
            stack.callback(database.close)
            book = LedgerBook(database, limit, clock, database_time=server_time)
        stack.callback(book.close)
        yield SharedBudget(book, clock)


def most_in_a_minute(calls: list[datetime]) -> int:
    """The most calls that any 60 seconds, both ends included, have seen."""
    most, window = 0, deque[datetime]()
    for call in sorted(calls):
        window.append(call)
        while call - window[0] > MINUTE:
            window.popleft()
        most = max(most, len(window))
    return most


def hammer(
    place: str, limit: int, minutes: int, processes: int, threads: int, persons: int = 0
) -> list[list[datetime]]:
    """The calls of each of `threads` callers in each of `processes`, all as fast as the budget lets them.

    Each call takes a part of a second. The first `persons` callers of each process are interactive.
    """
    clock, answers = SharedClock(FORK, processes * threads), FORK.Queue()
    work = partial(_process, place, limit, minutes, clock, answers, threads, persons)
    children = [FORK.Process(target=work, args=(number,)) for number in range(processes)]
    for child in children:
        child.start()
    calls = [one for _ in children for one in answers.get(timeout=900)]
    for child in children:
        child.join(20)
    return [one for _, one in sorted(calls, key=lambda each: each[0])]


def _process(place, limit, minutes, clock, answers, threads, persons, number) -> None:
    with open_budget(place, limit, clock) as budget, ThreadPoolExecutor(threads) as pool:
        seats = range(number * threads, (number + 1) * threads)
        each = [budget.interactive() if index < persons else budget for index in range(threads)]
        answers.put(list(pool.map(partial(_caller, clock, minutes), seats, each)))


def _caller(clock: SharedClock, minutes: int, seat: int, budget: SharedBudget) -> tuple[int, list[datetime]]:
    clock.sit(seat)
    rng, over = Random(seat), clock.now() + timedelta(minutes=minutes)
    calls: list[datetime] = []
    try:
        while True:
            budget.acquire()
            if clock.now() >= over:
                return seat, calls
            calls.append(clock.now())
            clock.sleep(rng.uniform(0.05, 0.5))
    finally:
        clock.leave()
