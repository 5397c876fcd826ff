"""Sessions: against answers from the exchanges' published calendars and the vendor's pages."""

from datetime import UTC, date, datetime

import pytest

from forebay.model.calendar import is_full_session, last_complete_session, published_by, session, session_days


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "is_session"),
    [
        (date(2025, 11, 27), False),  # Thanksgiving
        (date(2025, 11, 28), True),  # the half day after it
        (date(2026, 1, 19), False),  # Martin Luther King Day
        (date(2026, 4, 3), False),  # Good Friday
        (date(2012, 10, 29), False),  # hurricane Sandy
        (date(2025, 1, 9), False),  # day of mourning
        (date(2026, 3, 9), True),
    ],
)
def test_new_york_holidays(day, is_session):
    """Holidays and the odd closures are no sessions; the days beside them are."""
    assert is_session == (day in session_days("XNYS", day, day))


def test_a_half_day_ends_early():
    """Regular hours end at 13:00 and extended hours at 17:00 New York time."""
    half = session("XNYS", date(2025, 11, 28))

    assert (utc(2025, 11, 28, 18), utc(2025, 11, 28, 22)) == (half.regular_closes, half.closes)


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2026, 3, 6), utc(2026, 3, 6, 9), utc(2026, 3, 7, 1)),  # before the spring switch: UTC-5
        (date(2026, 3, 9), utc(2026, 3, 9, 8), utc(2026, 3, 10, 0)),  # after it: UTC-4
        (date(2025, 10, 31), utc(2025, 10, 31, 8), utc(2025, 11, 1, 0)),  # before the autumn switch
        (date(2025, 11, 3), utc(2025, 11, 3, 9), utc(2025, 11, 4, 1)),  # after it
    ],
)
def test_extended_hours_follow_new_york_time(day, opens, closes):
    """04:00 to 20:00 Eastern, on either side of both clock changes."""
    bounds = session("XNYS", day)

    assert (opens, closes) == (bounds.opens, bounds.closes)


@pytest.mark.parametrize(
    ("calendar", "now", "expected"),
    [
        ("XNYS", utc(2026, 3, 9, 12), date(2026, 3, 6)),  # Monday morning: Friday
        ("XNYS", utc(2026, 3, 9, 23, 59), date(2026, 3, 6)),  # a minute before extended hours end
        ("XNYS", utc(2026, 3, 10, 0), date(2026, 3, 9)),
        ("XNYS", utc(2025, 11, 28, 3), date(2025, 11, 26)),  # the night of Thanksgiving
        ("24/7", utc(2026, 3, 8, 0, 1), date(2026, 3, 7)),
        ("forex", utc(2026, 3, 8, 12), date(2026, 3, 6)),  # Sunday noon: Friday
        ("CMES", utc(2026, 3, 8, 23), date(2026, 3, 6)),  # Sunday evening: Monday's session has begun
        ("CMES", utc(2026, 3, 9, 22), date(2026, 3, 9)),  # 17:00 in Chicago
    ],
)
def test_the_last_complete_session(calendar, now, expected):
    """A session counts when its extended hours are over, in the exchange's own time."""
    assert expected == last_complete_session(calendar, now)


def test_the_forex_week():
    """Sunday to Friday; Sunday begins and Friday ends at 17:00 New York time."""
    week = session_days("forex", date(2026, 3, 1), date(2026, 3, 7))

    assert [date(2026, 3, day) for day in range(1, 7)] == week
    assert utc(2026, 3, 1, 22) == session("forex", date(2026, 3, 1)).opens
    assert utc(2026, 3, 13, 21) == session("forex", date(2026, 3, 13)).closes


def test_a_futures_session_begins_the_evening_before():
    """A trade date runs from 17:00 to 17:00 Chicago time, Monday's from Sunday; on Thanksgiving it ends at noon."""
    monday, thanksgiving = session("CMES", date(2026, 3, 16)), session("CMES", date(2025, 11, 27))

    assert (utc(2026, 3, 15, 22), utc(2026, 3, 16, 22)) == (monday.opens, monday.closes)
    assert utc(2025, 11, 27, 18) == thanksgiving.closes


def test_futures_rest_on_few_days():
    """Weekends, Good Friday, Christmas and New Year have no trade date; New York's other holidays have one."""
    week = session_days("CMES", date(2025, 12, 22), date(2026, 1, 4))

    assert [22, 23, 24, 26, 29, 30, 31, 2] == [day.day for day in week]
    assert [] == session_days("CMES", date(2026, 4, 3), date(2026, 4, 5))
    assert [date(2026, 1, 19)] == session_days("CMES", date(2026, 1, 17), date(2026, 1, 19))


def test_a_day_without_a_session_has_no_bounds():
    """Asking for the hours of a holiday is an error, not an empty session."""
    with pytest.raises(KeyError, match="no session"):
        session("XNYS", date(2025, 12, 25))


def test_files_are_due_at_eleven_in_new_york():
    """11:00 Eastern on the following day: 15:00 UTC in summer, 16:00 in winter."""
    assert [utc(2026, 7, 2, 15), utc(2026, 1, 6, 16)] == [
        published_by(date(2026, 7, 1)),
        published_by(date(2026, 1, 5)),
    ]


@pytest.mark.parametrize(
    ("calendar", "day", "full"),
    [
        ("XNYS", date(2024, 3, 7), True),
        ("XNYS", date(2024, 3, 9), False),
        ("XNYS", date(2024, 3, 29), False),
        ("XNYS", date(2024, 11, 29), False),
        ("CMES", date(2024, 3, 7), True),
        ("CMES", date(2024, 5, 27), False),
        ("24/7", date(2024, 3, 7), False),
        ("forex", date(2024, 3, 7), False),
    ],
)
def test_a_full_session_is_an_exchange_at_its_ordinary_hours(calendar: str, day: date, full: bool) -> None:
    """No weekend, holiday or half day; and none where no exchange says when it is open."""
    assert full == is_full_session(calendar, day)
