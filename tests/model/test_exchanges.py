"""The sessions that are shipped: against the library that they were taken from, and beyond the years they reach."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from importlib.resources import files

import pytest
from exchange_calendars import get_calendar

from forebay.model.calendar import session, session_days
from forebay.model.exchanges import FIRST_YEAR, HOURS, LAST_YEAR, trading_days, trading_hours


@pytest.fixture(scope="module", params=sorted(HOURS))
def library(request):
    """An exchange's name, and its calendar as exchange_calendars knows it today."""
    return request.param, get_calendar(request.param, start=f"{FIRST_YEAR}-01-01", end=f"{LAST_YEAR}-12-31")


def test_the_shipped_sessions_are_those_of_the_library(library):
    """Every session date, its opening and its close; else write the file anew, as the module says."""
    name, calendar = library
    expected = [
        (day.date(), opens.to_pydatetime(), closes.to_pydatetime())
        for day, opens, closes in calendar.schedule[["open", "close"]].itertuples()
    ]
    assert expected == [(day, *trading_hours(name, day)) for day in trading_days(name, LAST_YEAR)]


def test_no_library_is_asked_within_the_shipped_years():
    """A start of a command must not pay for pandas; a fresh interpreter is asked."""
    code = (
        "import sys; from datetime import date; from forebay.model.calendar import session, session_days\n"
        "session_days('XNYS', date(2003, 9, 10), date(2030, 12, 31)); session('CMES', date(2026, 3, 9))\n"
        "print(*{'pandas', 'numpy', 'exchange_calendars'} & set(sys.modules))"
    )
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "" == asked.stdout.strip()


def test_later_years_are_computed():
    """The table joins what the library says of the years after it: no session is lost or doubled at the seam."""
    new_year = session_days("XNYS", date(2030, 12, 30), date(2031, 1, 3))

    assert [date(2030, 12, 30), date(2030, 12, 31), date(2031, 1, 2), date(2031, 1, 3)] == new_year
    assert datetime(2031, 11, 28, 18, tzinfo=UTC) == session("XNYS", date(2031, 11, 28)).regular_closes


@pytest.mark.parametrize("day", [date(2002, 12, 31), date(2026, 3, 7)])
def test_there_is_nothing_before_the_first_year_and_on_weekends(day):
    """No session, and no hours of one."""
    assert [] == session_days("XNYS", day, day)
    with pytest.raises(KeyError, match="no session"):
        session("XNYS", day)


def test_the_file_says_where_its_lines_come_from():
    """The program that is named for it writes exactly the file that is shipped."""
    written = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "forebay.model.exchanges"], capture_output=True, text=True, check=True
    )
    assert files("forebay.model").joinpath("closures.csv").read_text("utf-8") == written.stdout
