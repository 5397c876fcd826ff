"""The table of conditions, and what it makes of the texts in a file."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.bars.conditions import ALLOWS, EVERYTHING, HIGH_LOW, NOTHING, OPEN_CLOSE, VOLUME, Rulings, Unknown, ruling
from forebay.errors import CheckFailed
from forebay.sandbox.rules import counts_of

KNOWN = sorted(ALLOWS)
BITS = {HIGH_LOW: 0, OPEN_CLOSE: 1, VOLUME: 2}


def flags(bits: int) -> tuple[bool, bool, bool]:
    return bool(bits & HIGH_LOW), bool(bits & OPEN_CLOSE), bool(bits & VOLUME)


@given(st.lists(st.sampled_from(KNOWN), max_size=4), st.booleans())
def test_one_condition_that_says_no_wins(conditions: list[int], extended: bool) -> None:
    """A trade updates what all of its conditions allow, by the same table as the simulated tape's own."""
    found = ruling(",".join(map(str, conditions)))
    assert counts_of(tuple(conditions), extended_minute=extended) == flags(
        found.extended if extended else found.regular
    )
    assert "" == found.reason


@given(st.permutations([12, 37, 14, 41]))
def test_the_order_of_conditions_does_not_matter(conditions: list[int]) -> None:
    """Tapes list them as received."""
    assert ruling("12,37,14,41") == ruling(",".join(map(str, conditions)))


def test_form_t_blocks_prices_except_in_extended_minutes() -> None:
    """Before the open and after the close Form T sets prices; with an odd lot, or sold out of sequence, it does not."""
    assert (VOLUME, EVERYTHING) == (ruling("12").regular, ruling("12").extended)
    assert VOLUME == ruling("12,37").extended
    assert VOLUME == ruling("13").extended


def test_flags_without_rules_restrict_nothing() -> None:
    """Trade-through exempt, short sale restrictions and financial statuses say nothing of the price."""
    for number in (41, *range(57, 61), *range(62, 72)):
        assert EVERYTHING == ruling(str(number)).regular, number


@pytest.mark.parametrize("text", ["99", "12,99", "26", "99,98"])
def test_unknown_conditions_follow_the_setting(text: str) -> None:
    """`drop`: the trade counts for nothing; `neutral`: only what is known of it restricts it. Both say why."""
    dropped, neutral = ruling(text, Unknown.DROP), ruling(text, Unknown.NEUTRAL)

    assert (NOTHING, NOTHING) == (dropped.regular, dropped.extended)
    assert EVERYTHING == neutral.extended
    assert dropped.reason == neutral.reason
    assert dropped.reason.startswith("unknown condition ")


@pytest.mark.parametrize("text", ["x", "12,", ",", "1 2", "-3", "12;37", "1.0"])
def test_what_is_no_list_of_numbers_counts_for_nothing(text: str) -> None:
    """Whatever the setting, a text that cannot be read is not guessed at."""
    assert (NOTHING, "unreadable conditions") == (
        ruling(text, Unknown.NEUTRAL).regular,
        ruling(text, Unknown.NEUTRAL).reason,
    )


def test_each_text_is_read_once_and_keeps_its_number() -> None:
    """Numbers given out earlier stay good when a later table brings new texts."""
    rulings = Rulings()
    first, _ = rulings.read(pl.Series(["12,37", "", "14"]))
    codes, book = rulings.read(pl.Series(["99", "14", ""]))

    assert first[2] == codes[1]
    assert 0 == codes[2]
    assert "unknown condition 99" == book.rulings[codes[0]].reason
    assert [EVERYTHING, EVERYTHING] == [book.regular[codes[1]], book.extended[codes[1]]]


def test_a_column_of_something_else_is_refused() -> None:
    """Ten thousand different texts are no conditions, and no memory is filled with them."""
    with pytest.raises(CheckFailed, match="more than 10000 different values"):
        Rulings().read(pl.Series([str(number) for number in range(10_001)]))


def test_the_table_is_the_vendors_own() -> None:
    """Every trade condition of the vendor's published answer has the rules that the answer gives it."""
    path = Path(__file__).parents[1] / "data/vendor/rest/conditions_stocks_full.json"
    records = [one for one in json.loads(path.read_text())["results"] if "trade" in one["data_types"]]
    for record in records:
        rules = (record.get("update_rules") or {}).get("consolidated", {})
        wanted = tuple(rules.get(f"updates_{name}", True) for name in ("high_low", "open_close", "volume"))
        assert wanted == flags(ALLOWS[record["id"]]), record["id"]
    assert {0} == ALLOWS.keys() - {record["id"] for record in records}
