"""What the sandbox was asked, in order, in memory and on request in a file. No credential is ever in it."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

from forebay.errors import UsageError
from forebay.sandbox.wire import Answer, Request, RequestKind, Subject

_KEPT = 200_000
_SECRET = re.compile(r"(?i)(^|&)(apiKey|X-Amz-Credential|X-Amz-Signature)=[^&]*")


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request and how it was answered."""

    at: datetime
    method: str
    path: str
    query: str
    """Without keys and signatures."""
    status: int
    kind: RequestKind
    fault: str = ""
    """The kind of the fault that changed the answer, when one did."""


class RequestLog:
    """The newest 200,000 requests, and a JSON line for each in `path`, which is written anew."""

    def __init__(self, path: Path | None = None) -> None:
        self._held: deque[LoggedRequest] = deque(maxlen=_KEPT)
        self._lock = Lock()
        self._path = path
        if path is not None:
            try:
                path.write_text("", encoding="utf-8")
            except OSError as problem:
                message = f"cannot write the request log {path}: {problem.strerror}"
                raise UsageError(message, remedy="Choose a file in a folder that exists.") from problem

    def add(self, at: datetime, request: Request, subject: Subject, answer: Answer) -> None:
        """Note one request."""
        query = _SECRET.sub(r"\1\2=...", request.raw_query)
        line = LoggedRequest(at, request.method, request.path, query, answer.status, subject.kind, answer.fault)
        with self._lock:
            self._held.append(line)
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({**asdict(line), "at": at.isoformat()}) + "\n")

    def requests(self) -> list[LoggedRequest]:
        """The requests so far, the oldest first."""
        with self._lock:
            return list(self._held)
