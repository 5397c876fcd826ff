"""A proxy in front of a real S3 server, that remembers what was asked and does what a test scripts."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

REFUSED_BY_B2 = ("x-amz-tagging", "x-amz-sdk-checksum-algorithm", "x-amz-checksum-", "x-amz-trailer", "if-none-match")
_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")


@dataclass(frozen=True)
class Asked:
    """One request as it arrived; names of headers in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Fault:
    """What happens to requests that `matches`: from the `first`-th of them on, `times` times (None: for ever)."""

    matches: Callable[[Asked], bool]
    status: int = 0
    """Answer this instead of asking the server; 0 asks it."""
    code: str = ""
    message: str = ""
    cut: int | None = None
    """Close the connection after so many bytes of the answer's body."""
    drop: bool = False
    """Close the connection without an answer; with `heard`, after the server did what was asked."""
    heard: bool = False
    damage: bool = False
    """Change the first byte of what is sent."""
    deaf_to: str = ""
    """Ask without this header, or without this part of the query."""
    retag: str = ""
    """Pass these tags on instead of those that were sent."""
    overwrite: bytes = b""
    """Put this in the place of what was sent, and answer as to that."""
    stall: bool = False
    """Do not answer before the proxy is closed."""
    first: int = 1
    times: int | None = 1
    seen: int = 0

    def strikes(self, asked: Asked) -> bool:
        """Whether this request is hit."""
        if not self.matches(asked):
            return False
        self.seen += 1
        return self.first <= self.seen and (self.times is None or self.seen < self.first + self.times)


def method(*names: str, **query: str) -> Callable[[Asked], bool]:
    """Requests of these methods whose query holds these names, with these values where they are not empty."""

    def matches(asked: Asked) -> bool:
        named = (name in asked.query and value in ("", asked.query[name]) for name, value in query.items())
        return asked.method in names and all(named)

    return matches


def writes(asked: Asked) -> bool:
    return asked.method in ("PUT", "POST", "DELETE")


def anything(_: Asked) -> bool:
    return True


def cap_reached() -> Fault:
    """B2's answer when a daily cap is used up."""
    message = "Cannot upload files, storage cap exceeded. See the Caps &amp; Alerts page to increase your cap."
    return Fault(writes, 403, "AccessDenied", message, times=None)


def read_only_keys() -> Fault:
    """B2's answer to keys that may not write."""
    return Fault(writes, 403, "AccessDenied", "not entitled", times=None)


def as_b2_refuses(*headers: str) -> Fault:
    """B2's answer to headers that it does not know."""
    refused = headers or REFUSED_BY_B2

    def matches(asked: Asked) -> bool:
        return any(name.startswith(refused) for name in asked.headers)

    message = f"Unsupported header '{refused[0]}' received for this API call."
    return Fault(matches, 400, "InvalidArgument", message, times=None)


@dataclass
class ChaosProxy:
    """`url` stands in front of `upstream`. Faults are tried in order; the first that strikes is done."""

    upstream: str
    faults: list[Fault] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._httpd = _Quiet(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self.url = f"http://127.0.0.1:{self._httpd.server_port}"
        self._thread = threading.Thread(target=self._httpd.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def fault(self, asked: Asked) -> Fault | None:
        """Remember a request; returns what hits it."""
        with self._lock:
            self.asked.append(asked)
            return next((fault for fault in self.faults if fault.strikes(asked)), None)

    def headers(self) -> set[str]:
        """Every header that was ever sent."""
        return {name for asked in self.asked for name in asked.headers}

    def close(self) -> None:
        self.released.set()
        self._httpd.shutdown()
        self._httpd.server_close()
        self._thread.join()


@contextmanager
def chaos(upstream: str, *faults: Fault) -> Iterator[ChaosProxy]:
    proxy = ChaosProxy(upstream, list(faults))
    try:
        yield proxy
    finally:
        proxy.close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of some tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: ChaosProxy

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        fault = self.proxy.fault(Asked(self.command, parts.path, query, headers))
        if fault and fault.stall:
            self.proxy.released.wait()
        if fault and (fault.stall or (fault.drop and not fault.heard)):
            self.close_connection = True
        elif fault and fault.status:
            self._refuse(fault)
        else:
            self._pass_on(headers, body, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815

    def _refuse(self, fault: Fault) -> None:
        text = f'<?xml version="1.0"?><Error><Code>{fault.code}</Code><Message>{fault.message}</Message></Error>'
        self._answer(fault.status, {"Content-Type": "application/xml"}, text.encode(), None)

    def _pass_on(self, headers: dict[str, str], body: bytes, fault: Fault | None) -> None:
        upstream = http.client.HTTPConnection(urlsplit(self.proxy.upstream).netloc, timeout=60)
        try:
            if fault and fault.damage:
                body = bytes([body[0] ^ 1]) + body[1:]
            unheard = fault.deaf_to if fault else ""
            sent = {name: value for name, value in headers.items() if name not in (*_HOP, "expect", unheard)}
            if fault and fault.retag:
                sent["x-amz-tagging"] = fault.retag
            path = self.path.replace(f"?{unheard}", "") if unheard else self.path
            upstream.request(self.command, path, body, {**sent, "content-length": str(len(body))})
            answer = upstream.getresponse()
            content = answer.read()
            if fault and fault.overwrite:
                upstream.request(
                    self.command, path, fault.overwrite, {**sent, "content-length": str(len(fault.overwrite))}
                )
                upstream.getresponse().read()
        finally:
            upstream.close()
        if fault and fault.drop:
            self.close_connection = True
            return
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self._answer(answer.status, kept, content, fault.cut if fault else None, length)

    def _answer(
        self, status: int, headers: dict[str, str], body: bytes, cut: int | None, length: str | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""
