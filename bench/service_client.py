"""Many clients at once over kept connections, with as little of their own to do as can be."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Load:
    """What some clients saw."""

    answers: int
    errors: int
    seconds: float
    p99: float
    """Milliseconds."""

    @property
    def per_second(self) -> float:
        return self.answers / self.seconds


def load(port: int, path: str, *, clients: int, requests: int) -> Load:
    """`requests` of each client for `path`, one after the other; its `{client}` is the client's number."""
    return asyncio.run(_load(port, path, clients, requests))


async def _load(port: int, path: str, clients: int, requests: int) -> Load:
    began = time.perf_counter()
    seen = await asyncio.gather(*(_client(port, path.format(client=number), requests) for number in range(clients)))
    seconds = time.perf_counter() - began
    times = [took for each in seen for took, _ in each]
    errors = sum(status != 200 for each in seen for _, status in each)
    return Load(len(times), errors, seconds, float(np.percentile(times, 99)) * 1000)


async def _client(port: int, path: str, requests: int) -> list[tuple[float, int]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asked = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    seen = []
    for _ in range(requests):
        began = time.perf_counter()
        writer.write(asked)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        await reader.readexactly(length)
        seen.append((time.perf_counter() - began, int(head.split()[1])))
    writer.close()
    return seen
