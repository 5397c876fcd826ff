"""A mirror that lies a folder deeper or higher than the archive's address: which address would fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from forebay.model.catalogue import DATASETS
from forebay.orchestration.archive.findings import Fault, Finding
from forebay.stores.store import Stored

_VENDOR_PARTS = 5
"""`prefix/folder/YYYY/MM/file`."""


@dataclass(frozen=True, slots=True)
class Strange:
    """Objects in no dataset's folder."""

    elsewhere: dict[str, int]
    """Addresses under which some of them would have the vendor's keys, and how many; the most first."""
    findings: tuple[Finding, ...]
    """Those that fit nowhere."""


def place_strangers(objects: Iterable[Stored], address: str) -> Strange:
    """Part objects, whose keys are not the vendor's at `address`, by where they would be right."""
    fits: Counter[str] = Counter()
    findings: list[Finding] = []
    for each in objects:
        if fit := _fit(each.key, address):
            fits[fit] += 1
        else:
            findings.append(Finding(Fault.FOREIGN, each.key, "it is in no dataset's folder"))
    return Strange(dict(fits.most_common()), tuple(findings))


def _fit(key: str, address: str) -> str:
    """The address that makes `key` one of the vendor's; empty when none does."""
    parts = key.split("/")
    if len(parts) > _VENDOR_PARTS and _is_vendor_key("/".join(parts[-_VENDOR_PARTS:])):
        return "/".join((address.rstrip("/"), *parts[:-_VENDOR_PARTS]))
    above = address.rstrip("/").split("/")
    missing = _VENDOR_PARTS - len(parts)
    if 0 < missing < len(above) and _is_vendor_key("/".join((*above[-missing:], *parts))):
        return "/".join(above[:-missing])
    return ""


def _is_vendor_key(key: str) -> bool:
    dataset = DATASETS.get("/".join(key.split("/")[:2]))
    return dataset is not None and dataset.day_of(key) is not None
