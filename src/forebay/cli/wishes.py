"""From flags and forebay.toml to feeds: what this command is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.errors import UsageError
from forebay.feeds_file import FEEDS_FILE, check_dates, check_lake_holds, dataset_named, nearest, read_feeds
from forebay.model.catalogue import BAR_DATASETS, Dataset
from forebay.model.feed import DESTINATIONS, LAKE, Feed, SourceChoice
from forebay.model.instrument import asset_class_of

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

    @property
    def by_flags(self) -> bool:
        """Whether flags say what to hold, rather than a file."""
        return any((self.datasets, self.tickers, self.start, self.end, self.source, self.into))


def feeds_asked(app: App, asked: Asked) -> list[Feed]:
    """The feeds this command is about: of its flags, or of forebay.toml together with those remembered.

    Raises UsageError for a wrong name or date, and when nothing says what to hold.
    """
    now = app.clock.now()
    if asked.by_flags:
        return [_from_flags(asked, now)]
    path = asked.feeds_file or (FEEDS_FILE if FEEDS_FILE.exists() else None)
    feeds = read_feeds(path, now) if path else []
    names = {feed.name for feed in feeds}
    feeds += [feed for feed in app.ledger.feeds.list() if feed.name not in names]
    if not feeds:
        raise UsageError(
            "nothing says what to hold: there is no forebay.toml here, and no flag names a dataset or ticker",
            remedy="`forebay init` writes a commented forebay.toml, or try "
            "`forebay sync --datasets stocks/bars_1d --tickers AAPL,MSFT --start 2026-01-02`",
        )
    return feeds


def remember(app: App, asked: Asked, feeds: Sequence[Feed]) -> None:
    """Keep what flags named in the ledger, so that `forebay status` goes on counting its gaps."""
    if asked.by_flags:
        for feed in feeds:
            app.ledger.feeds.remember(feed)


def _from_flags(asked: Asked, now: datetime) -> Feed:
    check_dates(asked.start, asked.end, now)
    datasets = tuple(dict.fromkeys(_datasets(asked)))
    symbols = tuple(dict.fromkeys(asked.tickers)) if asked.tickers else None
    destinations = tuple(known_word("destination", name, DESTINATIONS) for name in asked.into or (LAKE,))
    check_lake_holds(datasets, destinations)
    return Feed(
        name=_name(datasets, symbols, asked),
        datasets=datasets,
        symbols=symbols,
        start=asked.start,
        end=asked.end,
        source=SourceChoice(known_word("source", asked.source or SourceChoice.AUTO, list(SourceChoice))),
        destinations=destinations,
    )


def _name(datasets: Sequence[Dataset], symbols: Sequence[str] | None, asked: Asked) -> str:
    """A readable name that the same flags give again: asking twice remembers one feed."""
    who = "all" if symbols is None else ",".join(symbols)
    if len(who) > _LONGEST_NAME:
        who = f"{len(symbols or ())} tickers {sha256(who.encode()).hexdigest()[:8]}"
    dates = f"{asked.start or ''}..{asked.end or ''}"
    parts = ("+".join(dataset.table for dataset in datasets), who, "" if dates == ".." else dates, asked.source or "")
    return " ".join(part for part in parts if part)


def _datasets(asked: Asked) -> list[Dataset]:
    """The named datasets; without names the day and minute bars of the tickers' asset classes."""
    if asked.datasets:
        return [dataset_named(name) for name in asked.datasets]
    if not asked.tickers:
        raise UsageError(
            "the flags name neither a dataset nor a ticker",
            remedy="add --datasets stocks/bars_1d, or --tickers AAPL",
        )
    classes = dict.fromkeys(asset_class_of(ticker) for ticker in asked.tickers)
    return [BAR_DATASETS[f"{each}/{kind}"] for each in classes for kind in ("bars_1d", "bars_1m")]


def known_word(what: str, word: str, names: Sequence[str]) -> str:
    """`word`, if it is one of `names`. Raises UsageError that names the nearest."""
    if word not in names:
        raise UsageError(f"unknown {what} {word!r}", remedy=nearest(word, tuple(names)))
    return word
