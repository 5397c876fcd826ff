from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.errors import UsageError
from forebay.model.task import TaskKind
from forebay.model.universe import Category
from forebay.symbols.categories import CATEGORIES, category_named
from forebay.symbols.discovery import Discovery, from_key

DAY = date(2024, 12, 1)
WORDS = st.text(min_size=1, max_size=9).filter(lambda text: text.encode("utf-8", "ignore").decode() == text)
MORE = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.integers(1, 10**6),
        "type": st.lists(WORDS, min_size=1, max_size=3).map(tuple),
        "exchange": WORDS,
        "search": WORDS,
        "delisted": st.booleans(),
        "out": WORDS,
    },
)
OF_OPTIONS = st.fixed_dictionaries(
    {"limit": st.integers(1, 10)},
    optional={
        "underlying": st.lists(WORDS, min_size=1, max_size=3).map(tuple),
        "expires_from": st.dates(max_value=DAY),
        "expires_to": st.dates(min_value=DAY),
        "delisted": st.booleans(),
    },
)


@given(st.sampled_from([one for one in Category if one is not Category.OPTIONS]), MORE, OF_OPTIONS)
def test_a_key_carries_everything(category: Category, more: dict, of_options: dict) -> None:
    """A worker reads back what was asked for, whatever the words were."""
    for wanted in (Discovery(category, DAY, **more), Discovery(Category.OPTIONS, DAY, **of_options)):
        assert wanted == from_key(wanted.key)
        assert wanted.key == wanted.draft.key


def test_a_key_reads_like_an_address() -> None:
    """It is what people see in the queue."""
    assert "reference/us_equities/2024-12-01" == Discovery(Category.US_EQUITIES, DAY).key
    narrowed = Discovery(Category.US_EQUITIES, DAY, limit=100, type=("CS", "ADRC"))
    assert "reference/us_equities/2024-12-01?limit=100&type=CS&type=ADRC" == narrowed.key


def test_a_draft_is_an_identify_task() -> None:
    """It is recorded under the category's name, for everybody, on its date."""
    draft = Discovery(Category.ETF, DAY).draft
    assert (TaskKind.IDENTIFY, "universe", "reference/etf 2024-12-01") == (
        draft.kind,
        draft.destination,
        str(draft.partition),
    )


@pytest.mark.parametrize(
    "key",
    [
        "",
        "reference/etf",
        "reference/bonds/2024-12-01",
        "rest/etf/2024-12-01",
        "reference/etf/yesterday",
        "reference/etf/2024-12-01?limit=0",
        "reference/etf/2024-12-01?limit=x",
        "reference/etf/2024-12-01?limit",
        "reference/etf/2024-12-01?colour=red",
    ],
)
def test_a_key_that_is_none_is_refused(key: str) -> None:
    """Also one with a parameter that this version does not know: it must not be left out silently."""
    with pytest.raises(UsageError) as caught:
        from_key(key)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("category", "more", "says"),
    [
        ("etf", {"limit": 0}, "a limit of 0"),
        ("etf", {"underlying": ("SPY",)}, "etf have no underlying"),
        ("otc", {"expires_to": DAY}, "otc have no underlying and do not expire"),
        ("options", {}, "hundreds of thousands"),
        ("options", {"expires_from": DAY, "expires_to": DAY}, "hundreds of thousands"),
        ("options", {"underlying": ("SPY",), "delisted": True}, "hundreds of thousands"),
        ("options", {"limit": 5, "exchange": "XNAS"}, "not filtered by exchange"),
        ("options", {"limit": 5, "expires_from": DAY, "expires_to": date(2024, 11, 30)}, "window is reversed"),
    ],
)
def test_what_makes_no_sense_is_refused(category: str, more: dict, says: str) -> None:
    """Before the vendor is asked, with the reason and a next step."""
    with pytest.raises(UsageError, match=says) as caught:
        Discovery(Category(category), DAY, **more)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "more",
    [{"limit": 5}, {"underlying": ("SPY",)}, {"underlying": ("SPY",), "delisted": True, "expires_from": DAY}],
)
def test_options_within_bounds(more: dict) -> None:
    """A limit, an underlying, or a window of one that reaches back: each bounds the number of contracts."""
    assert Discovery(Category.OPTIONS, DAY, **more).filtered


def test_what_leaves_some_out() -> None:
    """Type, exchange and words do; a limit may, and those that left belong to everybody."""
    assert not Discovery(Category.ETF, DAY, limit=5, delisted=True, out="there.json").filtered
    parts = [{"type": ("ETN",)}, {"exchange": "XNAS"}, {"search": "gold"}]
    assert all(Discovery(Category.ETF, DAY, **part).filtered for part in parts)


def test_every_category_has_its_filters() -> None:
    """The one table covers all, and a near miss is named."""
    assert set(Category) == set(CATEGORIES)
    assert Category.US_EQUITIES is category_named("US-Equities")
    with pytest.raises(UsageError, match="unknown category 'us_equity'") as caught:
        category_named("us_equity")
    assert "did you mean 'us_equities'" in caught.value.remedy
    with pytest.raises(UsageError) as caught:
        category_named("zzzzzz")
    assert "known are us_equities, etf" in caught.value.remedy
