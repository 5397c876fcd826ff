"""`forebay gaps ... --in timescale`: how what a database lacks of the lake is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING

from forebay.cli.output import ExitCode, print_json_list, say
from forebay.errors import UsageError

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.orchestration.database_gaps import Shortfall
    from forebay.orchestration.minutes_scan import GapScope

TIMESCALE = "timescale"


def is_database(where: str) -> bool:
    """Whether `--in` names the database. Raises UsageError for a word that is neither it nor the lake."""
    if where not in ("lake", TIMESCALE):
        raise UsageError(f"--in {where}: gaps are searched in the lake or in {TIMESCALE}", remedy="--in timescale")
    return where == TIMESCALE


def show(wired: App, scopes: Iterable[GapScope], repairs: int, *, json: bool) -> int:
    """Compare, write up to `repairs` sessions of symbols, print each that lacks something; the exit code."""
    from forebay.orchestration.database_gaps import DatabaseGaps
    from forebay.sinks.timescale.store import Store

    counts = Counter[str]()
    with closing(Store(wired.settings.timescale)) as store:
        gaps = DatabaseGaps(wired.lake, store, repairs)
        found = _counted(chain.from_iterable(map(gaps.run, scopes)), counts)
        if json:
            print_json_list(asdict(each) for each in found)
        else:
            for each in found:
                say(f"{each.symbol} {each.day}: {each.missing:,} bars missing, {each.lesser:,} lesser: {each.outcome}")
            say(f"{counts['open']:,} sessions of symbols lack bars of the lake, {counts['closed']:,} are closed")
    return ExitCode.PARTIAL if counts["open"] else ExitCode.OK


def _counted(found: Iterable[Shortfall], counts: Counter[str]) -> Iterator[Shortfall]:
    for each in found:
        counts[each.outcome] += 1
        yield each
