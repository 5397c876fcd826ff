"""Candles as coordinates."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from forebay.service.dashboard.chart import NARROW, WIDE, Band, Candle, Mark, Series, draw
from forebay.service.dashboard.scales import price_text, price_ticks, time_ticks, volume_text

MONDAY = datetime(2026, 3, 2)
DAY = timedelta(days=1)


def candle(day, *prices, volume=1000.0):
    low_to_high = prices or (10.0, 12.0, 9.0, 11.0)
    start = MONDAY + day * DAY
    return Candle(start, *low_to_high, volume, f"{start:%Y-%m-%d}")


def absent(first, last, bars, kind="gap"):
    return Band(MONDAY + first * DAY, MONDAY + (last + 1) * DAY, bars, "not held", kind)


def test_prices_become_heights():
    """A high stands above its body, a low below it; a candle that closes higher rises; larger prices stand higher."""
    one, two = draw(Series([candle(0, 10.0, 12.0, 9.0, 11.0), candle(1, 11.0, 11.5, 8.0, 8.5)])).candles
    assert [True, False] == [one.rises, two.rises]
    for each in (one, two):
        assert each.high <= each.top <= each.bottom <= each.low
    scale = (one.low - one.high) / (12.0 - 9.0)
    assert one.high + (12.0 - 8.5) * scale == pytest.approx(two.bottom, abs=0.05)


def test_everything_lies_inside():
    """No candle, volume, label or band leaves the picture, in either frame."""
    series = Series([candle(day) for day in range(300)], [absent(300, 320, 20)])
    for frame in (WIDE, NARROW):
        drawing = draw(series, frame)
        for each in drawing.candles:
            assert 0 <= each.slot <= each.left <= each.left + each.width <= drawing.right
            assert 0 <= each.high <= each.low <= drawing.floor <= each.volume <= drawing.bottom <= frame.height
        assert drawing.bands[0].left + drawing.bands[0].width == pytest.approx(drawing.right, abs=0.1)
        assert all(0 <= tick.at <= drawing.right for tick in drawing.times)
        assert all(0 <= tick.at <= drawing.floor for tick in drawing.prices)


def test_nights_and_weekends_take_no_room():
    """Bars that follow each other lie side by side, however long it was closed in between."""
    far = [candle(0), candle(1), candle(4), candle(60)]
    steps = {round(two.middle - one.middle, 1) for one, two in pairwise(draw(Series(far)).candles)}
    assert 1 == len(steps)


def test_a_gap_has_the_room_of_what_lacks():
    """Three sessions that are not held are a band three slots wide, between the bars around them."""
    drawing = draw(Series([candle(0), candle(4)], [absent(1, 3, 3)]))
    before, after = drawing.candles
    (band,) = drawing.bands
    assert pytest.approx(3 * drawing.step, abs=0.05) == band.width
    assert pytest.approx(before.slot + drawing.step, abs=0.05) == band.left
    assert pytest.approx(band.left + band.width, abs=0.05) == after.slot


def test_a_gap_in_part_lies_over_what_is_held():
    """A stretch with some of its bars is hatched as a whole: room for those that lack, and over those there are."""
    drawing = draw(Series([candle(0), candle(1), candle(2), candle(5)], [absent(1, 3, 4, "suspect")]))
    (band,) = drawing.bands
    held = [each for each in drawing.candles if band.left <= each.slot < band.left + band.width - 0.1]
    assert (2, pytest.approx(4 * drawing.step, abs=0.05)) == (len(held), band.width)
    whole = draw(Series([candle(0), candle(1)], [absent(1, 1, 1)]))
    assert pytest.approx(2 * whole.step, abs=0.1) == whole.right


def test_gaps_at_both_ends_and_alone():
    """A chart may begin and end with a gap, and may be nothing else."""
    first, last = draw(Series([candle(2)], [absent(0, 1, 2), absent(3, 5, 3)])).bands
    assert (0.0, pytest.approx(WIDE.width - 64, abs=0.1)) == (first.left, last.left + last.width)
    alone = draw(Series([], [absent(0, 4, 5)]))
    assert (1, 0, 0) == (len(alone.bands), len(alone.candles), len(alone.prices))


def test_one_bar():
    """A single bar is drawn, no wider than a person takes for a bar, with its date below."""
    drawing = draw(Series([candle(0)]))
    assert 24.0 == drawing.candles[0].width
    assert ["2 Mar 2026"] == [tick.label for tick in drawing.times]


def test_no_bars():
    """Nothing at all is an empty picture."""
    drawing = draw(Series([]))
    assert ((), (), (), (), "") == (drawing.candles, drawing.bands, drawing.times, drawing.prices, drawing.most)


def test_bars_without_volume():
    """Where no bar has a volume, prices take its room."""
    drawing = draw(Series([candle(0, volume=None), candle(1, volume=None)]))
    assert (drawing.bottom, "") == (drawing.floor, drawing.most)
    assert "V" not in drawing.candles[0].candle.text


@pytest.mark.parametrize("price", [0.0001, 0.01, 1.0, 182.1, 500_000.0])
def test_extreme_prices(price):
    """From a hundredth of a cent to half a million: a few round marks, each written differently, none below zero."""
    for prices in ((price, price, price, price), (price, price * 1.02, price * 0.98, price)):
        drawing = draw(Series([candle(0, *prices)]))
        labels = [tick.label for tick in drawing.prices]
        assert 2 <= len(labels) <= 9
        assert len(labels) == len(set(labels))
        assert all(0 <= float(label.replace(",", "")) for label in labels)
        assert drawing.candles[0].high <= drawing.candles[0].low


def test_a_split_stands_before_its_day():
    """A split is marked in front of the first bar in new shares; one that is not shown is left out."""
    marks = [Mark(MONDAY + day * DAY, "4:1", "4 for 1") for day in (-30, 2, 90)]
    drawing = draw(Series([candle(day) for day in range(4)], (), marks))
    assert [drawing.candles[2].slot] == [line.x for line in drawing.marks]


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (0.0001, "0.0001"),
        (0.00000012, "0.00000012"),
        (1, "1.00"),
        (182.1, "182.10"),
        (12.3456, "12.3456"),
        (499_999.5, "499,999.50"),
        (-37.63, "-37.63"),
    ],
)
def test_prices_as_text(price, text):
    """A price has two decimals at least, and those that matter."""
    assert text == price_text(price)


@pytest.mark.parametrize(
    ("volume", "text"), [(0.0125, "0.0125"), (950, "950"), (1234, "1.23K"), (999_700, "1,000K"), (1.5e9, "1.5B")]
)
def test_volumes_as_text(volume, text):
    """A volume is short."""
    assert text == volume_text(volume)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (9.8, 12.2, ["10.0", "10.5", "11.0", "11.5", "12.0"]),
        (0.0001, 0.0007, ["0.0001", "0.0002", "0.0003", "0.0004", "0.0005", "0.0006", "0.0007"]),
        (480_000, 520_000, ["480,000", "490,000", "500,000", "510,000", "520,000"]),
        (1.0, 2.2, ["1.00", "1.25", "1.50", "1.75", "2.00"]),
    ],
)
def test_round_prices(low, high, labels):
    """Marks of prices are round, with as many decimals as their step has."""
    assert labels == [text for _, text in price_ticks(low, high)]


def _labels(start, every, count, most=10):
    moments = [(10.0 * index, start + index * every) for index in range(count)]
    return [tick.label for tick in time_ticks(moments, most, 10.0)]


def test_times_are_as_fine_as_there_is_room():
    """Minutes are marked by the hour, days by the month and with the year where it turns, decades by years."""
    assert ["10:00", "11:00"] == _labels(MONDAY.replace(hour=9, minute=30), timedelta(minutes=5), 20, most=2)
    assert ["Dec", "2026", "Feb"] == _labels(datetime(2025, 11, 20), DAY, 90, most=4)
    assert ["2005", "2010", "2015"] == _labels(datetime(2001, 1, 3), timedelta(days=30), 190, most=4)
    assert ["3 Mar"] == _labels(MONDAY, timedelta(hours=1), 30, most=1)


def test_labels_do_not_touch():
    """Marks keep their distance, whatever the bars' times."""
    moments = [(0.0, MONDAY), (1.0, MONDAY + DAY), (2.0, MONDAY + 2 * DAY), (80.0, MONDAY + 3 * DAY)]
    places = [tick.at for tick in time_ticks(moments, 12, 72.0)]
    assert [1.0, 80.0] == places
