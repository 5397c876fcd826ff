"""How sessions stand, counted: symbols of which the same is known are counted together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from operator import add

from forebay.ledger.grid import Mark
from forebay.model.grid import Cell, Standing
from forebay.orchestration.grid.sessions import Span

DRIFT, REPLACED = "d", "v"
"""Marks beside those of the ledger: recorded and not stored, and published anew since."""
Part = tuple[int, int, str]
"""First and last place, and a mark."""
STANDINGS: Mapping[str, Standing] = {
    Mark.ROWS: Standing.COMPLETE,
    Mark.HELD: Standing.COMPLETE,
    Mark.EMPTY: Standing.KNOWN_EMPTY,
    Mark.PENDING: Standing.PENDING_UPSTREAM,
    Mark.MISSING: Standing.MISSING_UPSTREAM,
    Mark.FAILED: Standing.FAILED,
    Mark.SUSPECT: Standing.SUSPECT,
    REPLACED: Standing.REPLACED,
    DRIFT: Standing.DRIFT,
}
"""What a mark means; none at all is missing."""
_STRENGTH = "xpmfsdvecr"
"""The marks by what they settle: of two of one session the later one here is told."""
_SETTLED = (Mark.ROWS.value, Mark.HELD.value, Mark.EMPTY.value)


def resolved(parts: Iterable[Part]) -> list[Part]:
    """One mark for each place, in order: where parts overlap, the strongest."""
    ordered = sorted(parts)
    if all(before[1] < after[0] for before, after in pairwise(ordered)):
        return ordered
    first, width = ordered[0][0], max(last for _, last, _ in ordered) - ordered[0][0] + 1
    row = bytearray(width)
    for start, end, mark in sorted(ordered, key=lambda part: _STRENGTH.index(part[2])):
        row[start - first : end - first + 1] = mark.encode() * (end - start + 1)
    found, place = list[Part](), first
    for code, same in groupby(row):
        count = sum(1 for _ in same)
        if code:
            found.append((place, place + count - 1, chr(code)))
        place += count
    return found


class Tally:
    """Counts by mark over a window of places; what is added costs the same however long its span is."""

    def __init__(self, window: Span) -> None:
        self.window = window
        self._steps: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (window[1] - window[0] + 2))

    def add(self, mark: str, span: Span, count: int) -> None:
        """Count `count` symbols on each place of a span that lies in the window."""
        first, last = max(span[0], self.window[0]), min(span[1], self.window[1])
        if first <= last:
            steps = self._steps[mark]
            steps[first - self.window[0]] += count
            steps[last - self.window[0] + 1] -= count

    def rows(self) -> dict[str, list[int]]:
        """Mark to its count at each place of the window."""
        return {mark: list(accumulate(steps[:-1])) for mark, steps in self._steps.items()}


@dataclass(frozen=True, slots=True)
class Alike:
    """Symbols of which the same is wanted and known, by how many they are."""

    wanted: tuple[Span, ...]
    parts: Sequence[Part]
    """Resolved."""
    count: int


WANTED = "w"
"""The mark under which a tally has what is wanted."""


def tally(groups: Iterable[Alike], window: Span) -> Tally:
    """What is wanted of all groups, and what is known of that."""
    found = Tally(window)
    for group in groups:
        for span in group.wanted:
            found.add(WANTED, span, group.count)
            for start, end, mark in group.parts:
                if start <= span[1] and end >= span[0]:
                    found.add(mark, (max(start, span[0]), min(end, span[1])), group.count)
    return found


def cell_of(group: Alike, window: Span) -> Cell:
    """How a window of one group stands, of which the whole market's files and answers say nothing."""
    wanted, counts = 0, defaultdict[Standing, int](int)
    for span in group.wanted:
        first, last = max(span[0], window[0]), min(span[1], window[1])
        wanted += max(last - first + 1, 0)
        for start, end, mark in group.parts:
            if start <= last and end >= first and mark in STANDINGS:
                counts[STANDINGS[mark]] += min(end, last) - max(start, first) + 1
    missing = wanted - sum(counts.values())
    return Cell(
        wanted * group.count, {each: n * group.count for each, n in counts.items()} | _some(missing * group.count)
    )


def _some(missing: int) -> dict[Standing, int]:
    return {Standing.MISSING: missing} if missing else {}


Rows = dict[Standing, list[int]]
"""How many symbols stand so, place by place of a window."""


def standing(found: Tally, market: Mapping[int, str]) -> tuple[list[int], Rows]:
    """What is wanted at each place of a tally's window, and how it stands.

    `market` has the marks of the whole market's files and answers, for symbols that those cover: at a place that is
    settled all of them stand so, elsewhere what is missing.
    """
    rows, (first, last) = found.rows(), found.window
    wanted = rows.pop(WANTED, [0] * (last - first + 1))
    rows.pop(Mark.PROVISIONAL, None)
    for place in range(first, last + 1) if market else ():
        if mark := market.get(place):
            _follow(rows, wanted, place - first, mark)
    known = [sum(some) for some in zip(*rows.values(), strict=True)] if rows else [0] * len(wanted)
    told: Rows = {Standing.MISSING: [every - some for every, some in zip(wanted, known, strict=True)]}
    for mark, row in rows.items():  # two marks may stand alike
        told[STANDINGS[mark]] = [*map(add, told.get(STANDINGS[mark], [0] * len(row)), row)]
    return wanted, told


def _follow(rows: dict[str, list[int]], wanted: list[int], at: int, mark: str) -> None:
    if mark in _SETTLED:
        for row in rows.values():
            row[at] = 0
    known = sum(row[at] for row in rows.values())
    rows.setdefault(mark, [0] * len(wanted))[at] += wanted[at] - known


@dataclass(frozen=True)
class Counts:
    """Sums up to each place of a window, by standing."""

    window: Span
    wanted: list[int]
    sums: Mapping[Standing, list[int]]

    @classmethod
    def of(cls, window: Span, parts: Iterable[tuple[list[int], Rows]], drifting: Iterable[int] = ()) -> Counts:
        """All parts together. Each place of `drifting` is a session that drifts, in place of one that is missing."""
        width = window[1] - window[0] + 1
        wanted, rows = [0] * width, defaultdict[Standing, list[int]](lambda: [0] * width)
        for asked, stands in parts:
            wanted = [*map(add, wanted, asked)]
            for each, row in stands.items():
                rows[each] = [*map(add, rows[each], row)]
        for place in (place - window[0] for place in drifting):
            rows[Standing.DRIFT][place] += 1
            rows[Standing.MISSING][place] -= rows[Standing.MISSING][place] > 0
        return cls(window, _sums(wanted), {each: _sums(rows[each]) for each in Standing if any(rows[each])})

    def cell(self, span: Span) -> Cell:
        """Of these places."""
        first, after = span[0] - self.window[0], span[1] - self.window[0] + 1
        counts = {each: sums[after] - sums[first] for each, sums in self.sums.items()}
        return Cell(self.wanted[after] - self.wanted[first], {each: count for each, count in counts.items() if count})


def _sums(row: Iterable[int]) -> list[int]:
    return list(accumulate(row, initial=0))
