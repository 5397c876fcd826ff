"""The quarantine: kept, found, reduced, ended; and which kept rows may enter the lake later."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from lakes import DAY, DAYS, FIRST, MINUTES, bars

from forebay.errors import StoreError
from forebay.lake.intake.note import End
from forebay.lake.intake.quarantine import Quarantine
from forebay.lake.intake.replaying import sound_rows
from forebay.model.defects import DEFECTS
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition
from forebay.model.rows import bad_schema

NOW = datetime(2024, 3, 8, 12, tzinfo=UTC)
WHERE = Partition("stocks/bars_1m", ALL_SYMBOLS, Interval(DAY, DAY))
NOTHING = bars("A", per_day=0)


def bad(rows: pl.DataFrame, reason: str = "price", text: str | None = None) -> pl.DataFrame:
    """Rows as they are kept."""
    told = rows.with_columns(pl.lit(reason).alias("reason"), pl.lit(text, pl.String()).alias("text"))
    return told.select(bad_schema(MINUTES).names())


@pytest.fixture
def quarantine(tmp_path: Path) -> Quarantine:
    return Quarantine(tmp_path / "quarantine")


def keep(quarantine: Quarantine, rows: pl.DataFrame | None = None, key: str = "k", **more) -> str:
    """Keep something; its id."""
    quarantine.keep(WHERE, key=key, reason="why", now=NOW, rows=rows, revision=FIRST, **more)
    return next(note.id for note in quarantine.list(ended=True) if note.key == key)


def test_a_note_has_an_id_that_stays(quarantine: Quarantine) -> None:
    """Kept twice it is one; the id is the same, and another key has another."""
    one, again, other = keep(quarantine, bad(bars("A"))), keep(quarantine, bad(bars("A"))), keep(quarantine, key="l")

    assert one == again != other
    assert 2 == quarantine.find(one).rows
    assert quarantine.find("ffffffff") is None


def test_notes_are_found_by_table_and_date(quarantine: Quarantine) -> None:
    """A range of days is found by any of them, and only in its table."""
    dates = Interval(date(2024, 3, 4), date(2024, 3, 8))
    quarantine.keep(Partition("stocks/bars_1d", "A", dates), key="rest", reason="why", now=NOW)

    assert 1 == len(quarantine.list("stocks/bars_1d", Interval(DAY, DAY)))
    assert [] == quarantine.list("stocks/bars_1d", Interval(date(2024, 3, 9), date(2024, 3, 9)))
    assert [] == quarantine.list("stocks/bars_1m")


def test_what_ended_is_kept_and_no_longer_listed(quarantine: Quarantine) -> None:
    """Its rows and its reason stay, with how and when it ended; the same delivery failing again opens it again."""
    identity = keep(quarantine, bad(bars("A")))
    quarantine.end(quarantine.find(identity), End.DISMISSED, "test symbols", NOW)

    assert [] == quarantine.list()
    (note,) = quarantine.list(ended=True)
    assert (End.DISMISSED, "test symbols", NOW) == (note.ended, note.ended_reason, note.ended_at)
    assert 2 == pl.read_parquet(note.rows_path).height
    keep(quarantine, bad(bars("A")))
    assert [identity] == [each.id for each in quarantine.list()]


def test_rows_that_were_taken_are_kept_beside_it(quarantine: Quarantine) -> None:
    """Nothing is lost: what left the open rows is in the file of those that were taken, once."""
    rows = bad(bars(["A", "B", "C"], per_day=1))
    identity = keep(quarantine, rows)

    for left in (rows[1:], rows[2:]):
        quarantine.reduce(quarantine.find(identity), left, "one taken")

    note = quarantine.find(identity)
    assert (1, "one taken", ["C"]) == (note.rows, note.reason, pl.read_parquet(note.rows_path)["ticker"].to_list())
    taken = pl.read_parquet(note.rows_path.with_suffix(".taken.parquet"))
    assert ["A", "B"] == taken["ticker"].to_list()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"7", b"null", b'{"table": "stocks/bars_1m"', b'{"table": 1}', b"\xff"]
)
def test_what_is_no_note_is_named_and_passed_over(quarantine: Quarantine, content: bytes) -> None:
    """A file of somebody else's among the notes, or half a note: the others are found, changed and ended."""
    identity = keep(quarantine, bad(bars("A")))
    stranger = quarantine.folder / "stocks/bars_1m/2024-03-07/a.json"
    stranger.write_bytes(content)

    (stray,) = quarantine.strays()

    assert f"{stranger} is no note" in str(stray)
    assert "move it" in stray.remedy
    assert [identity] == [note.id for note in quarantine.list()]
    quarantine.reduce(quarantine.find(identity), bad(bars("A"))[1:], "one taken")
    quarantine.end(quarantine.find(identity), End.DISMISSED, "why", NOW)
    assert [] == quarantine.list()
    assert content == stranger.read_bytes()


