"""A request and its answer, as plain values: what the simulated vendor is asked and says, free of any web server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from forebay.sandbox.content import Content
from forebay.sandbox.noise import key_of

RequestKind = Literal["listing", "head", "data", "reference"]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Header names are lower case; `target` is the path and `query` the pairs, as sent (encoded)."""

    method: str
    path: str
    """Decoded."""
    target: str
    raw_query: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    origin: str
    """`http://127.0.0.1:8080`: what the client called, for `next_url`."""
    number: int = 0
    """How many requests came before it."""

    def value(self, name: str) -> str | None:
        """The first query value of `name`; None when there is none."""
        return next((value for key, value in self.query if key == name), None)

    @property
    def id(self) -> str:
        """32 hex digits, different for each request of a run and the same in the next run."""
        return f"{key_of('request', self.number):016x}{key_of(self.path, self.number):016x}"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request is about, for fault rules and the log."""

    path: str
    kind: RequestKind
    dataset: str = ""
    day: date | None = None
    ticker: str = ""
    channel: str = ""
    """Of the stream: `AM`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, and how badly: the waits and `cut` are faults of the connection."""

    status: int
    body: Content = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_before: float = 0.0
    """Seconds of silence before the first byte."""
    wait_inside: float = 0.0
    """Seconds of silence in the middle of the body."""
    cut: bool = False
    """Close the connection in the middle of the body."""
    fault: str = ""
    """The kind of the fault that spoiled it, for the log."""

    def with_headers(self, **headers: str) -> Answer:
        """The same with more headers; `_` in a name stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **named})


def json_answer(status: int, payload: Any, request_id: str) -> Answer:
    """A REST answer. Floats are written in their shortest form, integers in full."""
    body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    return Answer(status, body, {"Content-Type": "application/json", "X-Request-Id": request_id})
