"""What `forebay doctor` looks at: each check ends in a finding with one remedy, and none stops the others."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from forebay.clock import Clock
from forebay.errors import ForebayError, NotEntitled
from forebay.model.calendar import last_complete_session
from forebay.model.catalogue import DATASETS, Dataset
from forebay.orchestration.entitlement import PROBES
from forebay.vendor.flatfiles import FlatFiles
from forebay.vendor.rest import RestClient

_RECENT = timedelta(days=21)
"""A listing this long has a file of every dataset that is published at all."""
_SKEW = timedelta(seconds=30)
"""SigV4 refuses a clock that is minutes off; half a minute is worth a word."""
_LOW_DISK = 5_000_000_000
"""Bytes; a day of stock trades is about 3 GB."""
_CONNECT = 3.0
"""Seconds that a configured server may take to accept a connection."""


class Health(StrEnum):
    """How a check ended."""

    OK = "ok"
    NOTE = "note"
    """Works, but worth knowing."""
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result."""

    subject: str
    health: Health
    detail: str
    remedy: str = ""


def checked(subject: str, check: Callable[[], Finding]) -> Finding:
    """The check's finding; an error it raised is one too."""
    try:
        return check()
    except ForebayError as error:
        return Finding(subject, Health.FAULT, str(error), error.remedy)
    except OSError as error:
        return Finding(subject, Health.FAULT, str(error), "see that the folder exists and may be written")


def check_rest(rest: RestClient, clock: Clock) -> Iterator[Finding]:
    """The API key, and the difference between our clock and the vendor's."""

    def ask() -> Finding:
        behind = rest.market_status_now().server_time - clock.now()
        skew = abs(behind)
        if skew > _SKEW:
            remedy = "set this machine's clock by NTP: signatures and session dates depend on it"
            return Finding("API key and clock", Health.FAULT, f"key works; the clock is {skew} off", remedy)
        return Finding("API key and clock", Health.OK, f"key works; clock within {skew.total_seconds():.0f} s")

    yield checked("API key and clock", ask)


def check_rest_entitlement(rest: RestClient, datasets: Iterable[Dataset], clock: Clock) -> Iterator[Finding]:
    """Whether the plan includes REST bars of these datasets. One call each."""
    for dataset in datasets:
        subject = f"plan: {dataset.table} by REST"

        def ask(dataset: Dataset = dataset, subject: str = subject) -> Finding:
            day = last_complete_session(dataset.calendar, clock.now() - timedelta(days=1))
            answer = rest.entitlement(PROBES[dataset.asset_class], dataset.kind.removeprefix("bars_"), day)
            return _entitled(subject, answer.granted, answer.reason)

        yield checked(subject, ask)


def check_files(files: FlatFiles, clock: Clock) -> Iterator[Finding]:
    """The S3 keys, and whether the plan includes each dataset: its newest listed file is asked for by HEAD."""
    today = clock.now().date()
    for dataset in DATASETS.values():
        subject = f"plan: {dataset.name}"

        def ask(dataset: Dataset = dataset, subject: str = subject) -> Finding:
            published = list(files.list(dataset, today - _RECENT, today))
            if not published:
                return Finding(subject, Health.NOTE, f"no file listed in the last {_RECENT.days} days")
            try:
                files.head(published[-1].key)
            except NotEntitled as error:
                return _entitled(subject, granted=False, reason=str(error))
            return Finding(subject, Health.OK, f"newest file {published[-1].day}")

        finding = checked(subject, ask)
        yield finding
        if finding.health is Health.FAULT:
            return  # wrong keys or no connection: every other dataset would say the same


def _entitled(subject: str, granted: bool, reason: str) -> Finding:
    if granted:
        return Finding(subject, Health.OK, "included")
    return Finding(subject, Health.NOTE, f"not included: {reason}", "leave it out of your feeds, or extend the plan")


def check_disk(home: Path) -> Finding:
    """Free space where the data live."""
    folder = next(path for path in (home, *home.absolute().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free at {folder}"
    if free < _LOW_DISK:
        return Finding("disk", Health.FAULT, detail, "free some space, or set FOREBAY_HOME to a larger disk")
    return Finding("disk", Health.OK, detail)


def check_server(subject: str, host: str, port: int, setting: str) -> Finding:
    """Whether a configured server accepts a connection."""
    try:
        with socket.create_connection((host, port), timeout=_CONNECT):
            return Finding(subject, Health.OK, f"{host}:{port} accepts connections")
    except OSError as error:
        remedy = f"start it, correct {setting}, or remove {setting} if you do not need it"
        return Finding(subject, Health.FAULT, f"{host}:{port} does not: {error}", remedy)
