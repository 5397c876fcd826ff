"""`--until 16:00`: a time of day in New York, the next one."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from forebay.cli.options import next_at


@pytest.mark.parametrize(
    ("now", "moment", "expected"),
    [
        ("2026-03-05T15:00", time(16), "2026-03-05T21:00"),
        ("2026-03-05T21:00", time(16), "2026-03-06T21:00"),
        ("2026-03-06T02:00", time(16), "2026-03-06T21:00"),
        ("2026-03-07T22:00", time(16), "2026-03-08T20:00"),
        ("2026-10-31T23:30", time(20), "2026-11-01T00:00"),
    ],
)
def test_the_next_time_of_that_name_in_new_york(now: str, moment: time, expected: str) -> None:
    """Today's while it is ahead, else tomorrow's; over a change of the clocks, too."""
    begin, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now, expected))

    assert end == next_at(moment, begin)
