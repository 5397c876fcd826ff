"""A real HTTP server of a few lines, scripted by each test."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Answer:
    """One answer; `cut` closes the connection after so many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


def as_json(body: object, status: int = 200, **headers: str) -> Answer:
    """A gzipped JSON answer, as the vendor sends them."""
    packed = gzip.compress(json.dumps(body).encode(), mtime=0)
    return Answer(status, packed, {"Content-Encoding": "gzip", **headers})


class ScriptedServer:
    """Answers each request by `reply`, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.reply: Callable[[Asked], Answer] = lambda _: Answer(500)
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
                server.asked.append(asked)
                answer = server.reply(asked)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in answer.headers:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(answer.body[: answer.cut])
                if answer.cut is not None:
                    self.close_connection = True

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that hangs up is part of some tests."""

        self._httpd = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._httpd.server_port}"
        self._thread = threading.Thread(target=self._httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def in_turn(self, *answers: Answer) -> None:
        """Give these answers one after the other; the last one for ever."""
        left = list(answers)
        self.reply = lambda _: left.pop(0) if len(left) > 1 else left[0]

    def close(self) -> None:
        self._httpd.shutdown()
        self._httpd.server_close()
        self._thread.join()
