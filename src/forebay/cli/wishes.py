"""From flags and forebay.toml to feeds: what this command is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import as_date
from forebay.cli.output import tell
from forebay.errors import UsageError
from forebay.feeds_file import check_bars_for_files, check_dates, dataset_named, nearest
from forebay.model.calendar import NEW_YORK
from forebay.model.catalogue import BAR_DATASETS, Dataset
from forebay.model.feed import DESTINATIONS, LAKE, Feed, SourceChoice, from_lake, is_destination
from forebay.model.instrument import asset_class_of
from forebay.model.timeframe import TIMEFRAMES, base_of, timeframes_named

if TYPE_CHECKING:
    from forebay.app import App

_LONGEST_NAME = 60
"""Characters of tickers in a remembered feed's name."""

FeedsFile = Annotated[
    Path | None, typer.Option("--feeds", metavar="FILE", help="Read the feeds from FILE instead of forebay.toml.")
]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the flags of a command said."""

    feeds_file: Path | None = None
    datasets: Sequence[str] | None = None
    tickers: Sequence[str] | None = None
    start: date | None = None
    end: date | None = None
    source: str | None = None
    into: Sequence[str] | None = None
    timeframes: Sequence[str] | None = None
    """Which bars of the tickers, as users write sizes; None is all of them."""

    @property
    def by_flags(self) -> bool:
        """Whether flags say what to hold, rather than a file."""
        named = (self.datasets, self.tickers, self.timeframes)
        return any((*named, self.start, self.end, self.source, self.into))

    @property
    def sizes(self) -> Sequence[str]:
        """The sizes of bars that were meant: those named, or all where only tickers were; none with datasets."""
        return self.timeframes or (TIMEFRAMES if self.tickers and not self.datasets else ())


def feeds_asked(app: App, asked: Asked) -> list[Feed]:
    """The feeds this command is about: of its flags, or of forebay.toml together with those remembered.

    Raises UsageError for a wrong name or date, for archives that share a place, and when nothing says what to hold.
    """
    from forebay.orchestration.bar_places import refuse_shared_places

    feeds = (
        [_from_flags(_placed(app, asked), app.clock.now())] if asked.by_flags else known_feeds(app, asked.feeds_file)
    )
    if not feeds:
        raise UsageError(
            "nothing says what to hold: there is no forebay.toml here, and no flag names a dataset or ticker",
            remedy="`forebay init` writes a commented forebay.toml, or try "
            "`forebay sync --datasets stocks/bars_1d --tickers AAPL,MSFT --start 2026-01-02`",
        )
    refuse_shared_places(app.ledger, feeds)
    return feeds


def _placed(app: App, asked: Asked) -> Asked:
    """With each csv.lzo archive, Kafka and database named in full: feeds of two places are to have two names."""
    return replace(asked, into=[app.place(name) for name in asked.into]) if asked.into else asked


def known_feeds(app: App, feeds_file: Path | None = None) -> list[Feed]:
    """The feeds of forebay.toml (or of `feeds_file`), and those remembered under other names. Raises UsageError."""
    from forebay.app.feeds import known_feeds

    return known_feeds(app, feeds_file)


def remember(app: App, asked: Asked, feeds: Sequence[Feed]) -> None:
    """Keep what flags named in the ledger, so that `forebay status` goes on counting its gaps."""
    if asked.by_flags:
        for feed in feeds:
            app.ledger.feeds.remember(feed)


def _from_flags(asked: Asked, now: datetime) -> Feed:
    check_dates(asked.start, asked.end, now)
    datasets = tuple(dict.fromkeys(_datasets(asked)))
    symbols = tuple(dict.fromkeys(asked.tickers)) if asked.tickers else None
    destinations = destinations_named(asked.into or [LAKE])
    check_bars_for_files(datasets, destinations)
    return Feed(
        name=_name(datasets, symbols, asked),
        datasets=datasets,
        symbols=symbols,
        start=asked.start,
        end=asked.end,
        source=SourceChoice(_known("source", asked.source or SourceChoice.AUTO, list(SourceChoice))),
        destinations=destinations,
        timeframes=timeframes_named(asked.timeframes or ()) if any(map(from_lake, destinations)) else (),
    )


def _name(datasets: Sequence[Dataset], symbols: Sequence[str] | None, asked: Asked) -> str:
    """A readable name that the same flags give again: asking twice remembers one feed."""
    who = "all" if symbols is None else ",".join(symbols)
    if len(who) > _LONGEST_NAME:
        who = f"{len(symbols or ())} tickers {sha256(who.encode()).hexdigest()[:8]}"
    dates = f"{asked.start or ''}..{asked.end or ''}"
    tables = "+".join(dataset.table for dataset in datasets)
    copies = [place for place in asked.into or () if from_lake(place)]
    made = " ".join(("in", ",".join(copies), *(asked.timeframes or ()))) if copies else ""
    parts = (tables, who, "" if dates == ".." else dates, asked.source or "", made)
    return " ".join(part for part in parts if part)


def _datasets(asked: Asked) -> list[Dataset]:
    """The named datasets; without names what the timeframes take of the tickers' asset classes, small tables first."""
    if asked.datasets and asked.timeframes:
        raise UsageError(
            "--datasets and --timeframes both say which bars to hold",
            remedy="give one of them: --timeframes with --tickers, or --datasets",
        )
    if asked.datasets:
        return [dataset_named(name) for name in asked.datasets]
    if not asked.tickers:
        raise UsageError(
            "the flags name neither a dataset nor a ticker",
            remedy="add --datasets stocks/bars_1d, or --tickers AAPL",
        )
    classes = dict.fromkeys(asset_class_of(ticker) for ticker in asked.tickers)
    kinds = {base_of(timeframe) for timeframe in timeframes_named(asked.timeframes or TIMEFRAMES)}
    return [BAR_DATASETS[f"{each}/{kind}"] for each in classes for kind in sorted(kinds)]


def settle_archive(app: App) -> None:
    """See where the archive is, and take over what an earlier system's tracker says of it. Raises UsageError."""
    app.settle_archive()
    taken = app.take_over()
    if taken:
        tell(f"taken over from the earlier tracker: {taken.adopted:,} files held, {taken.queued:,} queued")
        for reason in taken.refused:
            tell(f"note: {reason}")
        for key in taken.unknown:
            tell(f"note: {key!r} in the earlier tracker is no flat file that the vendor can have; it is left alone")


def destinations_named(names: Sequence[str]) -> tuple[str, ...]:
    """The destinations that a person names. Raises UsageError."""
    known = (name if is_destination(name) else _known("destination", name, DESTINATIONS) for name in names)
    return tuple(dict.fromkeys(known))


def check_dates_named(texts: Sequence[str], now: datetime) -> list[date]:
    """Dates of a list, sorted, each once. Raises UsageError that names every bad one."""
    today = now.astimezone(NEW_YORK).date()
    dates = {text: as_date(text) for text in texts}
    bad = [f"{text!r} is not a date of the form YYYY-MM-DD" for text, day in dates.items() if day is None]
    bad += [f"{day} is in the future" for day in dates.values() if day is not None and day > today]
    if bad:
        raise UsageError("; ".join(bad), remedy="correct the list; nothing was done")
    return sorted({day for day in dates.values() if day is not None})


def _known(what: str, word: str, names: Sequence[str]) -> str:
    if word not in names:
        raise UsageError(f"unknown {what} {word!r}", remedy=nearest(word, tuple(names)))
    return word
