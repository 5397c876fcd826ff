"""A vendor that answers with full pages of minute bars, made beforehand: run it as a process of its own.

Every ticker has the same bars, one for each minute from 04:00 to 20:00 Eastern on the first SESSIONS of 2024. It
prints its port, and serves until it is ended.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from isal import igzip

from forebay.model.calendar import session, session_days

PAGES_PER_TICKER = 4
SESSIONS_PER_PAGE = 52
"""Of 960 minutes: as many as 50,000 bars hold."""
MINUTES = 960
DAYS = session_days("XNYS", date(2024, 1, 2), date(2025, 12, 31))[: PAGES_PER_TICKER * SESSIONS_PER_PAGE]
PAGE_BARS = SESSIONS_PER_PAGE * MINUTES
_TICKER = b"@@TICKER@@"
_PATH = re.compile(r"/v2/aggs/ticker/([^/]+)/range/1/minute/([\d-]+)/([\d-]+)")


@contextmanager
def vendor() -> Iterator[str]:
    """The address of such a vendor, which runs until the end of the block."""
    server = subprocess.Popen([sys.executable, "-m", "bench.bar_pages"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def _bars(day: date) -> list[str]:
    """The bars of one session, as the vendor spells them, with prices to the cent and a finer average."""
    opens = session("XNYS", day).opens
    return [_bar(day.toordinal() * MINUTES + minute, opens + timedelta(minutes=minute)) for minute in range(MINUTES)]


def _bar(index: int, start) -> str:
    price = 100 + (index * 7919 % 5000) / 100
    bar = {
        "v": 1000 + index * 31 % 9970,
        "vw": round(price + 0.0123, 4),
        "o": price,
        "c": round(price + 0.02, 2),
        "h": round(price + 0.05, 2),
        "l": round(price - 0.05, 2),
        "t": int(start.timestamp() * 1000),
        "n": 10 + index % 89,
    }
    return json.dumps(bar, separators=(",", ":"))


@lru_cache(maxsize=64)
def _page(first: date, last: date, port: int) -> bytes:
    """The first page of a range, without its ticker."""
    days = [day for day in DAYS if first <= day <= last]
    shown = [bar for day in days[:SESSIONS_PER_PAGE] for bar in _bars(day)]
    path = f"http://127.0.0.1:{port}/v2/aggs/ticker/{_TICKER.decode()}/range/1/minute"
    rest = f'"next_url":"{path}/{days[SESSIONS_PER_PAGE]}/{last}",' if len(days) > SESSIONS_PER_PAGE else ""
    head = f'{{"ticker":"{_TICKER.decode()}","queryCount":{len(shown)},"resultsCount":{len(shown)},"adjusted":false,'
    tail = f'],"status":"OK","request_id":"{"0" * 32}",{rest}"count":{len(shown)}}}'
    return (head + '"results":[' + ",".join(shown) + tail).encode()


class _Vendor(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        asked = _PATH.fullmatch(address.path)
        if asked is None or parse_qs(address.query).get("adjusted") == ["true"]:
            self.send_error(404)
            return
        ticker, first, last = asked.groups()
        page = _page(date.fromisoformat(first), date.fromisoformat(last), self.server.server_address[1])
        body = igzip.compress(page.replace(_TICKER, ticker.encode()), 2)
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """One line a request would only disturb."""


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), _Vendor) as server:
        for start in range(0, len(DAYS), SESSIONS_PER_PAGE):
            _page(DAYS[start], DAYS[min(start + SESSIONS_PER_PAGE, len(DAYS)) - 1], server.server_port)
            _page(DAYS[start], DAYS[-1], server.server_port)
        print(server.server_port, flush=True)
        server.serve_forever()
