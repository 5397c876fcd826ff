"""Where the calls to the vendor are counted: in Redis if that is configured, else in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebay.budget.shared import SharedBudget
from forebay.clock import Clock, SystemClock
from forebay.settings import Settings

if TYPE_CHECKING:
    from forebay.budget.redis_book import RedisBook
    from forebay.ledger import Ledger


def shared_budget(settings: Settings, ledger: Ledger, clock: Clock) -> SharedBudget:
    """The rate budget of everybody with this API key.

    A Redis is asked at once, so that a command whose budget is away says so before it queues anything. Raises
    UsageError, BudgetUnavailable.
    """
    if settings.queue.url is None or settings.vendor.rate_limit <= 0 or settings.vendor.api_key is None:
        return ledger.budget
    budget = SharedBudget(redis_book(settings, clock), clock)
    budget.standing()
    return budget


def redis_book(settings: Settings, clock: Clock) -> RedisBook:
    """The book in the configured Redis. Raises UsageError when its library is missing or the address is none.

    Without an API key it is nobody's; its server may be looked at all the same.
    """
    from forebay.budget.redis_book import RedisBook

    url, vendor = settings.queue.require_url(), settings.vendor
    key = vendor.api_key.get_secret_value() if vendor.api_key else ""
    server_time = type(clock) is SystemClock
    return RedisBook(url, vendor.rest_url, key, vendor.rate_limit, clock, server_time=server_time)
