"""Which deliveries a file's rows are of, in its footer: so that a lake still proves its revisions once compacted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from forebay.errors import LakeError
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Revision, Source

KEY = "forebay.deliveries"
"""Of the footer's entry: a list in JSON."""
_UNKNOWN = datetime.min.replace(tzinfo=UTC)
Counts = Mapping[tuple[str, date], int]
"""Rows by ticker and session date; by `*` and session date where a delivery is of all symbols."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one source said at one time: the rows of `symbol` (or all) on `dates`."""

    symbol: str
    dates: Interval
    source: Source
    revision: Revision | None
    """Of the vendor's file; None for REST, and where it was not noted."""
    rows: int
    """As delivered."""
    held: int
    """Those in this file. A table has a delivery whole when its files hold `rows` of it together."""
    newest: date
    """Its last session date with a row."""
    fixed: frozenset[tuple[str, int]] = frozenset()
    """Known defects of the vendor's file that were put right on the way in, each with the rows that it changed."""

    @property
    def whole(self) -> Delivery:
        """The delivery itself, whatever a file holds of it."""
        return self.part(0)

    def part(self, held: int) -> Delivery:
        """The same where a file has `held` rows of it."""
        return replace(self, held=held)


def day_delivery(day: date, revision: Revision | None, rows: int, fixed: Mapping[str, int] | None = None) -> Delivery:
    """A day's flat file."""
    fixes = frozenset((fixed or {}).items())
    return Delivery(ALL_SYMBOLS, Interval(day, day), Source.FLATFILE, revision, rows, rows, day, fixes)


def range_delivery(symbol: str, dates: Interval, rows: pl.DataFrame) -> Delivery:
    """What REST said of a symbol (or of all) on these dates; at least one row."""
    newest = rows["session_date"].max()
    assert isinstance(newest, date), "a delivery without rows is none"
    return Delivery(symbol, dates, Source.REST, None, rows.height, rows.height, newest)


def facts(deliveries: Iterable[Delivery]) -> dict[str, str]:
    """The footer's entry. The same deliveries are always spelled the same."""
    spelled = sorted((_spell(each) for each in deliveries), key=lambda one: (one["first"], one["symbol"], one["last"]))
    return {KEY: json.dumps(spelled, separators=(",", ":"), sort_keys=True)}


def day_facts(day: date, revision: Revision) -> Callable[[int, Mapping[str, int]], dict[str, str]]:
    """For whoever writes a day's flat file: its footer's entry, by the number of rows and the defects put right."""
    return lambda rows, fixed: facts([day_delivery(day, revision, rows, fixed)] if rows else [])


def read_facts(entries: Mapping[bytes, bytes] | None, path: str) -> list[Delivery] | None:
    """What a footer says; None when it says nothing. Raises LakeError when it cannot be understood."""
    found = (entries or {}).get(KEY.encode())
    if found is None:
        return None
    try:
        return [_read(each) for each in json.loads(found)]
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"{path}: its footer's {KEY} cannot be understood: {error!r}",
            remedy="load its days again: forebay lake load --again",
        ) from error


def counted(rows: pl.DataFrame, source: Source) -> dict[tuple[str, date], int]:
    """Rows by what tells deliveries of a source apart: of flat files the day, else the ticker too."""
    if source is Source.FLATFILE:
        return {(ALL_SYMBOLS, day): count for day, count in rows.group_by("session_date").len().iter_rows()}
    found = rows.group_by("ticker", "session_date").len()
    return {(ticker, day): count for ticker, day, count in found.iter_rows()}


def shared_out(deliveries: Iterable[Delivery], counts: Counts) -> list[Delivery]:
    """What each delivery has of the rows counted; those with none are left out.

    Where two deliveries may have brought a row it is the narrower one's: of one symbol before of all, of fewer days
    before of more. At worst neither is whole then, and both are asked for again. Of a day's revisions it is the
    newest's: the rows that it brought anew are among those that it left as they were.
    """
    offered: dict[str, list[Delivery]] = {}
    newest_first = sorted({each.whole for each in deliveries}, key=_published, reverse=True)
    for delivery in sorted(newest_first, key=lambda each: each.dates.days):
        offered.setdefault(delivery.symbol, []).append(delivery)
    held: dict[Delivery, int] = {}
    for (ticker, day), count in counts.items():
        takers = [*offered.get(ticker, ()), *(offered.get(ALL_SYMBOLS, ()) if ticker != ALL_SYMBOLS else ())]
        taker = next((each for each in takers if day in each.dates), None)
        if taker:
            held[taker] = held.get(taker, 0) + count
    return [delivery.part(count) for delivery, count in held.items()]


def untouched(deliveries: Iterable[Delivery], gone: Iterable[tuple[str, date]]) -> list[Delivery]:
    """Those that lose nothing when rows of these (ticker, session date) go: one that lost some proves nothing."""
    days: dict[str, set[date]] = {ALL_SYMBOLS: set()}
    for ticker, day in gone:
        days.setdefault(ticker, set()).add(day)
        days[ALL_SYMBOLS].add(day)
    return [each for each in deliveries if not any(day in each.dates for day in days.get(each.symbol, ()))]


def _published(delivery: Delivery) -> tuple[datetime, int]:
    """Rises with the revision; by their rows where there is none, so that it is no chance."""
    revision = delivery.revision
    return revision.last_modified if revision else _UNKNOWN, delivery.rows


def _spell(delivery: Delivery) -> dict[str, Any]:
    revision = delivery.revision
    return {
        "symbol": delivery.symbol,
        "first": delivery.dates.start.isoformat(),
        "last": delivery.dates.end.isoformat(),
        "source": delivery.source.value,
        "revision": revision and [revision.etag, revision.size, revision.last_modified.isoformat()],
        "rows": delivery.rows,
        "held": delivery.held,
        "newest": delivery.newest.isoformat(),
        **({"fixed": dict(sorted(delivery.fixed))} if delivery.fixed else {}),
    }


def _read(found: Mapping[str, Any]) -> Delivery:
    revision = None
    if found["revision"]:
        etag, size, modified = found["revision"]
        revision = Revision(str(etag), int(size), datetime.fromisoformat(modified))
    return Delivery(
        symbol=str(found["symbol"]),
        dates=Interval(date.fromisoformat(found["first"]), date.fromisoformat(found["last"])),
        source=Source(found["source"]),
        revision=revision,
        rows=int(found["rows"]),
        held=int(found["held"]),
        newest=date.fromisoformat(found["newest"]),
        fixed=frozenset((str(name), int(rows)) for name, rows in found.get("fixed", {}).items()),
    )
