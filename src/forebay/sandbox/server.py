"""`Sandbox`: the simulated vendor on a port of this machine, for a `with` block."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self

import uvicorn

from forebay.clock import Clock, SystemClock
from forebay.errors import UsageError
from forebay.sandbox.desk import Desk, Switches
from forebay.sandbox.faults import Fault, Faults, read_faults
from forebay.sandbox.http import App
from forebay.sandbox.market import Market
from forebay.sandbox.ownfiles import OwnFiles
from forebay.sandbox.plans import plan_named
from forebay.sandbox.requestlog import LoggedRequest, RequestLog
from forebay.sandbox.stream.clock import MAX, checked_speed
from forebay.sandbox.stream.server import Stream, StreamLimits
from forebay.sandbox.vendor import Vendor, credentials

DEFAULT_START = date(2025, 10, 1)
_WORKERS = 4
_BACKLOG = 256
_STOPS_WITHIN = 5.0
_MOST_TICKERS = 15_000
_LAST_PORT = 65_535


def environment(
    host: str, port: int, seed: int, vendor_plan: str = "advanced", stream_port: int | None = None
) -> dict[str, str]:
    """The settings that point Forebay, and the vendor's own client, at a sandbox.

    The plan says the rate limit and which of the stream's hosts. The stream is on the next port unless told otherwise.
    """
    keys, url, plan = credentials(seed), f"http://{host}:{port}", plan_named(vendor_plan)
    stream = f"ws://{host}:{stream_port or port + 1}"
    return {
        "FOREBAY_REST_URL": url,
        "FOREBAY_FLATFILES_URL": url,
        "FOREBAY_STREAM_URL": f"{stream}/delayed" if plan.delayed else stream,
        "POLYGON_API_KEY": keys.api_key,
        "POLYGON_S3_ACCESS_KEY_ID": keys.s3.access_key,
        "POLYGON_S3_SECRET_ACCESS_KEY": keys.s3.secret,
        "POLYGON_RATE_LIMIT": str(plan.calls_a_minute),
    }


class Sandbox:
    """The vendor, simulated, from `with` to the end of the block.

    The market is a pure function of `seed` and `tickers` (stocks; other classes are few and fixed). `start` and `end`
    bound its session dates; without `end` it goes on to the clock's now. `faults` is a path to a TOML file or a list of
    rules. Everything that depends on time asks `clock`. Port 0 takes any free one. `extra_files` is a folder laid out
    as the vendor's bucket: its files replace or join the made ones, and are read from disk as they are sent.

    The stream replays the market from `stream_from` at `stream_speed` (1 to 1000, `MAX`: as fast as it is read) up to
    `stream_until`; with one of them the whole vendor lives in replayed time (`stream.clock`), without them in that of
    `clock`. It listens on `stream_port`, by default the one after `port`.

    Raises UsageError for a wrong plan, date, number, folder or fault rule, and for a port that is taken.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        tickers: int = 40,
        vendor_plan: str = "advanced",
        faults: str | Path | Iterable[Fault | Mapping[str, Any]] = (),
        start: date = DEFAULT_START,
        end: date | None = None,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        switches: Switches | None = None,
        request_log: Path | None = None,
        extra_files: str | Path | None = None,
        stream_port: int | None = None,
        stream_from: datetime | None = None,
        stream_speed: float | None = None,
        stream_until: datetime | None = None,
        stream_limits: StreamLimits | None = None,
    ) -> None:
        _check(tickers, port, start, end)
        _check_moments(stream_from, stream_until)
        rules = read_faults(Path(faults)) if isinstance(faults, str | Path) else faults
        self.seed = seed
        self._plan = vendor_plan
        self.host = host
        self.port = port
        self.market = Market(seed, tickers, start, end)
        """The truth: `market.bars(asset_class, kind, start, end)`."""
        self.stream_port = (port + 1 if port else 0) if stream_port is None else stream_port
        _check_port(self.stream_port)
        base, plan = clock or SystemClock(), plan_named(vendor_plan)
        replayed = any(one is not None for one in (stream_from, stream_speed, stream_until))
        struck = Faults(rules)
        self.stream = Stream(
            self.market,
            base,
            plan,
            credentials(seed).api_key,
            start=stream_from,
            speed=_speed(stream_speed, replayed=replayed),
            until=stream_until,
            limits=stream_limits,
            faults=struck,
        )
        """Handles of the stream: time, trouble, counts."""
        desk = Desk(self.market, self.stream.clock if replayed else base, plan, switches or Switches())
        self._log = RequestLog(request_log)
        own = OwnFiles(Path(extra_files)) if extra_files else None
        self._vendor = Vendor(desk, struck, credentials(seed), self._log, own)
        self._pool: ThreadPoolExecutor | None = None
        self._app: App | None = None
        self._server: uvicorn.Server | None = None
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens: REST below `/v1 /v2 /v3 /vX /stocks`, the bucket below `/flatfiles`."""
        return f"http://{self.host}:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The settings that point a client here, keys included."""
        return environment(self.host, self.port, self.seed, self._plan, self.stream_port)

    @property
    def stream_url(self) -> str:
        """Where the stream listens, real-time clusters below it; the delayed ones are below its `/delayed`."""
        return f"ws://{self.host}:{self.stream_port}"

    @property
    def requests(self) -> list[LoggedRequest]:
        """The requests it has answered, the oldest first."""
        return self._log.requests()

    def start(self) -> Self:
        """Listen; returns once connections are accepted."""
        listening = _listen(self.host, self.port)
        self.port = listening.getsockname()[1]
        try:
            stream = _listen(self.host, self.stream_port)
        except UsageError:
            listening.close()
            raise
        self.stream_port = stream.getsockname()[1]
        self.stream.start(stream)
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="sandbox")
        app = self._app = App(self._vendor.answer, self._pool)
        logging.getLogger("uvicorn.error").addFilter(_not_cut_on_purpose)
        config = uvicorn.Config(
            app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1, backlog=_BACKLOG
        )
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._server.run, kwargs={"sockets": [listening]}, name="sandbox", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening; stalled answers are abandoned."""
        if self._app is None or self._server is None or self._thread is None or self._pool is None:
            return
        self.stream.stop()
        self._app.close()
        self._server.should_exit = True
        self._thread.join(_STOPS_WITHIN)
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._app = self._server = self._thread = self._pool = None

    def wait(self, seconds: float) -> bool:
        """Wait for the server's end, at most `seconds`; whether it has ended."""
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _not_cut_on_purpose(record: logging.LogRecord) -> bool:
    """The web server reports every connection that a fault rule cuts or stalls to its end; it is meant."""
    return "returned without completing response" not in record.getMessage()


