"""From trades to bars: each rule by an example, and what must hold for every tape."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tape import DAY, at, built, read, table, trade

from forebay.bars.conditions import Unknown
from forebay.bars.trades import TradeRules
from forebay.errors import CheckFailed
from forebay.model.rows import BAR_ROWS
from forebay.sandbox.rules import counts_of

CLOCKS = ["09:29:59.9", "09:30:00", "09:30:59.999999999", "09:31:00", "15:59:59", "16:00:00", "16:00:01", "19:59:59"]
TEXTS = ["", "14", "14,12,41", "37", "12", "12,37", "13", "10", "17", "2", "38", "15", "16", "8", "5,37", "57", "99"]
PRICES = st.integers(1, 50_000_000).map(lambda price: price / 10_000)
SIZES = st.integers(1, 5_000_000_000).map(lambda size: size / 1_000_000)


@st.composite
def tapes(draw: st.DrawFn) -> list[tuple]:
    """Up to forty trades of three tickers, in file order: by ticker, then time, then number."""
    count = draw(st.integers(0, 40))
    trades = [
        trade(
            draw(st.sampled_from(CLOCKS)),
            draw(PRICES),
            draw(SIZES),
            draw(st.sampled_from(TEXTS)),
            ticker=draw(st.sampled_from(["A", "AAp", "AAPL"])),
            correction=draw(st.sampled_from([0, 0, 0, 0, 1, 7, 8, 10, 11, 12])),
            number=number,
        )
        for number in range(count)
    ]
    return sorted(trades, key=lambda one: (one[0].encode(), one[5], one[4]))


def by_hand(trades: list[tuple], window: str) -> list[tuple]:
    """The rules once more, a trade at a time: ticker, open, high, low, close, millionths of volume, transactions."""
    opens, closes = at("09:30:00"), at("16:00:00")
    groups: dict[tuple, list[tuple]] = {}
    for one in sorted(trades, key=lambda one: (one[5], one[4])):
        groups.setdefault((one[0], one[5] // 60_000_000_000 if window == "1m" else 0), []).append(one)
    bars = []
    for (ticker, start), members in sorted(groups.items()):
        told = []
        for _, text, correction, price, _, time, size in members:
            numbers = tuple(int(number) for number in text.split(",") if number)
            extended = window == "1m" and not opens <= time < closes
            stands = correction in (0, 1) and 99 not in numbers
            told.append((price, size, [stands and flag for flag in counts_of(numbers, extended_minute=extended)]))
        ends = [price for price, _, (_, sets, _) in told if sets]
        reached = [price for price, _, (sets, _, _) in told if sets]
        sizes = [round(size * 1_000_000) for _, size, (_, _, counts) in told if counts]
        if ends:
            bars.append((ticker, start, ends[0], max(reached), min(reached), ends[-1], sum(sizes), len(sizes)))
    return bars


def told(bars: pl.DataFrame, window: str) -> list[tuple]:
    minute = pl.col("window_start").dt.timestamp("us") // 60_000_000 if window == "1m" else pl.lit(0)
    volume = (pl.col("volume") * 1_000_000).round().cast(pl.Int64)
    return bars.select("ticker", minute.alias("m"), "open", "high", "low", "close", volume, "transactions").rows()


@settings(max_examples=100, deadline=None)
@given(tapes(), st.sampled_from(["1m", "1d"]))
def test_bars_are_what_the_rules_say(trades: list[tuple], size: str) -> None:
    """Every field of every bar, and no bar more, as worked out a trade at a time."""
    assert by_hand(trades, size) == told(built(table(trades), size), size)


@settings(max_examples=40, deadline=None)
@given(tapes(), st.data(), st.sampled_from(["1s", "1m", "1d"]))
def test_the_order_of_trades_does_not_matter(trades: list[tuple], data: st.DataObject, size: str) -> None:
    """Late and out-of-order prints end where their time and number put them, however a ticker's rows are shuffled."""
    shuffled = sorted(data.draw(st.permutations(trades)), key=lambda one: one[0].encode())
    assert built(table(trades), size).equals(built(table(shuffled), size))


