"""Addresses of the vendor's hosts: whether they may be used, and whether two of them are one origin."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from forebay.errors import UsageError
from forebay.stores.hosts import is_local

_PORTS = {"http": 80, "https": 443}


def checked_address(url: str, setting: str) -> SplitResult:
    """Take a host's address apart. `setting` is named in errors.

    Raises UsageError for anything but `https://host`, or `http://host` on this machine or a private network:
    elsewhere plain http would show the key to everybody on the way.
    """
    try:
        origin(url)
    except ValueError as error:
        remedy = "Write it as https://host or http://localhost:8000."
        raise UsageError(f"{setting} is not a web address", remedy=remedy) from error
    parts = urlsplit(url.rstrip("/"))
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(f"{setting} holds more than a host and a path", remedy="Give keys by their own settings.")
    if parts.scheme == "http" and not is_local(parts.hostname or ""):
        raise UsageError(
            f"{setting} would send your key unencrypted to {parts.hostname}", remedy="Write https:// in front."
        )
    return parts


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address, with the port spelled out. Raises ValueError when it is no address."""
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme)
    if port is None or parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("no web address")
    return parts.scheme, parts.hostname, port