def test_kept_rows_that_cannot_be_read_are_named(quarantine: Quarantine) -> None:
    """A damaged file of rows is one error with its path, and the note can still be dismissed."""
    note = quarantine.find(keep(quarantine, bad(bars("A"))))
    note.rows_path.write_bytes(b"PAR1")

    with pytest.raises(StoreError, match=f"{note.rows_path.name} cannot be read") as refused:
        quarantine.rows(note)

    assert f"forebay quarantine dismiss {note.id}" in refused.value.remedy
    quarantine.end(note, End.DISMISSED, "lost", NOW)
    assert [] == quarantine.list()


def test_notes_of_an_earlier_release_are_read(quarantine: Quarantine) -> None:
    """Those that do not say whether the whole file was refused: it was, if no rows were kept."""
    keep(quarantine, bad(bars("A")))
    keep(quarantine, key="refused")
    for path in quarantine.folder.rglob("*.json"):
        path.write_text(path.read_text().replace('"whole"', '"w"').replace('"last_day"', '"l"'))

    assert {"k": False, "refused": True} == {note.key: note.whole for note in quarantine.list()}


def test_rows_that_pass_today_are_told_from_those_that_do_not() -> None:
    """By the checks of now; what does not parse, what conflicts, and what the lake says otherwise stays.

    A row that the lake has already is good: a replay that was killed had put it there.
    """
    sound, wrong = bars("A", per_day=1), bars("B", per_day=1).with_columns(pl.lit(-1.0).alias("volume"))
    twice = pl.concat([bars("C", per_day=1), bars("C", per_day=1, price=20.0)])
    held, same = bars("D", per_day=1, price=30.0), bars("F", per_day=1)
    kept = pl.concat(
        [
            bad(sound),
            bad(wrong),
            bad(twice),
            bad(bars("D", per_day=1)),
            bad(same),
            bad(bars("E", per_day=1), "unreadable", "E,1,x,.."),
        ]
    )

    found = sound_rows(kept, MINUTES, pl.concat([held, same]))

    assert ["A", "F"] == found.good["ticker"].to_list()
    told = dict(found.bad.select("ticker", "reason").unique().iter_rows())
    assert {"B": "volume", "C": "conflicting_rows", "D": "conflicting_rows", "E": "unreadable"} == told
    assert kept.height == found.good.height + found.bad.height


def test_a_fix_that_was_learnt_later_mends_kept_rows() -> None:
    """Rows of a known defect that were kept before it was known: put right, and good."""
    defect = DEFECTS["window_start_one_day_late"]
    right = bars(["A", "B"], [defect.first], per_day=1, table="stocks/bars_1d")
    kept = bad(defect.unpatch(right)[0], "outside_session_date")

    found = sound_rows(kept, DAYS, NOTHING)

    assert (0, right["window_start"].to_list()) == (found.bad.height, found.good["window_start"].to_list())