@settings(max_examples=40, deadline=None)
@given(tapes(), st.data(), st.sampled_from(["10s", "1m", "5m", "1d"]))
def test_chunk_boundaries_do_not_matter(trades: list[tuple], data: st.DataObject, size: str) -> None:
    """A file cut anywhere, in the middle of a ticker or of a minute, makes the same bars to the last digit."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(trades)), max_size=6)))
    pieces = [table(trades[first:last]) for first, last in zip([0, *cuts], [*cuts, len(trades)], strict=True)]
    assert built(table(trades), size).equals(built(pieces, size))


@settings(max_examples=40, deadline=None)
@given(tapes(), st.permutations(range(40)))
def test_gathered_tickers_may_stand_in_any_order(trades: list[tuple], order: list[int]) -> None:
    """For named tickers the file need not be sorted at all."""
    mixed = [trades[place] for place in order if place < len(trades)]
    pieces = [table(mixed[first : first + 7]) for first in range(0, len(mixed) + 1, 7)]
    assert built(table(trades)).equals(built(pieces, gather=True))


@settings(max_examples=40, deadline=None)
@given(tapes())
def test_volume_is_conserved(trades: list[tuple]) -> None:
    """The day bar has every share that counts; minute bars have them all but for the minutes without a bar."""
    plain = [one for one in trades if one[1] in ("", "14", "12", "37")]
    days, minutes = built(table(plain), "1d"), built(table(plain))
    held = {name for name, *_ in by_hand(plain, "1d")}
    for ticker in held:
        shares = sum(round(one[6] * 1_000_000) for one in plain if one[0] == ticker and one[2] in (0, 1))
        assert shares == round(days.filter(ticker=ticker)["volume"].item() * 1_000_000)
        assert shares >= round(minutes.filter(ticker=ticker)["volume"].sum() * 1_000_000)


@given(st.lists(st.tuples(st.sampled_from(CLOCKS), PRICES, SIZES), min_size=1, max_size=10))
def test_odd_lots_alone_make_no_bar(trades: list[tuple]) -> None:
    """A minute in which no trade set a price has no bar, and its volume is in no minute bar."""
    odd = [trade(clock, price, size, "12,37", number=n) for n, (clock, price, size) in enumerate(trades)]
    assert 0 == built(table(odd)).height
    assert 0 == built(table(odd), "1d").height


def test_a_minute_ends_before_the_next_one() -> None:
    """`[t, t + 60 s)`, labelled by its start: the last nanosecond belongs to it, the next to the minute after."""
    bars = built(table([trade("09:30:59.999999999", 1.0), trade("09:31:00", 2.0, number=1)]))

    assert [at("09:30:00"), at("09:31:00")] == (bars["window_start"].dt.timestamp("us") * 1000).to_list()
    assert [1.0, 2.0] == bars["close"].to_list()


def test_ties_go_by_sequence_number() -> None:
    """Of trades at the same nanosecond the lower number is earlier."""
    first, last = trade("10:00:00", 5.0, number=3), trade("10:00:00", 6.0, number=9)
    for rows in ([first, last], [last, first]):
        assert (5.0, 6.0) == built(table(rows)).row(0)[2:6:3]


def test_odd_lots_count_for_volume_only() -> None:
    """Volume, transactions and the volume-weighted price have them; no price does."""
    rows = [trade("10:00:00", 10.0, 100), trade("10:00:01", 99.0, 50, "37", number=1)]
    bar = built(table(rows)).row(0, named=True)

    assert (10.0, 10.0, 150.0, 2) == (bar["high"], bar["close"], bar["volume"], bar["transactions"])
    assert round((1000 + 99 * 50) / 150, 6) == bar["vwap"]


def test_form_t_makes_extended_minutes_but_no_day_price() -> None:
    """A pre-market trade has a minute bar; the day bar takes its volume and not its price."""
    rows = [trade("08:00:00", 20.0, 100, "12"), trade("10:00:00", 10.0, 100, number=1)]

    assert [20.0, 10.0] == built(table(rows))["open"].to_list()
    day = built(table(rows), "1d").row(0, named=True)
    assert (10.0, 10.0, 200.0, 2) == (day["open"], day["high"], day["volume"], day["transactions"])
    assert at("00:00:00") == int(day["window_start"].timestamp()) * 1_000_000_000


def test_form_t_inside_the_regular_hours_sets_no_price() -> None:
    """A late report with Form T at noon counts for volume only."""
    assert 0 == built(table([trade("12:00:00", 20.0, 100, "12")])).height


def test_a_corrected_close_sets_prices_and_adds_no_volume() -> None:
    """It reaches the day bar however late it is printed."""
    rows = [trade("15:59:00", 10.0, 100), trade("16:10:00", 11.0, 5000, "38", number=1)]
    day = built(table(rows), "1d").row(0, named=True)

    assert (11.0, 11.0, 100.0, 1) == (day["close"], day["high"], day["volume"], day["transactions"])
    alone = built(table(rows[1:])).row(0, named=True)
    assert (0.0, 0, None) == (alone["volume"], alone["transactions"], alone["vwap"])


def test_half_days_close_at_one() -> None:
    """On 2025-11-28 a Form T trade at 13:00 sets a price, on a whole day it does not."""
    half, whole = date(2025, 11, 28), date(2025, 11, 26)
    for day, bars in ((half, 1), (whole, 0)):
        rows = table([trade("13:00:00", conditions="12")]).with_columns(sip_timestamp=pl.lit(at("13:00:00", day)))
        assert bars == built(rows, day=day).height


def test_corrections_follow_the_setting() -> None:
    """Of a corrected pair one record counts, which one is chosen; cancelled and erroneous ones never; all are told."""
    rows = table(
        [trade("10:00:00", float(code + 1), correction=code, number=code) for code in (0, 1, 7, 8, 10, 11, 12)]
    )
    bars, tally, _ = read(rows)
    other, other_tally, _ = read(rows, rules=TradeRules(corrections=(0, 12)))

    assert (1.0, 2.0, 2) == (bars["open"][0], bars["close"][0], bars["transactions"][0])
    assert (1.0, 13.0, 2) == (other["open"][0], other["close"][0], other["transactions"][0])
    assert {f"correction {code}": 1 for code in (7, 8, 10, 11, 12)} == tally.dropped
    assert {f"correction {code}": 1 for code in (1, 7, 8, 10, 11)} == other_tally.dropped


def test_unknown_conditions_are_counted_either_way() -> None:
    """Dropped trades and those that count all the same are told apart, by the condition."""
    rows = table([trade("10:00:00"), trade("10:00:01", 11.0, conditions="99", number=1)])
    dropped, dropping, _ = read(rows)
    kept, keeping, _ = read(rows, rules=TradeRules(Unknown.NEUTRAL))

    assert (10.0, 11.0) == (dropped["close"][0], kept["close"][0])
    assert ({"unknown condition 99": 1}, {}) == (dropping.dropped, dropping.unknown)
    assert ({}, {"unknown condition 99": 1}) == (keeping.dropped, keeping.unknown)


@pytest.mark.parametrize(
    ("price", "size", "clock", "reason"),
    [
        (0.0, 100.0, "10:00:00", "price"),
        (-1.0, 100.0, "10:00:00", "price"),
        (float("nan"), 100.0, "10:00:00", "price"),
        (float("inf"), 100.0, "10:00:00", "price"),
        (10.0, 0.0, "10:00:00", "size"),
        (10.0, -5.0, "10:00:00", "size"),
        (10.0, float("nan"), "10:00:00", "size"),
        (10.0, 1e300, "10:00:00", "size"),
        (1e9, 1e9, "10:00:00", "value"),
    ],
)
def test_rows_that_cannot_be_trades_are_set_aside(price: float, size: float, clock: str, reason: str) -> None:
    """They change no bar; each is kept with its reason and its values."""
    good = [trade("10:00:00"), trade("10:00:02", 12.0, number=2)]
    bars, tally, bad = read(table([good[0], trade(clock, price, size, number=1), good[1]]))

    assert built(table(good)).equals(bars)
    assert {reason: 1} == tally.bad
    assert ("A", reason) == (bad["ticker"][0], bad["reason"][0])
    assert bad["text"][0].startswith("A,,0,")


@pytest.mark.parametrize("stamp", [2**53, 0, -1, at("00:00:00") - 1, at("00:00:00") + 86_400_000_000_000])
def test_times_of_other_days_are_set_aside(stamp: int) -> None:
    """Another unit, or another day, by a nanosecond."""
    rows = table([trade("10:00:00")]).with_columns(sip_timestamp=pl.lit(stamp))
    bars, tally, _ = read(rows)

    assert (0, {"outside_session_date": 1}) == (bars.height, tally.bad)


def test_nanoseconds_are_exact() -> None:
    """Times beyond 2^53 are never floats: two trades a nanosecond apart keep their order."""
    rows = [trade("10:00:00.000000001", 2.0, number=1), trade("10:00:00.000000002", 3.0, number=0)]
    assert (2.0, 3.0) == built(table(rows[::-1])).row(0)[2:6:3]


def test_marks_without_volume_may_be_of_size_zero() -> None:
    """An official close is no trade, and no bad row."""
    _, tally, bad = read(table([trade("16:00:01", 10.0, 0.0, "15")]))
    assert (0, {}) == (bad.height, tally.bad)


def test_a_ticker_in_two_places_is_refused() -> None:
    """A file that is not sorted by ticker would need all of its bars in memory: it is named, with a way out."""
    rows = [trade("10:00:00", ticker=ticker, number=n) for n, ticker in enumerate("ABA")]
    for pieces in ([table(rows)], [table([one]) for one in rows]):
        with pytest.raises(CheckFailed, match="the trades of A do not stand together") as refused:
            built(pieces)
        assert "--tickers" in refused.value.remedy


@pytest.mark.parametrize(
    ("size", "count"), [("1s", 23_400), ("10s", 2340), ("2m", 195), ("1h", 7), ("4h", 2), ("1d", 1)]
)
def test_any_size_starts_at_midnight(size: str, count: int) -> None:
    """A trade every second of the regular hours: windows are multiples of the size since New York's midnight."""
    start = at("09:30:00")
    rows = table([trade("09:30:00")]).select(pl.exclude("sip_timestamp"))
    seconds = pl.DataFrame({"sip_timestamp": [start + n * 1_000_000_000 for n in range(23_400)]})
    bars = built(rows.join(seconds, how="cross").select(table([]).columns), size)

    assert count == bars.height
    assert 2_340_000 == bars["volume"].sum()
    assert BAR_ROWS == bars.schema
    assert {"trades"} == set(bars["source"])
    assert {DAY} == set(bars["session_date"])


def test_sizes_of_whole_minutes_are_made_of_minute_bars() -> None:
    """As the vendor makes them: the volume of a minute without a bar is in no larger bar either."""
    rows = [trade("10:00:00", 10.0, 100), trade("10:01:00", 10.0, 50, "37", number=1)]
    assert [100.0] == built(table(rows), "2m")["volume"].to_list()
