"""The day that goes on: bars that come again and again, better sources that take the day, and death at any step."""

from __future__ import annotations

import signal
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from killing import TABLE, compact, held, on_disk, start
from lakes import DAY, Basin
from polars.testing import assert_frame_equal

from forebay import Lake
from forebay.lake.verification.proof import proofs
from forebay.model.partition import Source
from forebay.model.rows import BAR_ROWS

OPEN = datetime(2024, 3, 7, 14, 30, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)
Key = tuple[str, datetime]
Step = tuple[str, list[tuple[str, int, int]], bool]


def live(*heard: tuple[str, int, float], source: Source = Source.STREAM, day: date = DAY) -> pl.DataFrame:
    """Bars of (ticker, minute after 14:30 UTC of `day`, price)."""
    at = OPEN + (day - DAY)
    rows = [
        (name, at + timedelta(minutes=minute), price, price, price, price, 1.0, None, None, day, source)
        for name, minute, price in heard
    ]
    return pl.DataFrame(rows, schema=BAR_ROWS, orient="row")


def prices(basin: Basin) -> list[tuple[str, int, float, str]]:
    """What the lake answers: ticker, minute after 14:30, price and source, in the order of the answer."""
    rows = Lake(basin.root, warns=False).bars(None, asset_class="stocks").collect()
    return [
        (row["ticker"], int((row["window_start"] - OPEN).total_seconds() // 60), row["close"], row["source"])
        for row in rows.iter_rows(named=True)
    ]


def test_a_bar_that_comes_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    """The later one of a ticker and minute is held, whichever commit or batch it came in; others stay."""
    basin = Basin(tmp_path)

    basin.tables.put_live(TABLE, live(("A", 0, 10), ("B", 0, 20), ("A", 1, 11)))
    basin.tables.put_live(TABLE, live(("A", 0, 12), ("A", 2, 13), ("A", 2, 14)))

    expected = [("A", 0, 12.0, "stream"), ("A", 1, 11.0, "stream"), ("A", 2, 14.0, "stream"), ("B", 0, 20.0, "stream")]
    assert expected == prices(basin)


def test_the_same_bars_again_are_no_commit(tmp_path: Path) -> None:
    """A batch that is sent once more after a crash writes nothing."""
    basin = Basin(tmp_path)
    first = basin.tables.put_live(TABLE, live(("A", 0, 10), ("B", 20, 20)))

    again = basin.tables.put_live(TABLE, live(("B", 20, 20)))

    assert (True, False) == (first.new, again.new)
    assert first.version == again.version


def test_a_commit_writes_only_the_quarters_that_it_has_bars_of(tmp_path: Path) -> None:
    """A file holds a quarter of an hour; what was sealed before stays the file that it was."""
    basin = Basin(tmp_path)
    basin.tables.put_live(TABLE, live(("A", 0, 10), ("A", 15, 11), ("A", 31, 12)))
    before = set(held(basin.root))

    basin.tables.put_live(TABLE, live(("A", 32, 13)))

    after = set(held(basin.root))
    assert 3 == len(before) == len(after)
    assert {"1430", "1445"} == {path.split("__")[4].split("_")[0] for path in before & after}


def test_a_flat_file_takes_the_live_day_whole(tmp_path: Path) -> None:
    """One commit, no live row left of that date; the next date's stay, and bars that come late change nothing."""
    basin = Basin(tmp_path)
    basin.tables.put_live(TABLE, pl.concat([live(("A", 0, 10), ("Z", 0, 10)), live(("A", 0, 30), day=NEXT)]))
    version = Lake(basin.root).version(TABLE)

    basin.flatfile(live(("A", 0, 20), ("B", 0, 20), source=Source.FLATFILE))
    late = basin.tables.put_live(TABLE, live(("A", 1, 11)))

    assert (version + 1, False) == (late.version, late.new)
    assert [("A", 0, 20.0, "flatfile"), ("A", 1440, 30.0, "stream"), ("B", 0, 20.0, "flatfile")] == prices(basin)


def test_a_whole_day_by_rest_takes_that_ticker_alone(tmp_path: Path) -> None:
    """What REST says of a ticker replaces its live bars; those of others stay where later ones find them."""
    basin = Basin(tmp_path)
    basin.tables.put_live(TABLE, live(("A", 0, 10), ("A", 3, 10), ("B", 0, 20)))

    basin.rest(live(("A", 0, 15), ("A", 1, 15), source=Source.REST), "A", DAY, DAY)
    basin.tables.put_live(TABLE, live(("A", 1, 99), ("A", 2, 16), ("B", 0, 21)))

    expected = [("A", 0, 15.0, "rest"), ("A", 1, 15.0, "rest"), ("A", 2, 16.0, "stream"), ("B", 0, 21.0, "stream")]
    assert expected == prices(basin)


def test_refilled_bars_stand_among_those_of_the_stream(tmp_path: Path) -> None:
    """They say that REST brought them, and give way to the same minute heard again later."""
    basin = Basin(tmp_path)
    basin.tables.put_live(TABLE, live(("A", 0, 10)))

    basin.tables.put_live(TABLE, live(("A", 0, 11), ("A", 1, 11), source=Source.REST))
    basin.tables.put_live(TABLE, live(("A", 1, 12)))

    assert [("A", 0, 11.0, "rest"), ("A", 1, 12.0, "stream")] == prices(basin)


def test_a_live_day_proves_nothing_and_is_not_compacted(tmp_path: Path) -> None:
    """It is no delivery: a ledger made anew does not take the day for held, and compaction leaves its files alone."""
    basin = Basin(tmp_path)
    basin.tables.put_live(TABLE, live(("A", 0, 10), ("A", 15, 11)))
    before = held(basin.root)

    compact(basin)

    assert before == held(basin.root)
    assert [] == list(proofs(basin.tables.home, TABLE))


_BATCH = st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 40), st.integers(1, 9)), min_size=1, max_size=6)
_STEP = st.one_of(
    st.tuples(st.sampled_from(["stream", "rest"]), _BATCH, st.booleans()),
    st.tuples(st.sampled_from(["day by rest A", "flat file"]), _BATCH, st.booleans()),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(_STEP, max_size=7))
