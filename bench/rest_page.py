"""CPU that one REST page of 50,000 minute bars costs until it is a table: Forebay and the vendor's own client.

Both ask a server in this process for the same gzipped page, each in child processes of its own that are started in
turn; a child's imports are not counted. Forebay's share includes every check of the page.
"""

from __future__ import annotations

import gzip
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BARS, ROUNDS, PAGES = 50_000, 5, 3
FIRST, LAST = date(2024, 1, 2), date(2024, 3, 1)
TARGET = 0.35


def run() -> dict[str, float]:
    """Median CPU seconds a page of both clients, and the median of the rounds' ratios."""
    server = _serve(_page())
    url = f"http://127.0.0.1:{server.server_port}"
    rounds = [(_child("forebay", url), _child("massive", url)) for _ in range(ROUNDS)]
    server.shutdown()
    server.server_close()
    return {
        "bars": BARS,
        "forebay_cpu_s": statistics.median(ours for ours, _ in rounds),
        "massive_cpu_s": statistics.median(theirs for _, theirs in rounds),
        "ratio": statistics.median(ours / theirs for ours, theirs in rounds),
        "target": TARGET,
    }


def _page() -> bytes:
    """A page as the vendor sends it: minute bars of 04:00-20:00 Eastern, with prices to the cent."""
    opening = datetime(2024, 1, 2, 9, 0, tzinfo=UTC)
    bars = []
    for index in range(BARS):
        day, minute = divmod(index, 960)
        start = opening + timedelta(days=day, minutes=minute)
        price = 100 + (index * 7919 % 5000) / 100
        bars.append(
            {
                "v": 1000 + index % 977,
                "vw": round(price + 0.0123, 4),
                "o": price,
                "c": round(price + 0.02, 2),
                "h": round(price + 0.05, 2),
                "l": round(price - 0.05, 2),
                "t": int(start.timestamp() * 1000),
                "n": 10 + index % 89,
            }
        )
    page = {"ticker": "AAPL", "queryCount": BARS, "resultsCount": BARS, "adjusted": False, "results": bars}
    return gzip.compress(json.dumps(page | {"status": "OK", "request_id": "0" * 32}).encode(), 6)


def _serve(page: bytes) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """One line a request would only disturb."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _child(client: str, url: str) -> float:
    done = subprocess.run([sys.executable, __file__, client, url], check=True, capture_output=True, text=True)
    return float(done.stdout)


def _forebay(url: str) -> Callable[[], int]:
    import polars as pl

    from forebay.clock import SystemClock
    from forebay.vendor.limits import NoLimit
    from forebay.vendor.rest import RestClient

    client = RestClient(url, "key", NoLimit(), SystemClock())
    return lambda: pl.concat(client.bars("AAPL", "1m", FIRST, LAST)).height


def _massive(url: str) -> Callable[[], int]:
    import polars as pl
    from massive import RESTClient

    client = RESTClient("key", base=url)
    names = {"timestamp": "window_start", "vwap": "vwap", "transactions": "transactions"}
    columns = ("open", "high", "low", "close", "volume", "vwap", "transactions")

    def table() -> int:
        bars = client.list_aggs("AAPL", 1, "minute", FIRST, LAST, adjusted=False, sort="asc", limit=50_000)
        rows = pl.DataFrame([vars(bar) for bar in bars]).rename(names)
        start = pl.from_epoch("window_start", "ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC")
        session = start.dt.convert_time_zone("America/New_York").dt.date().alias("session_date")
        return rows.select(
            pl.lit("AAPL").alias("ticker"), start, *columns, session, pl.lit("rest").alias("source")
        ).height

    return table


def _measure(client: str, url: str) -> float:
    page = {"forebay": _forebay, "massive": _massive}[client](url)
    before = time.process_time()
    for _ in range(PAGES):
        if page() != BARS:
            raise SystemExit(f"{client} did not read {BARS} bars")
    return (time.process_time() - before) / PAGES


if __name__ == "__main__":
    print(_measure(*sys.argv[1:]) if len(sys.argv) > 1 else json.dumps(run(), indent=1))