def _check(tickers: int, port: int, start: date, end: date | None) -> None:
    if not 1 <= tickers <= _MOST_TICKERS:
        raise UsageError(f"{tickers} tickers cannot be simulated", remedy=f"Choose from 1 to {_MOST_TICKERS}.")
    _check_port(port)
    if end is not None and end < start:
        raise UsageError(f"the market would end ({end}) before it starts ({start})", remedy="Swap the two dates.")


def _check_port(port: int) -> None:
    if not 0 <= port <= _LAST_PORT:
        raise UsageError(f"{port} is not a port", remedy=f"Choose from 1 to {_LAST_PORT}, or 0 for any free one.")


def _check_moments(start: datetime | None, until: datetime | None) -> None:
    for moment in (start, until):
        if moment is not None and moment.tzinfo is None:
            raise UsageError(f"{moment} has no time zone", remedy="Give moments of the stream in UTC.")
    if start and until and until < start:
        raise UsageError(f"the replay would end ({until}) before it starts ({start})", remedy="Swap the two moments.")


def _speed(speed: float | None, *, replayed: bool) -> float | None:
    """The speed asked for; 1 for a replay of which nothing is said, None for no replay."""
    return checked_speed(1.0 if speed is None else speed) if replayed else None


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket: from here on connections wait for the server instead of being refused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's delay off only for sockets that name it.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as problem:
        listening.close()
        message = f"cannot listen on {host}:{port}: {problem.strerror or problem}"
        raise UsageError(message, remedy="Choose another port, or 0 for any free one.") from problem
    return listening


__all__ = ["DEFAULT_START", "MAX", "Sandbox", "StreamLimits", "Switches", "environment"]
