"""The group of settings of `forebay consume`."""

from __future__ import annotations

from forebay.settings.fields import Group, setting


class ConsumeSettings(Group):
    """How messages are taken from Kafka into the database."""

    name: str = setting(
        "CONSUME_NAME",
        default="forebay",
        min_length=1,
        max_length=200,
        about="Name of Kafka's group and of the positions in the database. Processes of one name share the work.",
    )
    batch: int = setting(
        "CONSUME_BATCH", default=20_000, ge=1, le=500_000, about="Messages that are stored in one transaction at most."
    )
    seconds: float = setting(
        "CONSUME_SECONDS",
        default=1,
        gt=0,
        le=60,
        allow_inf_nan=False,
        about="Seconds after which what has come is stored, however few messages it is.",
    )
    topics_seconds: float = setting(
        "CONSUME_TOPICS_SECONDS",
        default=15,
        gt=0,
        allow_inf_nan=False,
        about="Seconds between two looks for topics that are new.",
    )
