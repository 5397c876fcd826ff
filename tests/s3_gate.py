"""A door in front of the S3 server: it can refuse or ignore the condition of a put, lose answers, and forbid things.

Puts with a condition pass one after the other, as a store that honours it has them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

CONDITION, TAGS = "If-None-Match", "x-amz-tagging"
_HOP = ("connection", "transfer-encoding", "keep-alive", "date", "server")


@dataclass
class Gate:
    """What is done to requests; `asked` has each request's method and path, in the order of arrival."""

    behind: str
    url: str = ""
    ignores: bool = False
    refuses: tuple[int, str] | None = None
    """Status and S3's code, for every request with the condition."""
    refuses_tags: tuple[int, str] | None = None
    """The same for every request that brings tags."""
    forbids: Callable[[str, str], tuple[int, str] | None] = lambda method, path: None
    """Status and code for a request that is not to pass, by method and path."""
    loses: Callable[[str, str], bool] = lambda method, path: False
    """Whether the answer to a request that was carried out gets lost."""
    spoils: Callable[[bytes], bytes] = lambda body: body
    """What becomes of the content of a put on its way."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    _one: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def a_gate(behind: str) -> Iterator[Gate]:
    """A door that lets everything through, until it is told otherwise."""
    gate = Gate(behind)
    handler = type("Handler", (_Handler,), {"gate": gate})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    gate.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield gate
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gate: Gate

    def _pass(self) -> None:
        gate, body = self.gate, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        gate.asked.append((self.command, self.path))
        conditional = CONDITION in self.headers and self.command == "PUT"
        refusal = gate.refuses if conditional and gate.refuses else gate.forbids(self.command, self.path)
        refusal = gate.refuses_tags if gate.refuses_tags and TAGS in self.headers else refusal
        if refusal:
            self._answer(refusal[0], {}, f"<Error><Code>{refusal[1]}</Code><Message>No.</Message></Error>".encode())
            return
        if conditional and gate.ignores:
            del self.headers[CONDITION]
        with suppress(ConnectionError):  # whoever asked has lost patience
            if conditional:
                with gate._one:
                    self._forward(body)
            else:
                self._forward(body)

    def _forward(self, body: bytes) -> None:
        connection = HTTPConnection(urlsplit(self.gate.behind).netloc, timeout=30)
        sent = self.gate.spoils(body) if self.command == "PUT" and body else body
        connection.request(self.command, self.path, sent, dict(self.headers.items()))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if self.gate.loses(self.command, self.path):
            self.close_connection = True
            return
        self._answer(answer.status, dict(answer.getheaders()), content)

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in (*_HOP, "content-length"):
                self.send_header(name, value)
        length = {name.lower(): value for name, value in headers.items()}.get("content-length")
        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815 - the base class's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""
