"""Spelling rules of single values. Each takes the raw value and returns it in one form, or raises ValueError."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

from forebay.settings.fields import mask_url

_DATABASES = {"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg", "postgres"}


def http_url(value: Any) -> Any:
    """An http(s) origin without a slash at its end; https:// is added where no scheme is given."""
    if not isinstance(value, str):
        return value
    url = value if "://" in value else f"https://{value}"
    return _origin(url, "http", "https")


def stream_url(value: Any) -> Any:
    """A ws(s) origin without a slash at its end."""
    return _origin(value, "ws", "wss") if isinstance(value, str) else value


def _origin(url: str, *schemes: str) -> str:
    if urlsplit(url).scheme.lower() not in schemes or not host_and_port(url, "")[0]:
        raise ValueError(f"not an address of the form {schemes[-1]}://host[:port]")
    if "@" in urlsplit(url).netloc:
        raise ValueError("an address must not carry a user or password")
    return url.rstrip("/")


def broker_url(value: Any) -> Any:
    """A Redis URL, with or without TLS."""
    if isinstance(value, str) and (
        urlsplit(value).scheme not in ("redis", "rediss") or not host_and_port(value, "")[0]
    ):
        raise ValueError("only Redis is spoken: redis://[:password@]host:6379/0, or rediss:// for TLS")
    return value


def host_and_port(url: str, default_port: str) -> tuple[str, str]:
    """The host of `url`, empty where it has none or a port that is no number, and its port."""
    parts = urlsplit(url)
    try:
        return parts.hostname or "", str(parts.port or default_port)
    except ValueError:
        return "", default_port


def database_url(value: Any) -> Any:
    """A database URL of the two kinds that can hold a ledger."""
    if not isinstance(value, str):
        return value
    scheme = value.partition("://")[0].lower()
    if scheme not in _DATABASES or "://" not in value:
        raise ValueError(f"{mask_url(value)} is neither SQLite (sqlite:///path) nor PostgreSQL (postgresql://...)")
    return value


def addresses(value: Any) -> Any:
    """Addresses of services, each with its scheme; which of them are known is apprise's to say."""
    if isinstance(value, str) and not re.fullmatch(r"[\s,]*[A-Za-z][A-Za-z0-9+.-]*://\S.*", value):
        raise ValueError("it must be addresses of the form scheme://..., with commas between them")
    return value


def size(value: Any) -> Any:
    """A number of bytes, also with a unit: `500kB`, `20MB`, `10GB` (powers of 1000), `64MiB` (of 1024)."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?\s*", value, re.IGNORECASE)
    if found is None:
        raise ValueError("it must be a number of bytes, such as 500kB, 20MB or 10GB")
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** " kmgt".index((unit or " ").lower()))


def topic_prefix(value: Any) -> Any:
    """What names of Kafka's topics may begin with; the rest of a name needs room, too."""
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
        raise ValueError("it must be up to 100 letters, digits, `.`, `-` or `_`, and begin with a letter or digit")
    return value


def log_level(value: Any) -> Any:
    """The level in capitals, with `WARN` spelled out."""
    if not isinstance(value, str):
        return value
    level = value.strip().upper()
    return {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(level, level)


def at_home(value: Any) -> Any:
    """`~/lake` with the home folder spelled out: nothing but a shell does that, and a .env file meets none."""
    return os.path.expanduser(value) if isinstance(value, str) else value  # noqa: PTH111 - it may be a URL


def service_port(value: Any) -> Any:
    """A port number, also out of the `tcp://10.0.0.1:6379` that Kubernetes puts there for a service named redis."""
    if isinstance(value, str) and value.startswith("tcp://"):
        return urlsplit(value).port
    return value
