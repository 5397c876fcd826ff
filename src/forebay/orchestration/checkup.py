"""What `forebay doctor` looks at: each check ends in a finding with one remedy, and none stops the others."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from forebay.clock import Clock
from forebay.errors import ForebayError, NotEntitled
from forebay.model.calendar import last_complete_session
from forebay.model.catalogue import DATASETS, Dataset
from forebay.orchestration.entitlement import PROBES

if TYPE_CHECKING:
    from forebay.budget.redis_book import RedisBook
    from forebay.budget.shared import SharedBudget
    from forebay.lake.reading.reader import Lake
    from forebay.ledger import Ledger
    from forebay.stores.archive import Archive
    from forebay.vendor.flatfiles import FlatFiles, Published
    from forebay.vendor.rest import RestClient

_RECENT = timedelta(days=21)
"""A listing this long has a file of every dataset that is published day by day."""
_SKEW = timedelta(seconds=30)
"""SigV4 refuses a clock that is minutes off; half a minute is worth a word."""
_LOW_DISK, _FULL_DISK = 5_000_000_000, 200_000_000
"""Bytes; a year of the stocks' minute bars is about 8 GB, the ledger and a day of them under 200 MB."""
_CONNECT = 3.0
"""Seconds that a configured server may take to accept a connection."""


class Health(StrEnum):
    """How a check ended."""

    OK = "ok"
    NOTE = "note"
    """Works, but worth knowing."""
    FAULT = "fault"

    @property
    def label(self) -> str:
        """Five characters wide; a fault shouts."""
        return f"{self.value.upper() if self is Health.FAULT else self.value:5}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result."""

    subject: str
    health: Health
    detail: str
    remedy: str = ""
    """The next step; empty where all is well."""


def checked(subject: str, check: Callable[[], Finding]) -> Finding:
    """The check's finding; an error it raised is one too."""
    try:
        return check()
    except ForebayError as error:
        return Finding(subject, Health.FAULT, str(error), error.remedy)
    except OSError as error:
        return Finding(subject, Health.FAULT, str(error), "see that the folder exists and may be written")


