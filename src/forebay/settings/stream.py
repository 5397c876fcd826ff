"""The group of settings of live data."""

from __future__ import annotations

from typing import Literal

from forebay.settings.fields import Group, setting


class StreamSettings(Group):
    """How the stream is listened to, and what is done with what it brings."""

    overflow: Literal["shed", "stop"] = setting(
        "STREAM_OVERFLOW",
        default="shed",
        about="When frames come faster than they are taken on: shed lets some go, counts them and refills them later; "
        "stop reads no further, until the vendor ends the connection.",
    )
    queue: int = setting(
        "STREAM_QUEUE", default=50_000, ge=1000, le=10_000_000, about="Messages that wait for each sink at most."
    )
    lake_seconds: float = setting(
        "STREAM_LAKE_SECONDS",
        default=15,
        gt=0,
        le=600,
        allow_inf_nan=False,
        about="Seconds between two commits of live minute bars to the lake.",
    )
    refill_calls: int = setting(
        "STREAM_REFILL_CALLS",
        default=1000,
        ge=0,
        about="REST calls of one refill of a wildcard at most, for the busiest symbols; the rest waits "
        "for the day's flat file.",
    )
    cooldown: float = setting(
        "STREAM_COOLDOWN",
        default=90,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        about="Seconds to wait at least when another connection of the account took the stream's place.",
    )
    silence: float = setting(
        "STREAM_SILENCE",
        default=300,
        gt=0,
        le=3600,
        allow_inf_nan=False,
        about="Seconds without any event in regular hours, after which the connection is given up and made anew.",
    )
