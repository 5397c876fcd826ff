"""How the stream's tests listen: a plain WebSocket client, frame by frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import polars as pl
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from forebay.sandbox.server import Sandbox

SECONDS = 20.0
"""No wait is longer."""
_SHORT = 0.05
Event = dict[str, Any]


class Ear:
    """One connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def frame(self) -> list[Event]:
        """The next frame's events."""
        return json.loads(self.socket.recv(SECONDS))

    def statuses(self) -> list[tuple[str, str]]:
        """The next frame, which must be of status events."""
        events = self.frame()
        assert {"status"} == {event["ev"] for event in events}
        return [(event["status"], event["message"]) for event in events]

    def say(self, action: str, params: str) -> None:
        """Send a control message."""
        self.socket.send(json.dumps({"action": action, "params": params}))

    def subscribe(self, *wanted: str) -> list[str]:
        """Subscribe; the messages of the answer, up to whose frame data are skipped."""
        self.say("subscribe", ",".join(wanted))
        while True:
            events = self.frame()
            if events[0]["ev"] == "status":
                return [event["message"] for event in events]

    def data(self) -> Iterator[Event]:
        """Every event until the connection ends; statuses left out."""
        try:
            while True:
                yield from (event for event in self.frame() if event["ev"] != "status")
        except ConnectionClosed:
            return

    def heard_until(self, vendor: Sandbox, moment: datetime) -> list[Event]:
        """The data that come before the replay is at `moment`; the connection stays."""
        found: list[Event] = []
        while True:
            over = vendor.stream.clock.now() >= moment
            try:
                found += [event for event in json.loads(self.socket.recv(_SHORT)) if event["ev"] != "status"]
            except TimeoutError:
                if over:
                    return found


@contextmanager
def listening(vendor: Sandbox, place: str = "stocks", *wanted: str, key: str = "") -> Iterator[Ear]:
    """An authenticated connection, subscribed to what is wanted."""
    with knocking(vendor, place) as ear:
        ear.say("auth", key or vendor.env["POLYGON_API_KEY"])
        assert [("auth_success", "authenticated")] == ear.statuses()
        if wanted:
            assert [f"subscribed to: {one}" for one in wanted] == ear.subscribe(*wanted)
        yield ear


@contextmanager
def knocking(vendor: Sandbox, place: str = "stocks") -> Iterator[Ear]:
    """A connection that has said nothing yet."""
    with connect(f"{vendor.stream_url}/{place}", compression=None, max_size=None, close_timeout=1) as socket:
        ear = Ear(socket)
        assert [("connected", "Connected Successfully")] == ear.statuses()
        yield ear


def bars_of(events: list[Event]) -> pl.DataFrame:
    """Stock bars as the market's truth has them, the last one of each symbol and start."""
    rows = {(event["sym"], event["s"]): event for event in events}
    return pl.DataFrame(
        [(e["sym"], e["s"], e["o"], e["h"], e["l"], e["c"], float(e["dv"])) for e in rows.values()],
        schema=["ticker", "start", "open", "high", "low", "close", "volume"],
        orient="row",
    ).sort("ticker", "start")