def test_any_order_of_sources_ends_as_a_dictionary_would(
    steps: list[tuple[str, list[tuple[str, int, int]], bool]],
) -> None:
    """Live bars, refills, days by REST and flat files in any order: the lake is what their rules make of a dict."""
    with TemporaryDirectory() as folder:
        basin, model = Basin(Path(folder)), _Model()
        for kind, batch, tomorrow in steps:
            day = NEXT if tomorrow else DAY
            _deliver(basin, kind, batch, day)
            model.deliver(kind, batch, day)
        expected = pl.concat([BAR_ROWS.to_frame(), *model.rows.values()]).sort("ticker", "window_start")
        lake = Lake(basin.root, warns=False)
        if TABLE in lake.tables():
            assert_frame_equal(expected, lake.bars(None, asset_class="stocks").collect())
        else:
            assert not model.rows


def _deliver(basin: Basin, kind: str, batch: list[tuple[str, int, int]], day: date) -> None:
    unique = {(name, minute): price for name, minute, price in batch}
    final = [(name, minute, float(price)) for (name, minute), price in sorted(unique.items())]
    if kind == "flat file":
        basin.flatfile(live(*final, source=Source.FLATFILE, day=day), day)
    elif kind == "day by rest A":
        mine = live(*(bar for bar in final if bar[0] == "A"), source=Source.REST, day=day)
        basin.rest(mine, "A", day, day)
    else:
        basin.tables.put_live(TABLE, live(*((n, m, float(p)) for n, m, p in batch), source=Source(kind), day=day))


class _Model:
    """A row for each key, who owns a date, and until when REST spoke of A."""

    def __init__(self) -> None:
        self.rows: dict[Key, pl.DataFrame] = {}
        self.flat: set[date] = set()
        self.told: dict[date, datetime] = {}

    def deliver(self, kind: str, batch: list[tuple[str, int, int]], day: date) -> None:
        """Do as the lake's rules say."""
        if kind == "flat file":
            self._clear(day, "AB")
            self.flat.add(day)
        elif kind == "day by rest A":
            if day in self.flat:
                return
            self._clear(day, "A")
            batch = [bar for bar in batch if bar[0] == "A"]
            self.told[day] = max((OPEN + (day - DAY) + timedelta(minutes=m) for _, m, _ in batch), default=OPEN)
            if not batch:
                del self.told[day]
        elif day in self.flat:
            return
        source = {"flat file": Source.FLATFILE, "stream": Source.STREAM}.get(kind, Source.REST)
        for name, minute, price in batch:
            at = OPEN + (day - DAY) + timedelta(minutes=minute)
            if kind in ("stream", "rest") and name == "A" and day in self.told and at <= self.told[day]:
                continue
            self.rows[name, at] = live((name, minute, float(price)), source=source, day=day)

    def _clear(self, day: date, names: str) -> None:
        self.rows = {
            key: row for key, row in self.rows.items() if not (row["session_date"][0] == day and key[0] in names)
        }


def _two_batches(basin: Basin) -> None:
    for batch in (live(("A", 0, 10), ("A", 20, 10)), live(("A", 1, 11), ("A", 20, 12), ("B", 40, 13))):
        basin.tables.put_live(TABLE, batch)


@pytest.mark.parametrize("point", ["lake.placed:2", "lake.placed:4", "lake.planned:2", "lake.committed:2"])
def test_a_killed_commit_of_live_bars_is_finished_by_the_next(tmp_path: Path, point: str) -> None:
    """SIGKILL between a file's name and its commit, and after it: sent once more, the same rows, and no litter."""
    clean, home = Basin(tmp_path / "clean"), tmp_path / "hurt"
    _two_batches(clean)

    child = start(home, "dead", partial(_two_batches), point)
    child.join()
    again = Basin(home, "again")
    _two_batches(again)
    again.tables.put_live(TABLE, live(("A", 1, 11), ("A", 20, 12), ("B", 40, 13)))

    assert -signal.SIGKILL == child.exitcode
    assert prices(clean) == prices(again)
    named = set(held(again.root))
    assert set(held(clean.root)) == named
    assert named <= set(on_disk(again.root))
    assert not list(again.root.rglob("pending*"))
