"""REST: who may ask, how often, and which handler answers which path."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil
from threading import Lock
from typing import Any

from forebay.sandbox import (
    rest_actions,
    rest_aggs,
    rest_market,
    rest_options,
    rest_reference,
    rest_snapshots,
    rest_snapshots_v3,
    rest_trades,
)
from forebay.sandbox.desk import Desk, not_entitled
from forebay.sandbox.query import Refusal
from forebay.sandbox.wire import Answer, Request, RequestKind, json_answer

Handler = Callable[..., Any]

_TICKER = r"(?P<ticker>[^/]+)"
_DAY = r"(?P<date>[^/]+)"
_MARKETS = r"/v2/snapshot/locale/(?:us|global)/markets/(?P<market>stocks|crypto|forex)"
# path, kind of request, what the plan must have, handler
_ROUTES: tuple[tuple[str, RequestKind, str, Handler], ...] = (
    (
        rf"/v2/aggs/ticker/{_TICKER}/range/(?P<multiplier>[^/]+)/(?P<timespan>[^/]+)/(?P<start>[^/]+)/(?P<end>[^/]+)",
        "data",
        "",
        rest_aggs.ranged,
    ),
    (rf"/v2/aggs/grouped/locale/us/market/(?P<market>stocks)/{_DAY}", "data", "", rest_aggs.grouped),
    (rf"/v2/aggs/grouped/locale/global/market/(?P<market>crypto|fx)/{_DAY}", "data", "", rest_aggs.grouped),
    (rf"/v2/aggs/ticker/{_TICKER}/prev", "data", "", rest_aggs.previous),
    (rf"/v1/open-close/{_TICKER}/{_DAY}", "data", "", rest_aggs.open_close),
    (rf"{_MARKETS}/tickers", "data", "snapshots", rest_snapshots.everyone),
    (rf"{_MARKETS}/tickers/{_TICKER}", "data", "snapshots", rest_snapshots.single),
    (rf"{_MARKETS}/(?P<direction>gainers|losers)", "data", "snapshots", rest_snapshots.movers),
    (r"/v3/snapshot", "data", "snapshots", rest_snapshots_v3.universal),
    (r"/v3/snapshot/indices", "data", "snapshots", rest_snapshots_v3.indices),
    (r"/v3/snapshot/options/(?P<underlying>[^/]+)", "data", "snapshots", rest_snapshots_v3.chain),
    (
        r"/v3/snapshot/options/(?P<underlying>[^/]+)/(?P<contract>[^/]+)",
        "data",
        "snapshots",
        rest_snapshots_v3.contract,
    ),
    (rf"/v3/trades/{_TICKER}", "data", "trades", rest_trades.trades),
    (rf"/v2/last/trade/{_TICKER}", "data", "trades", rest_trades.last_trade),
    (r"/v3/reference/tickers", "reference", "", rest_reference.tickers),
    (r"/v3/reference/tickers/types", "reference", "", rest_market.ticker_types),
    (rf"/v3/reference/tickers/{_TICKER}", "reference", "", rest_reference.details),
    (rf"/vX/reference/tickers/{_TICKER}/events", "reference", "", rest_reference.events),
    (r"/v3/reference/options/contracts", "reference", "", rest_options.contracts),
    (rf"/v3/reference/options/contracts/{_TICKER}", "reference", "", rest_options.contract),
    (r"/v3/reference/exchanges", "reference", "", rest_market.exchanges),
    (r"/v3/reference/conditions", "reference", "", rest_market.conditions),
    (r"/v3/reference/splits", "reference", "", rest_actions.splits_v3),
    (r"/stocks/v1/splits", "reference", "", rest_actions.splits_v1),
    (r"/v3/reference/dividends", "reference", "", rest_actions.dividends_v3),
    (r"/stocks/v1/dividends", "reference", "", rest_actions.dividends_v1),
    (r"/v1/marketstatus/now", "reference", "", rest_market.status_now),
    (r"/v1/marketstatus/upcoming", "reference", "", rest_market.upcoming),
)
_COMPILED = tuple((re.compile(path), kind, needs, handler) for path, kind, needs, handler in _ROUTES)

_MINUTE = timedelta(minutes=1)
UNKNOWN_KEY = {"status": "ERROR", "error": "Unknown API Key"}
TOO_MANY = {
    "status": "ERROR",
    "error": "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue."
    " https://massive.com/pricing",
}
_UNAUTHORIZED, _TOO_MANY = 401, 429


class Rest:
    """Answers REST requests from a `Desk`, for one API key."""

    def __init__(self, desk: Desk, api_key: str) -> None:
        self._desk = desk
        self._key = api_key
        self._calls: deque[datetime] = deque()
        self._lock = Lock()

    def answer(self, request: Request) -> Answer:
        """Answer one request: the key first, then the rate, then the plan, then the question."""
        if not self._knows(request):
            return _body(_UNAUTHORIZED, UNKNOWN_KEY, request)
        wait = self._wait()
        if wait:
            answer = _body(_TOO_MANY, TOO_MANY, request)
            return answer.with_headers(Retry_After=str(wait)) if self._desk.switches.retry_after else answer
        try:
            payload = self._payload(request)
        except Refusal as refusal:
            return _body(refusal.status, refusal.body, request)
        if isinstance(payload, dict):
            payload = {**payload, "request_id": request.id}
        return json_answer(200, payload, request.id)

    def _payload(self, request: Request) -> Any:
        for path, _, needs, handler in _COMPILED:
            found = path.fullmatch(request.path)
            if found:
                if needs and not getattr(self._desk.plan, needs):
                    raise not_entitled()
                return handler(self._desk, request, **found.groupdict())
        raise Refusal(404, {"status": "NOT_FOUND", "error": "404 page not found"})

    def _knows(self, request: Request) -> bool:
        bearer = request.headers.get("authorization", "")
        given = bearer.removeprefix("Bearer ") if bearer else request.value("apiKey")
        return given == self._key

    def _wait(self) -> int:
        """Whole seconds until the plan allows another call; 0 when it does now, which then counts as made."""
        allowed, now = self._desk.plan.calls_a_minute, self._desk.clock.now()
        if not allowed:
            return 0
        with self._lock:
            while self._calls and now - self._calls[0] >= _MINUTE:
                self._calls.popleft()
            if len(self._calls) >= allowed:
                return max(ceil((self._calls[0] + _MINUTE - now).total_seconds()), 1)
            self._calls.append(now)
            return 0


def kind_of(path: str) -> RequestKind:
    """What a REST path asks for: data, or reference."""
    return next((kind for pattern, kind, _, _ in _COMPILED if pattern.fullmatch(path)), "reference")


def _body(status: int, body: dict[str, Any], request: Request) -> Answer:
    return json_answer(status, {**body, "request_id": request.id}, request.id)
