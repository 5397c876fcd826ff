"""The settings as one frozen value, with where each came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from forebay.settings.alerts import AlertSettings
from forebay.settings.consume import ConsumeSettings
from forebay.settings.fields import Declared, Group, SecretAddresses, SecretUrl, declared, passwords_in
from forebay.settings.gaps import GapSettings
from forebay.settings.groups import (
    ArchiveSettings,
    AwsSettings,
    CsvLzoSettings,
    FileSettings,
    FlatFileSettings,
    FolderSettings,
    LakeSettings,
    LedgerSettings,
    LogSettings,
    PlanSettings,
    TradeSettings,
    VendorSettings,
    WorkerSettings,
)
from forebay.settings.schedule import ScheduleSettings
from forebay.settings.servers import KafkaSettings, QueueSettings, TimescaleSettings
from forebay.settings.service import ServiceSettings
from forebay.settings.stream import StreamSettings


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting as it may be shown: its secret parts are masked."""

    name: str
    value: str
    """Empty when it is not set."""
    origin: str
    """`default`, `.env line 3`, `environment`, `flag`, ..., with the other name where it came under one."""
    about: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, by group. Made by `forebay.settings.load`."""

    folders: FolderSettings
    vendor: VendorSettings
    flatfiles: FlatFileSettings
    plan: PlanSettings
    ledger: LedgerSettings
    lake: LakeSettings
    files: FileSettings
    archive: ArchiveSettings
    aws: AwsSettings
    csv_lzo: CsvLzoSettings
    worker: WorkerSettings
    trades: TradeSettings
    gaps: GapSettings
    schedule: ScheduleSettings
    stream: StreamSettings
    queue: QueueSettings
    kafka: KafkaSettings
    timescale: TimescaleSettings
    consume: ConsumeSettings
    service: ServiceSettings
    alerts: AlertSettings
    log: LogSettings
    origins: Mapping[str, str]
    """Preferred name of a setting to where its value came from; defaults are left out."""
    notes: tuple[str, ...] = ()
    """What looks like a slip of the pen and may be none, such as an unknown name close to a known one."""

    def entries(self) -> Iterator[Entry]:
        """Every setting, secrets masked, in a fixed order."""
        for item in DECLARED:
            value = getattr(getattr(self, item.group), item.field)
            yield Entry(item.name, _shown(value), self.origins.get(item.name, "default"), item.about)

    def secrets(self) -> frozenset[str]:
        """Every secret value, for whoever has to keep them out of what is printed."""
        found: set[str] = set()
        for item in DECLARED:
            value = getattr(getattr(self, item.group), item.field)
            if isinstance(value, SecretUrl):
                found |= passwords_in(value.get_secret_value())
            elif isinstance(value, SecretAddresses):
                found |= value.secrets()
            elif isinstance(value, SecretStr):
                found.add(value.get_secret_value())
        return frozenset(found - {""})


GROUPS: dict[str, type[Group]] = {
    "folders": FolderSettings,
    "vendor": VendorSettings,
    "flatfiles": FlatFileSettings,
    "plan": PlanSettings,
    "ledger": LedgerSettings,
    "lake": LakeSettings,
    "files": FileSettings,
    "archive": ArchiveSettings,
    "aws": AwsSettings,
    "csv_lzo": CsvLzoSettings,
    "worker": WorkerSettings,
    "trades": TradeSettings,
    "gaps": GapSettings,
    "schedule": ScheduleSettings,
    "stream": StreamSettings,
    "queue": QueueSettings,
    "kafka": KafkaSettings,
    "timescale": TimescaleSettings,
    "consume": ConsumeSettings,
    "service": ServiceSettings,
    "alerts": AlertSettings,
    "log": LogSettings,
}
DECLARED: tuple[Declared, ...] = tuple(declared(GROUPS))


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
