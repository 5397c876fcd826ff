"""The simulated vendor without its web server: one function from a request to an answer, with faults and a log."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from forebay.clock import SystemClock
from forebay.model.catalogue import FLATFILES_BUCKET
from forebay.sandbox.bucket import Bucket
from forebay.sandbox.desk import Desk
from forebay.sandbox.faults import ANSWERS, CONNECTION, PAGES, REFUSALS, Fault, Faults
from forebay.sandbox.flatfiles import FlatFiles, S3Keys, subject_of
from forebay.sandbox.noise import key_of
from forebay.sandbox.ownfiles import OwnFiles
from forebay.sandbox.refusals import refusal
from forebay.sandbox.requestlog import RequestLog
from forebay.sandbox.rest import Rest, kind_of
from forebay.sandbox.wire import Answer, Request, Subject
from forebay.sandbox.wrong_snapshots import with_wrong_snapshots
from forebay.sandbox.wrong_splits import with_wrong_splits

_BARS_PATH = re.compile(r"/v2/aggs/ticker/[^/]+/range/[^/]+/[^/]+/[^/]+/[^/]+")
_TICKER_PLACE = 4


@dataclass(frozen=True, slots=True)
class Credentials:
    """The keys the sandbox accepts, the same for the same seed."""

    api_key: str
    s3: S3Keys

    def __repr__(self) -> str:
        return "Credentials()"


def credentials(seed: int) -> Credentials:
    """The keys of a seed's sandbox. They open nothing else."""
    parts = [f"{key_of('sandbox key', seed, number):016x}" for number in range(6)]
    return Credentials("".join(parts[:2]), S3Keys("".join(parts[2:4]), "".join(parts[4:])))


class Vendor:
    """Everything behind the port. `answer` may be called from several threads."""

    def __init__(
        self, desk: Desk, faults: Faults, keys: Credentials, log: RequestLog, own: OwnFiles | None = None
    ) -> None:
        self._faults = faults
        self._clock = desk.clock
        self._rest = Rest(desk, keys.api_key)
        self._files = FlatFiles(Bucket(desk.market, own), desk.plan, keys.s3, faults, desk.clock, SystemClock())
        self._log = log
        self._numbers = itertools.count()

    def answer(self, request: Request) -> Answer:
        """Answer one request, spoiled by the fault whose turn it is, and log it."""
        request = replace(request, number=next(self._numbers))
        subject = _subject(request)
        pages = PAGES if _BARS_PATH.fullmatch(request.path) else ()
        answers = () if _is_file(request) else ANSWERS
        fault = self._faults.strike(subject, (*REFUSALS, *CONNECTION, *answers, *pages))
        if fault:
            answer = replace(self._spoiled_answer(request, fault), fault=fault.kind)
        else:
            answer = self._true_answer(request)
        self._log.add(self._clock.now(), request, subject, answer)
        return answer

    def _true_answer(self, request: Request) -> Answer:
        if _is_file(request):
            return self._files.answer(request)
        answer = with_wrong_splits(self._rest.answer(request), request, self._faults)
        return with_wrong_snapshots(answer, request, self._faults)

    def _spoiled_answer(self, request: Request, fault: Fault) -> Answer:
        if fault.kind in REFUSALS:
            return refusal(fault, request)
        if fault.kind in PAGES:
            return self._wrong_page(fault, request)
        return _badly(self._true_answer(request), fault)

    def _wrong_page(self, fault: Fault, request: Request) -> Answer:
        """A page of bars for another ticker, or with a bar outside the window asked for."""
        ticker = request.path.split("/")[_TICKER_PLACE]
        if fault.kind == "foreign_ticker":
            other = "MSFT" if ticker != "MSFT" else "AAPL"
            return self._true_answer(replace(request, path=request.path.replace(f"/{ticker}/", f"/{other}/", 1)))
        answer = self._true_answer(request)
        assert isinstance(answer.body, bytes)  # REST answers are
        return replace(answer, body=_with_stray_bar(answer.body))


def _with_stray_bar(body: bytes) -> bytes:
    payload: dict[str, Any] = json.loads(body)
    rows = payload.get("results")
    if rows:
        stray = {**rows[-1], "t": rows[-1]["t"] + 400 * 86_400_000}
        rows.append(stray)
        payload |= {"resultsCount": len(rows), "count": len(rows)}
    return json.dumps(payload, separators=(",", ":")).encode()


def _badly(answer: Answer, fault: Fault) -> Answer:
    if fault.kind in ANSWERS:
        assert isinstance(answer.body, bytes)  # REST answers are
        return replace(answer, body=answer.body[: len(answer.body) // 2])
    if fault.kind == "cut":
        return replace(answer, cut=True)
    if fault.kind == "connect_stall":
        return replace(answer, wait_before=fault.seconds)
    return replace(answer, wait_inside=fault.seconds)


def _is_file(request: Request) -> bool:
    return request.path == f"/{FLATFILES_BUCKET}" or request.path.startswith(f"/{FLATFILES_BUCKET}/")


def _subject(request: Request) -> Subject:
    if _is_file(request):
        return subject_of(request)
    parts = request.path.split("/")
    ticker = next((after for before, after in itertools.pairwise(parts) if before in _BEFORE_TICKER), "")
    return Subject(request.path, kind_of(request.path), "", _day_in(parts), ticker or request.value("ticker") or "")


_BEFORE_TICKER = frozenset({"ticker", "tickers", "open-close", "trades"})


def _day_in(parts: list[str]) -> date | None:
    """The first date in a REST path."""
    for part in parts:
        try:
            return date.fromisoformat(part)
        except ValueError:
            continue
    return None
