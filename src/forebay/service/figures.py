"""Figures of what is kept, found when a monitor asks: part by part, so that one that is away hides no other."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from forebay.model.registry import IngestionStatus, Phase, SymbolRegistry
from forebay.service.consumer_figures import consumer_figures
from forebay.service.held_figures import held_figures
from forebay.service.live_figures import live_figures
from forebay.service.sparing import Part
from forebay.service.stored_figures import home_figures, lake_figures
from forebay.service.work_figures import call_figures, queue_figures, work_figures

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.service.desk import Desk

MOST_SYMBOLS = 500
"""Symbols that have figures of their own, the first in byte order: a monitor keeps each for months."""
_PATIENCE = 4.0
"""Seconds for all parts together; a monitor gives a scrape up after ten."""


class Figures(Collector):
    """How much came, how much failed, what lacks, how long it took, what waits, and what it all takes."""

    def __init__(self, desk: Desk) -> None:
        self._parts = (
            Part("ledger", lambda: _ledger(_opened(desk)), share=0),
            Part("work", lambda: work_figures(_opened(desk), _own(_opened(desk)))),
            Part("held", lambda: held_figures(_opened(desk))),
            Part("calls", lambda: call_figures(_opened(desk)), share=0),
            Part("lake", lambda: lake_figures(desk.lake)),
            Part("home", lambda: home_figures(desk.app)),
        )

    def collect(self) -> Iterator[Metric]:
        """Every family that can be had, and of which part there is none now."""
        for part in self._parts:
            part.begin()
        until = time.monotonic() + _PATIENCE
        ups = GaugeMetricFamily("forebay_figures_up", "Whether the figures of a part could be had.", labels=["part"])
        for part in self._parts:
            told = part.told(until - time.monotonic())
            ups.add_metric([part.name], told.up)
            if part.name == "ledger":
                yield GaugeMetricFamily("forebay_ledger_up", "Whether the ledger's database answers.", value=told.up)
            yield from told.families
        yield ups

    def describe(self) -> Iterator[Metric]:
        """Nothing: the ledger may be away when the service starts."""
        yield from ()


def _opened(desk: Desk) -> App:
    """The application, its ledger and registry open. Raises LedgerError."""
    _ = desk.ledger, desk.registry
    return desk.app


def _own(app: App) -> Sequence[SymbolRegistry]:
    return app.registry.list(limit=MOST_SYMBOLS)


def _ledger(app: App) -> Iterator[Metric]:
    yield from queue_figures(app)
    yield from _symbols(app.registry.list())
    yield from live_figures(app)
    yield from consumer_figures(app)


def _symbols(entries: Sequence[SymbolRegistry]) -> Iterator[Metric]:
    statuses = GaugeMetricFamily("forebay_symbols", "Symbols of the registry by status.", labels=["status"])
    counted = Counter(entry.status for entry in entries)
    for status in IngestionStatus:
        statuses.add_metric([status], counted[status])
    yield statuses
    failures = GaugeMetricFamily("forebay_symbol_failures", "Runs that failed since one succeeded.", labels=["symbol"])
    last = GaugeMetricFamily(
        "forebay_symbol_last_timestamp_seconds", "When a phase last ended well.", labels=["symbol", "phase"]
    )
    for entry in entries[:MOST_SYMBOLS]:
        failures.add_metric([entry.symbol], entry.failures)
        times = {
            Phase.BACKFILL: entry.last_backfill,
            Phase.SNAPSHOT: entry.last_snapshot,
            Phase.STREAM: entry.last_stream,
        }
        for phase, moment in times.items():
            if moment:
                last.add_metric([entry.symbol, phase], moment.timestamp())
    yield from (failures, last)
