"""Where a gap is filled from: flat files beyond the hybrid boundary, REST inside it, unless one alone is cheaper."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta

from forebay.errors import UsageError
from forebay.model.feed import SourceChoice
from forebay.model.partition import Revision, Source
from forebay.orchestration.chunks import calls_of
from forebay.orchestration.gaps import Days, Gaps, all_days, narrowed
from forebay.orchestration.grouped import GROUPED_TABLES, grouped
from forebay.orchestration.plan import Rates
from forebay.orchestration.wanted import Wish

_S3_KEYS = "POLYGON_S3_ACCESS_KEY_ID and POLYGON_S3_SECRET_ACCESS_KEY"


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
    gaps: Gaps
    """Symbol to its missing days; by REST also `*` to those that are taken whole."""
    why: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What is to be known of the vendor for a choice."""

    listed: Mapping[date, Revision]
    """Each day whose file the vendor lists."""
    otc: AbstractSet[str]
    """Tickers that neither files nor grouped day bars hold."""
    today: date
    """The current date in New York, which a plan may refuse until it is over."""
    doubtful: AbstractSet[date] = frozenset()
    """Days on which the grouped answer failed a check: asked for by ticker, for most of it is good."""


def choose(wish: Wish, gaps: Gaps, offer: Offer, means: Means) -> list[Choice]:
    """Split the gaps of a wish by source; what no source can serve of `offer.otc` is left out.

    Raises UsageError when no source can serve the others: a key is missing, or it would take a list of symbols.
    """
    fixed = _only_source(wish, means)
    if fixed is None:
        choices = _cheapest(wish, gaps, offer, means)
    elif fixed[0] is Source.REST:
        choices = [Choice(Source.REST, grouped(wish.dataset, gaps, offer.otc, offer.today, offer.doubtful), fixed[1])]
    else:
        choices = [Choice(Source.FLATFILE, _without(gaps, offer.otc), fixed[1])]
    return [choice for choice in choices if choice.gaps]


def beyond_files(wish: Wish, gaps: Gaps, offer: Offer, means: Means) -> dict[str, Days]:
    """The gaps of OTC tickers where only files may be taken: they stay open."""
    fixed = _only_source(wish, means)
    if fixed is None or fixed[0] is Source.REST:
        return {}
    return {symbol: days for symbol, days in gaps.items() if symbol in offer.otc}


def _only_source(wish: Wish, means: Means) -> tuple[Source, str] | None:
    """The source when there is nothing to weigh."""
    asked = wish.feed.source
    if not wish.dataset.by_rest:
        _require(means.flatfiles, "flat files", wish, _S3_KEYS)
        return Source.FLATFILE, "it comes as flat files alone"
    if not wish.files:
        return Source.REST, "the plan does not include its flat files"
    if asked is SourceChoice.FLATFILES or (asked is SourceChoice.AUTO and wish.whole_market and means.flatfiles):
        _require(means.flatfiles, "flat files", wish, _S3_KEYS)
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


@dataclass(frozen=True, slots=True)
class _Split:
    """One way to share the gaps out between files and REST."""

    by_file: Gaps
    by_call: Gaps
    seconds: float


def _cheapest(wish: Wish, gaps: Gaps, offer: Offer, means: Means) -> list[Choice]:
    """Files beyond the boundary and REST inside it, unless files or REST throughout take less time.

    What is not listed, and OTC tickers, come by REST in any case; whatever does, comes in as few calls as it can.
    """
    boundary = means.today - means.hybrid_boundary
    age = f"{means.hybrid_boundary.days} days"
    default = _split(wish, gaps, offer, means.rates, boundary)
    files = _split(wish, gaps, offer, means.rates, date.max)
    calls = _split(wish, gaps, offer, means.rates, date.min)
    best = min(default, files, calls, key=lambda split: split.seconds)
    why_file, why_call = f"older than {age}: flat files", f"within the last {age}: REST"
    if best is not default:
        saved = f"for these symbols: about {_rounded(best.seconds)} instead of {_rounded(default.seconds)}"
        why_file, why_call = f"flat files cost less than REST {saved}", f"REST costs less than flat files {saved}"
    return [
        Choice(Source.REST, best.by_call, _reasons(best.by_call, offer, why_call)),
        Choice(Source.FLATFILE, best.by_file, why_file),
    ]


def _split(wish: Wish, gaps: Gaps, offer: Offer, rates: Rates, until: date) -> _Split:
    """Files for what is listed before `until`, REST for the rest."""
    filed = {day for day in offer.listed if day < until}
    in_files = _without(gaps, offer.otc)
    by_file = narrowed(in_files, lambda days: tuple(day for day in days if day in filed))
    left = narrowed(in_files, lambda days: tuple(day for day in days if day not in filed))
    left |= {symbol: days for symbol, days in gaps.items() if symbol in offer.otc}
    by_call = grouped(wish.dataset, left, offer.otc, offer.today, offer.doubtful)
    calls = calls_of(wish.dataset, by_call, offer.today)
    taken = all_days(by_file)
    size = sum(offer.listed[day].size for day in taken)
    return _Split(by_file, by_call, rates.seconds(calls.most, len(taken), size))


def _without(gaps: Gaps, otc: AbstractSet[str]) -> dict[str, Days]:
    return {symbol: days for symbol, days in gaps.items() if symbol not in otc}


def _reasons(by_call: Gaps, offer: Offer, chosen: str) -> str:
    """Why these gaps come by REST: by choice, because there is no file, or because no file holds the ticker."""
    days = all_days(_without(by_call, offer.otc))
    reasons = {
        chosen: not days.isdisjoint(offer.listed),
        "not published as a file": not days <= offer.listed.keys(),
        "OTC tickers are in no file": not offer.otc.isdisjoint(by_call),
    }
    return "; ".join(reason for reason, true in reasons.items() if true)


def _rounded(seconds: float) -> timedelta:
    return timedelta(seconds=max(1, round(seconds)))
