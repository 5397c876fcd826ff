"""Bars from trades, wired: which file they are read from, by which rules, and what they are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebay.bars.conditions import Unknown
from forebay.bars.trades import TradeRules
from forebay.orchestration.trade_bars import TradeBars
from forebay.orchestration.trade_check import TradeCheck
from forebay.orchestration.trade_repair import TradeRepair
from forebay.tasks.origin import Origin

if TYPE_CHECKING:
    from forebay.app.wired import App


def trade_bars(app: App) -> TradeBars:
    """Reads files of trades: the archive's, else the vendor's where its keys are set."""
    chosen = app.settings.trades
    correction = int(chosen.corrected_trades)
    archive = app.archive if app.keeps_archive else None
    files, listing = (app.paced_files, app.flatfiles) if app.has_flatfiles else (None, None)
    return TradeBars(
        Origin(files, archive, app.clock),
        listing,
        app.quarantine,
        TradeRules(Unknown(chosen.unknown_conditions), (0, correction)),
    )


def trade_check(app: App) -> TradeCheck:
    """Compares the lake with them."""
    return TradeCheck(trade_bars(app), app.lake, app.ledger)


def trade_repair(app: App) -> TradeRepair:
    """Puts them into the lake."""
    return TradeRepair(trade_check(app), app.tables, app.ledger, app.reconciler(), app.clock)
