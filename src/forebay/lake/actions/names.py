"""Who bore which ticker when: actions are listed under today's ticker, bars are stored under the one of their day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from forebay.bars.adjust import Action, Span

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Bearing:
    """One ticker of one instrument, on the session dates from `first` to `last`."""

    instrument: str
    ticker: str
    first: date
    last: date = date.max


class Names:
    """The bearings that are known. A ticker that two bore in turn belongs to the earlier one until the later begins."""

    def __init__(self, bearings: Iterable[Bearing]) -> None:
        self._borne: dict[str, list[Bearing]] = {}
        by_ticker: defaultdict[str, list[Bearing]] = defaultdict(list)
        for bearing in sorted(set(bearings), key=_begin):
            by_ticker[bearing.ticker].append(bearing)
        chains: defaultdict[str, list[Bearing]] = defaultdict(list)
        for ticker, several in by_ticker.items():
            self._borne[ticker] = _in_turn(several)
            for bearing in self._borne[ticker]:
                chains[bearing.instrument].append(bearing)
        self._chains = {instrument: sorted(chain, key=_begin) for instrument, chain in chains.items()}
        self._spans = {
            instrument: tuple(Span(one.ticker, one.first, one.last) for one in chain)
            for instrument, chain in self._chains.items()
        }

    def all(self) -> Iterator[Bearing]:
        """Every bearing."""
        return (bearing for chain in self._chains.values() for bearing in chain)

    def family(self, tickers: Collection[str]) -> set[str]:
        """`tickers`, and every other ticker of the instruments that bore one of them."""
        instruments = {bearing.instrument for ticker in tickers for bearing in self._borne.get(ticker, ())}
        return {*tickers, *(one.ticker for instrument in instruments for one in self._chains[instrument])}

    def spans(self, ticker: str, day: date) -> tuple[Span, ...]:
        """The tickers, with their dates, of the instrument that an action of `day` listed under `ticker` is about.

        The vendor lists it under the last ticker that the instrument bore; a row that was read earlier, under the one
        of then. Where nobody known can be meant, it is whoever bore the ticker outside of all known spans.
        """
        borne = self._borne.get(ticker)
        if borne is None:
            return (Span(ticker),)
        alive = [one for one in borne if self._chains[one.instrument][0].first <= day]
        last = [one for one in alive if self._chains[one.instrument][-1].ticker == ticker]
        then = [one for one in borne if one.first <= day <= one.last]
        for candidates in (last, then, alive):
            if candidates:
                return self._spans[max(candidates, key=_begin).instrument]
        return (_between(ticker, borne, day),)


class Histories:
    """Actions by the instrument that they are about."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._found: dict[Hashable, tuple[tuple[Span, ...], list[Action]]] = {}

    def add(self, ticker: str, action: Action) -> None:
        """One more, listed under `ticker`."""
        spans = self._names.spans(ticker, action.day)
        instrument = (spans[0].ticker, spans[0].first)  # of hundreds of thousands: a whole chain takes long to hash
        self._found.setdefault(instrument, (spans, []))[1].append(action)

    def all(self) -> Iterable[tuple[Sequence[Span], Sequence[Action]]]:
        """Each instrument's spans and actions."""
        return self._found.values()


def _begin(bearing: Bearing) -> tuple[date, str]:
    return bearing.first, bearing.instrument


def _in_turn(several: list[Bearing]) -> list[Bearing]:
    """Bearings of one ticker, each ending before the next begins."""
    nexts = [following.first - _DAY for following in several[1:]] + [date.max]
    cut = [replace(one, last=min(one.last, end)) for one, end in zip(several, nexts, strict=True)]
    return [one for one in cut if one.first <= one.last]


def _between(ticker: str, borne: list[Bearing], day: date) -> Span:
    """The dates around `day` on which nobody known bore the ticker."""
    first = max((one.last + _DAY for one in borne if one.last < day), default=date.min)
    last = min((one.first - _DAY for one in borne if one.first > day), default=date.max)
    return Span(ticker, first, last)
