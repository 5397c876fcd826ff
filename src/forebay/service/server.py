"""The service on a port of this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from forebay.errors import UsageError
from forebay.service.doors import is_loopback

_AT_ONCE = 1_000
"""Connections; those beyond are told to come again (503)."""
_WAITING = 1_000
"""Connections that the system keeps until the service takes them."""
_IDLE = 30
"""Seconds that a connection may be silent between two requests."""
_STOPS_WITHIN = 10
"""Seconds that requests at work have when the service is stopped."""


def check_address(host: str, *, has_token: bool) -> None:
    """Raise UsageError for an address that other machines can reach, when nothing keeps them out."""
    if not has_token and not is_loopback(host):
        raise UsageError(
            f"without a token the service listens on this machine alone, and --host is {host}",
            remedy="set FOREBAY_API_TOKEN, or leave --host 127.0.0.1",
        )


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens on `host`; port 0 takes any free one. Raises UsageError when it cannot be had.

    Who connects before the service answers waits and is not refused: its address may be told at once.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as found:
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((host, port))
            found.listen(_WAITING)
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"the service cannot listen on {host}:{port}: {error}", remedy="choose another --port or --host"
            ) from error
        yield found


def run(service: FastAPI, found: socket.socket) -> None:
    """Answer on `found` until Ctrl-C or SIGTERM, which is raised again once requests at work are done."""
    config = uvicorn.Config(
        service,
        log_config=None,
        server_header=False,
        limit_concurrency=_AT_ONCE,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_STOPS_WITHIN,
    )
    _Server(config).run([found])


class _Server(uvicorn.Server):
    """One that does not wait for pages that listen."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, and have every stream of events end."""
        self.config.app.state.events.stop()  # type: ignore[union-attr]
        super().handle_exit(sig, frame)


def run_reloading(host: str, port: int) -> None:
    """The same for who works on the code: it starts again whenever a file of it changes."""
    uvicorn.run("forebay.service.api:app", host=host, port=port, reload=True, log_config=None, server_header=False)
