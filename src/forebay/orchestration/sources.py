"""Where a gap is filled from: flat files beyond the hybrid boundary, REST inside it, unless the other is cheaper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from forebay.errors import UsageError
from forebay.model.feed import SourceChoice
from forebay.model.partition import Revision, Source
from forebay.orchestration.chunks import fetch_drafts
from forebay.orchestration.plan import Rates
from forebay.orchestration.wanted import Wish


@dataclass(frozen=True, slots=True)
class Means:
    """What this installation can use: which keys it has, how far back "recent" goes, what things cost."""

    flatfiles: bool
    rest: bool
    today: date
    hybrid_boundary: timedelta
    rates: Rates


@dataclass(frozen=True, slots=True)
class Choice:
    """These gap days of a wish come from this source, for this reason."""

    source: Source
    gaps: Mapping[str, list[date]]
    """Symbol to its missing days."""
    why: str


def choose(wish: Wish, gaps: Mapping[str, list[date]], listed: Mapping[date, Revision], means: Means) -> list[Choice]:
    """Split the gaps of a wish by source.

    Raises UsageError when neither source can serve them: a key is missing, or it would take a list of symbols.
    """
    fixed = _only_source(wish, means)
    if fixed:
        source, why = fixed
        return [Choice(source, gaps, why)]
    boundary = means.today - means.hybrid_boundary
    age = f"{means.hybrid_boundary.days} days"
    older = _only(gaps, lambda day: day in listed and day < boundary)
    newer = _only(gaps, lambda day: day in listed and day >= boundary)
    unlisted = _only(gaps, lambda day: day not in listed)
    choices = [
        Choice(Source.REST, unlisted, "not published as a file"),
        _cheaper(wish, older, listed, means, Source.FLATFILE, f"older than {age}"),
        _cheaper(wish, newer, listed, means, Source.REST, f"within the last {age}"),
    ]
    return [choice for choice in choices if choice.gaps]


def _only(gaps: Mapping[str, list[date]], keep: Callable[[date], bool]) -> dict[str, list[date]]:
    kept = {symbol: [day for day in days if keep(day)] for symbol, days in gaps.items()}
    return {symbol: days for symbol, days in kept.items() if days}


def _only_source(wish: Wish, means: Means) -> tuple[Source, str] | None:
    """The source when there is nothing to weigh."""
    asked = wish.feed.source
    if not wish.files:
        return Source.REST, "the plan does not include its flat files"
    if asked is SourceChoice.FLATFILES or (asked is SourceChoice.AUTO and wish.whole_market and means.flatfiles):
        _require(means.flatfiles, "flat files", wish, "POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY")
        return Source.FLATFILE, "asked for" if asked is SourceChoice.FLATFILES else "one file holds the whole market"
    if asked is SourceChoice.REST or not means.flatfiles:
        _require(means.rest, "REST", wish, "POLYGON_API_KEY")
        _refuse_whole_market_minutes(wish)
        return Source.REST, "asked for" if asked is SourceChoice.REST else "no flat-file keys are set"
    if not means.rest:
        return Source.FLATFILE, "no API key is set"
    return None


def _require(present: bool, what: str, wish: Wish, variables: str) -> None:
    if not present:
        raise UsageError(
            f"feed {wish.feed.name!r} needs {what} for {wish.dataset.name}, and there is no key for it",
            remedy=f"set {variables} in .env, or try `forebay sandbox`, which needs no account",
        )


def _refuse_whole_market_minutes(wish: Wish) -> None:
    if wish.whole_market and wish.dataset.table not in GROUPED_TABLES:
        raise UsageError(
            f"feed {wish.feed.name!r} wants {wish.dataset.table} of all symbols, and REST gives one symbol at a time",
            remedy="name the symbols in the feed, or set the flat-file keys: one file holds every symbol",
        )


GROUPED_TABLES = frozenset({"stocks/bars_1d", "crypto/bars_1d", "forex/bars_1d"})
"""What one grouped-daily call returns whole (REST page, section 2)."""


def _cheaper(
    wish: Wish,
    gaps: Mapping[str, list[date]],
    listed: Mapping[date, Revision],
    means: Means,
    default: Source,
    age: str,
) -> Choice:
    """The default source for days of that age, or the other when it takes less time."""
    by_file = file_seconds(gaps, listed, means.rates)
    by_call = call_seconds(wish, gaps, means.rates)
    names = {Source.FLATFILE: "flat files", Source.REST: "REST"}
    seconds = {Source.FLATFILE: by_file, Source.REST: by_call}
    other = Source.REST if default is Source.FLATFILE else Source.FLATFILE
    if seconds[default] <= seconds[other]:
        return Choice(default, gaps, f"{age}: {names[default]}")
    about = f"about {_rounded(seconds[other])} instead of {_rounded(seconds[default])}"
    return Choice(other, gaps, f"{age}, but {names[other]} cost less for these symbols: {about}")


def _rounded(seconds: float) -> timedelta:
    return timedelta(seconds=max(1, round(seconds)))


def file_seconds(gaps: Mapping[str, list[date]], listed: Mapping[date, Revision], rates: Rates) -> float:
    """How long the flat files of these gaps take."""
    days = {day for missing in gaps.values() for day in missing} & listed.keys()
    return rates.seconds(calls=0, files=len(days), size=sum(listed[day].size for day in days))


def call_seconds(wish: Wish, gaps: Mapping[str, list[date]], rates: Rates) -> float:
    """How long REST takes for these gaps."""
    calls = sum(1 for symbol, days in gaps.items() for _ in fetch_drafts(wish.dataset, symbol, days, "lake"))
    return rates.seconds(calls=calls, files=0, size=0)
