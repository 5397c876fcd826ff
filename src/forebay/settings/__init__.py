"""What a user can set: the groups, and `load`, the only reader of the environment.

Nothing here opens a database, a store or a connection, and no other room reads `os.environ`.
"""

from __future__ import annotations

from forebay.settings.consume import ConsumeSettings
from forebay.settings.groups import (
    ArchiveSettings,
    AwsSettings,
    FlatFileSettings,
    FolderSettings,
    LakeSettings,
    LedgerSettings,
    LogSettings,
    PlanSettings,
    VendorSettings,
    WorkerSettings,
)
from forebay.settings.load import load
from forebay.settings.servers import KafkaSettings, QueueSettings, TimescaleSettings
from forebay.settings.service import ServiceSettings
from forebay.settings.settings import Entry, Settings

__all__ = [
    "ArchiveSettings",
    "AwsSettings",
    "ConsumeSettings",
    "Entry",
    "FlatFileSettings",
    "FolderSettings",
    "KafkaSettings",
    "LakeSettings",
    "LedgerSettings",
    "LogSettings",
    "PlanSettings",
    "QueueSettings",
    "ServiceSettings",
    "Settings",
    "TimescaleSettings",
    "VendorSettings",
    "WorkerSettings",
    "load",
]
