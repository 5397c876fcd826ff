"""The group of settings of the daemon's schedule."""

from __future__ import annotations

from datetime import time

from forebay.settings.fields import Group, setting

_HOUR = 60


class ScheduleSettings(Group):
    """When the daemon does what."""

    gaps_at: time = setting(
        "GAP_SCAN_AT", default=time(0, 0), about="Time of day, in UTC, at which gaps are looked for, such as 00:00."
    )
    snapshot_minutes: int = setting(
        "SNAPSHOT_MINUTES",
        default=5,
        ge=1,
        le=_HOUR,
        about="Minutes between two snapshots of the registry's symbols, in the regular hours of New York's sessions.",
    )
    stream_minutes: int = setting(
        "STREAM_CHECK_MINUTES", default=1, ge=1, le=_HOUR, about="Minutes between two looks at streams."
    )
    files_minutes: int = setting(
        "FILES_MINUTES",
        default=30,
        ge=1,
        le=_HOUR,
        about="Minutes between two looks for new flat files, and for symbols that were added or are due again.",
    )
