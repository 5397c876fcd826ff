"""The group of settings of alerts."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from forebay.settings import checks
from forebay.settings.fields import Group, SecretAddresses, setting


class AlertSettings(Group):
    """Who is told of what is wrong, and when."""

    urls: Annotated[SecretAddresses | None, BeforeValidator(checks.addresses)] = setting(
        "ALERT_URLS",
        default=None,
        about="Where alerts go, as apprise writes addresses, with commas between them: "
        "mailto://, slack://, tgram://, json:// ...; not set = nobody is told.",
    )
    repeat_hours: int = setting(
        "ALERT_REPEAT_HOURS", default=24, ge=1, about="Hours after which an alert that lasts is told again."
    )
    stale_hours: int = setting(
        "ALERT_STALE_HOURS",
        default=6,
        ge=0,
        about="Hours that a session may be published (11:00 in New York on the day after) and not be held.",
    )
    disk_percent: int = setting(
        "ALERT_DISK_PERCENT", default=10, ge=0, le=100, about="Less of a disk than this free is told, in percent."
    )

    @property
    def addresses(self) -> tuple[str, ...]:
        """Each address."""
        return self.urls.each() if self.urls else ()
