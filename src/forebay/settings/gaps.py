"""The group of settings of the nightly search for gaps."""

from __future__ import annotations

from typing import Literal

from forebay.settings.fields import Group, setting


class GapSettings(Group):
    """What is done about gaps."""

    repair: Literal["repair", "report"] = setting(
        "GAP_REPAIR",
        default="repair",
        about="What the nightly search does: repair fetches again what lacks, report only lists it.",
    )
    budget: int = setting(
        "GAP_BUDGET",
        default=500,
        ge=0,
        about="Gaps (sessions of a symbol) that one repair tries to close at most, the latest first.",
    )