def check_disk(home: Path) -> Finding:
    """Free space where the data live."""
    folder = next(path for path in (home, *home.absolute().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:,.1f} GB free at {folder}"
    if free >= _LOW_DISK:
        return Finding("disk", Health.OK, detail)
    health = Health.FAULT if free < _FULL_DISK else Health.NOTE
    return Finding("disk", health, detail, "free some space, or set FOREBAY_HOME to a larger disk")


def check_ledger(ledger: Ledger) -> Finding:
    """Whether the ledger can be read. Raises LedgerError."""
    return Finding("ledger", Health.OK, f"{ledger.database.name}: {sum(ledger.tasks.counts().values()):,} tasks")


def check_lake(lake: Lake) -> Finding:
    """Whether a lake can be kept where it is to be, and its tables opened. Raises LakeError, StoreError."""
    from forebay.lake.log import delta  # a doctor that looks at something else does without

    lake.home.check()
    tables = lake.tables()
    for table in tables:
        delta.open_table(lake.home.table(table))
    return Finding("lake", Health.OK, f"{lake.home.uri}: {', '.join(tables) or 'empty'}")


def check_archive(archive: Archive) -> Finding:
    """Whether the archive's store answers. Raises StoreError."""
    next(archive.store.list(), None)
    return Finding("archive", Health.OK, archive.address)


def check_redis(book: RedisBook) -> Finding:
    """Whether Redis answers us. Raises BudgetUnavailable, UsageError."""
    return Finding("Redis", Health.OK, f"{book.name} answers, version {book.version()}")


def check_budget(budget: SharedBudget) -> Finding:
    """How many calls a minute there are, and who uses them. Raises BudgetUnavailable, UsageError, LedgerError."""
    now = budget.standing()
    if not now.limit:
        return Finding("rate budget", Health.OK, "no limit: calls are not counted")
    detail = f"{now.limit:,} calls a minute, counted in {budget.book.name}: "
    detail += f"{now.used:,} in the last minute, {now.waiting:,} wait"
    if now.paused:
        detail += f"; none for {now.paused:.0f} s"
    if now.effective == now.limit:
        return Finding("rate budget", Health.OK, detail)
    remedy = "it comes back by itself; lower POLYGON_RATE_LIMIT if the vendor refuses calls again"
    return Finding("rate budget", Health.NOTE, f"{detail}; after a 429 {now.effective:,} a minute for now", remedy)


def check_rest(rest: RestClient, datasets: Iterable[Dataset], clock: Clock) -> Iterator[Finding]:
    """The API key, our clock against the vendor's, and whether the plan includes bars of these datasets.

    Costs one call, and one for each dataset; stops at a key that does not work.
    """
    try:
        vendor_time = rest.market_status_now().server_time
    except ForebayError as error:
        yield Finding("API key", Health.FAULT, str(error), error.remedy)
        return
    yield Finding("API key", Health.OK, "the vendor knows it")
    yield _clock(abs(vendor_time - clock.now()))
    for dataset in datasets:
        subject = f"plan: {dataset.asset_class} by REST"
        yield checked(subject, partial(_by_rest, subject, rest, dataset, clock))


def _clock(skew: timedelta) -> Finding:
    if skew > _SKEW:
        remedy = "set this machine's clock by NTP: signatures and session dates depend on it"
        return Finding("clock", Health.FAULT, f"{timedelta(seconds=round(skew.total_seconds()))} off", remedy)
    return Finding("clock", Health.OK, f"within {skew.total_seconds():.0f} s of the vendor's")


def _by_rest(subject: str, rest: RestClient, dataset: Dataset, clock: Clock) -> Finding:
    day = last_complete_session(dataset.calendar, clock.now() - timedelta(days=1))
    answer = rest.entitlement(PROBES[dataset.asset_class], dataset.kind.removeprefix("bars_"), day)
    return Finding(subject, Health.OK, "included") if answer.granted else _not_included(subject, answer.reason)


def check_files(files: FlatFiles, clock: Clock) -> Iterator[Finding]:
    """The S3 keys, and whether the plan includes each dataset: its newest listed file is asked for by HEAD.

    Stops at keys that do not work: every other dataset would say the same.
    """
    for dataset in DATASETS.values():
        subject = f"plan: {dataset.name}"
        finding = checked(subject, partial(_by_file, subject, files, dataset, clock))
        yield finding
        if finding.health is Health.FAULT:
            return


def _by_file(subject: str, files: FlatFiles, dataset: Dataset, clock: Clock) -> Finding:
    newest = _newest(files, dataset, clock)
    if newest is None:
        return Finding(subject, Health.NOTE, "the vendor lists no file")
    try:
        files.head(newest.key)
    except NotEntitled:
        return _not_included(subject, f"its newest file, of {newest.day}, is refused")
    return Finding(subject, Health.OK, f"included; newest file {newest.day}")


def _newest(files: FlatFiles, dataset: Dataset, clock: Clock) -> Published | None:
    """The newest file: of the last weeks, or where there is none of all time."""
    today = clock.now().date()
    for start in (today - _RECENT, dataset.first_date):
        if published := files.list(dataset, start, today).files:
            return published[-1]
    return None


def _not_included(subject: str, reason: str) -> Finding:
    remedy = "leave it out of your feeds, or extend the plan at the vendor"
    return Finding(subject, Health.NOTE, f"not included: {reason}", remedy)


def check_server(subject: str, host: str, port: int, setting: str) -> Finding:
    """Whether a configured server accepts connections; a host may be the folder of PostgreSQL's socket, as in libpq."""
    if not host:
        return Finding(subject, Health.FAULT, f"{setting} is not host:port", f"correct {setting}")
    place = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else f"{host}:{port}"
    try:
        with _connection(host, port, place):
            return Finding(subject, Health.OK, f"{place} accepts connections")
    except OSError as error:
        remedy = f"start it, correct {setting}, or remove {setting} if you do not need it"
        return Finding(subject, Health.FAULT, f"{place} does not: {error}", remedy)


def _connection(host: str, port: int, place: str) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), timeout=_CONNECT)
    local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    local.settimeout(_CONNECT)
    try:
        local.connect(place)
    except OSError:
        local.close()
        raise
    return local
