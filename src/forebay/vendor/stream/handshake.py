"""From a connection to one that may subscribe: the greeting, the key (vendor page on streaming, section 1)."""

from __future__ import annotations

import asyncio

from forebay.errors import NotEntitled, WrongKey
from forebay.model.live import Cause, Cluster
from forebay.vendor.stream.connection import Connection, Ended
from forebay.vendor.stream.decode import statuses_in
from forebay.vendor.stream.events import Status

_FAILED = "auth_failed"


async def authenticate(connection: Connection, cluster: Cluster, api_key: str, seconds: float) -> None:
    """Wait for the greeting, show the key. `seconds` are for each of the two answers.

    Raises WrongKey, NotEntitled when the plan has no stream, Ended when the connection ends or an answer fails to come.
    """
    await _wait_for(connection, "connected", "greeting", seconds)
    await connection.send("auth", api_key)
    answer = await _wait_for(connection, "auth_success", "answer to the key", seconds)
    if answer.status == _FAILED:
        raise _refusal(cluster, answer.message)


async def _wait_for(connection: Connection, wanted: str, what: str, seconds: float) -> Status:
    try:
        async with asyncio.timeout(seconds):
            while True:
                statuses = statuses_in(await connection.receive())
                connection.note(statuses)
                for status in statuses:
                    if status.status in (wanted, _FAILED):
                        return status
    except TimeoutError:
        raise Ended(Cause.CLOSED, f"no {what} within {seconds:g} s") from None


def _refusal(cluster: Cluster, message: str) -> WrongKey | NotEntitled:
    if "plan" in message.lower():
        return NotEntitled(
            f"your plan has no stream of {cluster}; the vendor says: {message}",
            remedy="Take a plan with WebSocket access for this asset class, or leave the stream off.",
        )
    return WrongKey(
        f"the stream of {cluster} refuses the key; the vendor says: {message}",
        remedy="Check POLYGON_API_KEY: the key is on the vendor's dashboard.",
    )
