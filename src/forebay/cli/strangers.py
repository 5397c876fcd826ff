"""Work done while the user waits, and a second look at tickers that nobody knows and nothing came for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from forebay.cli.output import tell

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.orchestration.status import Status
    from forebay.orchestration.sync import Prospect

_ASKED_FOR = 20
"""Unknown tickers that are looked into: each costs up to three calls."""


def fetch(app: App, prospect: Prospect, *, interactive: bool = False) -> tuple[Status, bool]:
    """Work a plan off; what is held then, and whether it named a ticker that does not exist.

    A file or an answer for the whole market holds no OTC tickers. One that turns out to be of them is planned again.
    """
    from forebay.cli.foreground import work_off
    from forebay.orchestration.ingest.lake_rows import silent

    status = work_off(app, prospect, interactive=interactive)
    if not (prospect.plan.lines and status.all_held and app.has_rest):
        return status, False
    strange = silent(app.lake, app.universes, prospect.wishes)
    unknown = _look_into(app, strange) if strange else ()
    if any(life.otc for life in app.universes.lifetimes(strange).values()):
        again = replace(prospect, plan=app.planner().plan(prospect.wishes))
        status = work_off(app, again, interactive=interactive)
    return status, bool(unknown)


def _look_into(app: App, strange: Sequence[str]) -> Collection[str]:
    """Tell those that the vendor does not know, OTC tickers and those without trades apart; the first of them."""
    from forebay.symbols.unknown import unknown_tickers

    asked = strange[:_ASKED_FOR]
    unknown = unknown_tickers(app.rest, app.universes, asked, app.clock.now().date(), at_most=_ASKED_FOR)
    known = app.universes.lifetimes(asked)
    for ticker in asked:
        if ticker in unknown:
            tell(f"note: the vendor knows no ticker {ticker}: `forebay discover` lists them, case-sensitive")
        elif ticker in known and known[ticker].otc:
            tell(f"note: {ticker} is traded over the counter: it is in no file or answer for the whole market")
        else:
            tell(f"note: {ticker} is a ticker, and had no trades on these dates")
    if len(strange) > _ASKED_FOR:
        tell(
            f"note: nothing came for {len(strange) - _ASKED_FOR} more tickers that are in no universe: "
            "`forebay discover us_equities etf otc` tells whether they exist, and which are traded over the counter"
        )
    return unknown
