"""The group of settings of the HTTP service."""

from __future__ import annotations

from pydantic import SecretStr

from forebay.settings.fields import Group, setting


class ServiceSettings(Group):
    """Who may ask over HTTP."""

    token: SecretStr | None = setting(
        "FOREBAY_API_TOKEN",
        default=None,
        verbatim=True,
        about="What `forebay serve` wants as a bearer token; not set = it answers this machine alone.",
    )
    read_token: SecretStr | None = setting(
        "FOREBAY_API_READ_TOKEN",
        default=None,
        verbatim=True,
        about="A token that opens every page and answer of `forebay serve`, and no action; not set = there is none.",
    )

    @property
    def has_token(self) -> bool:
        """Whether a token must be shown."""
        return self.token is not None or self.read_token is not None
