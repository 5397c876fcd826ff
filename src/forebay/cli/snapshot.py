"""What a command shows of one snapshot that was just taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from forebay.cli.output import ExitCode, print_json, print_table, say

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.model.snapshot import Judged, Prices, Snapshot


def show_snapshot(app: App, symbol: str, *, json: bool = False) -> int:
    """Fetch, judge and print one snapshot; nothing is stored. Exit code 3 when it is not good, nor merely empty.

    Raises UsageError for what is no symbol, without an API key and for a class that has no snapshots, VendorError.
    """
    from forebay.app.snapshots import snapshots
    from forebay.model.instrument import asset_class_of
    from forebay.model.snapshot import SnapshotVerdict
    from forebay.symbols.registry_rows import check_symbol

    check_symbol(symbol)
    (judged,) = snapshots(app).look(asset_class_of(symbol), [symbol])
    if json:
        print_json(_as_json(judged))
    else:
        _show(judged)
    fine = judged.verdict in (SnapshotVerdict.GOOD, SnapshotVerdict.EMPTY)
    return ExitCode.OK if fine else ExitCode.PARTIAL


def _as_json(judged: Judged) -> dict[str, Any]:
    told = asdict(judged)
    if judged.snapshot is not None:
        told["snapshot"]["delay"] = judged.snapshot.delay.total_seconds()
    return told


def _show(judged: Judged) -> None:
    if judged.snapshot is not None:
        print_table(("what", "value"), list(_lines(judged.snapshot)))
    say(f"{judged.ticker}: {judged.verdict}")
    for reason in judged.reasons:
        say(f"  {reason}")


def _lines(shown: Snapshot) -> Iterator[tuple[str, Any]]:
    minutes = int(shown.delay.total_seconds()) // 60
    yield "asked at", f"{shown.asked_at:%Y-%m-%d %H:%M:%S} UTC"
    yield "newest word", f"{shown.moment:%Y-%m-%d %H:%M:%S} UTC" if shown.moment else None
    yield "delay", f"{minutes} minutes" if minutes else "none"
    for name in ("day", "minute", "previous"):
        yield name, _prices(getattr(shown, name))
    change = f"{shown.change:+g} ({shown.change_percent or 0:+.2f} %)" if shown.change is not None else None
    yield "change", change
    yield "last trade", f"{shown.trade.size or 0:g} at {shown.trade.price:g}" if shown.trade else None
    yield "last quote", f"{_side(shown.quote.bid)} to {_side(shown.quote.ask)}" if shown.quote else None


def _prices(prices: Prices | None) -> str | None:
    if prices is None:
        return None
    ends = f"open {prices.open:g}, high {prices.high:g}, low {prices.low:g}, close {prices.close:g}"
    return ends if prices.volume is None else f"{ends}, volume {prices.volume:,.10g}"


def _side(price: float | None) -> str:
    return "nothing" if price is None else f"{price:g}"
