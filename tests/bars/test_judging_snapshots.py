"""What is said against a snapshot, by what the market was doing when it was asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from forebay.bars.snapshots import Expected, absent, judge
from forebay.model.instrument import AssetClass
from forebay.model.snapshot import LastQuote, LastTrade, Prices, Snapshot, SnapshotVerdict

GOOD, EMPTY, STALE = SnapshotVerdict.GOOD, SnapshotVerdict.EMPTY, SnapshotVerdict.STALE
SUSPECT, INCOMPLETE = SnapshotVerdict.SUSPECT, SnapshotVerdict.INCOMPLETE
PRICES = Prices(10.0, 11.0, 9.0, 10.5, 100.0)


def nanos(moment: datetime) -> int:
    return round(moment.timestamp()) * 10**9


def at(text: str) -> datetime:
    """A moment of the week of Wednesday 2025-11-26, in UTC: New York is five hours behind."""
    return datetime.fromisoformat(f"2025-11-{text}").replace(tzinfo=UTC)


def shown(asked: str, of: str | None, **more) -> Snapshot:
    """A snapshot asked for at a moment, whose newest word is of another; None: cleared."""
    empty = Snapshot("T", AssetClass.STOCKS, at(asked), timedelta(), previous=PRICES)
    told = empty if of is None else replace(empty, updated=nanos(at(of)), day=PRICES)
    return replace(told, **more)


@pytest.mark.parametrize(
    ("asked", "of", "verdict", "why"),
    [
        ("26T15:00", "26T14:59", GOOD, ""),
        ("26T15:00", "26T14:30", STALE, "it is of 2025-11-26 14:30:00 UTC, and the session of 2025-11-26 goes on"),
        ("26T15:00", "25T20:59", STALE, "before the session of 2025-11-26"),
        ("26T15:00", None, STALE, "no price of 2025-11-26, whose session began at 2025-11-26 14:30:00 UTC"),
        ("26T14:40", None, EMPTY, "no price of 2025-11-26 yet"),
        ("26T14:40", "25T22:00", GOOD, ""),
        ("26T09:30", "26T09:10", GOOD, ""),
        ("26T23:30", "26T16:00", GOOD, ""),
        ("27T16:00", "26T20:59", GOOD, ""),
        ("27T16:00", None, EMPTY, "no price of 2025-11-27 yet"),
        ("28T17:30", "28T17:00", STALE, "the session of 2025-11-28 goes on"),
        ("28T18:30", "28T17:00", GOOD, ""),
        ("28T19:00", "26T20:59", STALE, "before the session of 2025-11-28"),
        ("30T12:00", "28T17:59", GOOD, ""),
    ],
)
def test_age_is_measured_against_the_session(asked: str, of: str | None, verdict: SnapshotVerdict, why: str) -> None:
    """Silence counts in regular hours alone: not at night, not on Thanksgiving, not after an early close."""
    found = judge(shown(asked, of), Expected())
    assert verdict == found.verdict, found.reasons
    assert why in "; ".join(found.reasons)
    assert bool(why) == bool(found.reasons)


def test_delayed_data_are_not_stale_for_that() -> None:
    """A quarter of an hour behind is the present of a delayed plan; half an hour is not."""
    delayed = shown("26T15:30", "26T15:15", delay=timedelta(minutes=15))
    assert GOOD == judge(delayed, Expected()).verdict
    assert STALE == judge(replace(delayed, updated=nanos(at("26T14:55"))), Expected()).verdict


def test_any_newer_word_keeps_it_fresh() -> None:
    """A ticker that nobody trades, but that is quoted, is not stale."""
    quiet = shown("26T15:30", "26T15:00", quote=LastQuote(10.0, 1, 11.0, 1, nanos(at("26T15:29"))))
    assert GOOD == judge(quiet, Expected()).verdict


def test_pairs_follow_the_days_of_utc() -> None:
    """Crypto trades on a Sunday: silence then is silence."""
    pair = replace(shown("30T12:00", "30T11:00"), asset_class=AssetClass.CRYPTO)
    assert STALE == judge(pair, Expected()).verdict


def test_what_the_plan_shows_must_be_there() -> None:
    """A missing trade or quote counts where the plan has them, on an exchange, and where there was a trade at all."""
    bare, both = shown("26T15:00", "26T14:59"), Expected(trade=True, quote=True)
    assert GOOD == judge(bare, Expected()).verdict
    found = judge(bare, both)
    assert (INCOMPLETE, 2) == (found.verdict, len(found.reasons))
    trade, quote = LastTrade(10.0, 1, nanos(at("26T14:59"))), LastQuote(9.0, 1, 11.0, 1, nanos(at("26T14:59")))
    assert GOOD == judge(replace(bare, trade=trade, quote=quote), both).verdict
    assert EMPTY == judge(shown("26T14:40", None), both).verdict
    assert GOOD == judge(replace(bare, otc=True), both).verdict


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"day": Prices(10.0, 9.0, 11.0, 10.0)}, "the day's prices contradict each other: open 10.0, high 9.0"),
        ({"minute": Prices(0.0, 11.0, 0.0, 10.0)}, "the minute's prices contradict each other"),
        ({"previous": Prices(10.0, 11.0, 9.0, 12.0)}, "the previous's prices"),
        ({"day": Prices(10.0, float("inf"), 9.0, 10.0)}, "the day's prices"),
        ({"day": Prices(10.0, 11.0, 9.0, 10.0, -1.0)}, "the day's prices"),
        ({"updated": nanos(at("26T15:03"))}, "it is of 2025-11-26 15:03:00 UTC, after it was asked for"),
        ({"updated": None}, "it does not say when it is of"),
    ],
)
def test_contradictions_are_told_and_raise_nothing(wrong: dict, says: str) -> None:
    """Whatever the vendor writes, there is a verdict with its evidence; the gravest reason decides."""
    found = judge(shown("26T15:00", "26T14:30", **wrong), Expected(trade=True))
    assert SUSPECT == found.verdict
    assert says in "; ".join(found.reasons)
    assert "no last trade" in "; ".join(found.reasons)


@pytest.mark.parametrize(
    ("asked", "verdict"), [("26T15:00", SnapshotVerdict.ABSENT), ("26T14:00", EMPTY), ("30T15:00", EMPTY)]
)
def test_who_is_absent_is_told(asked: str, verdict: SnapshotVerdict) -> None:
    """No answer about a ticker is a verdict as well: a failure while the market is open, none in the night."""
    found = absent("T", AssetClass.STOCKS, at(asked))
    assert (verdict, None, asked == "26T15:00") == (found.verdict, found.snapshot, found.verdict.fails)
