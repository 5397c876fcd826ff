"""A bucket of the user's: where it is, whose keys open it, and what kind of store keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

B2_HOST = ".backblazeb2.com"


@dataclass(frozen=True, slots=True)
class Keys:
    """What signs a request for a while."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = field(default=None, compare=False)
    """UTC; None: they do not expire."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket, or what lies under one prefix of it."""

    name: str
    prefix: str
    """Without slashes around it; empty for the whole bucket."""
    endpoint: str
    """With its scheme, without a slash at its end."""
    region: str
    keys: Callable[[], Keys] = field(repr=False)
    """Asked whenever the last ones have expired."""
    setting: str = "ARCHIVE_URI"
    """The setting that names the bucket, for errors."""
    keys_settings: str = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    """The settings that hold its keys, for errors."""

    @property
    def address(self) -> str:
        """`s3://bucket/prefix`."""
        return "/".join(part for part in ("s3:/", self.name, self.prefix) if part)

    @property
    def is_b2(self) -> bool:
        """Whether Backblaze B2 keeps it: versions cannot be switched off, and there are daily caps."""
        return (urlsplit(self.endpoint).hostname or "").endswith(B2_HOST)

    def path(self, key: str) -> str:
        """A key of the store as the bucket's own key, or a prefix of keys as one of the bucket's."""
        return f"{self.prefix}/{key}" if self.prefix else key

    def key(self, path: str) -> str:
        """The other way."""
        return path.removeprefix(f"{self.prefix}/") if self.prefix else path
