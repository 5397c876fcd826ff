"""What is judged to be wrong, and what is not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from forebay.budget.shared import Standing
from forebay.ledger.figures import Leases, Missing
from forebay.model.alert import Condition
from forebay.model.live import Cluster, StreamHealth, StreamState
from forebay.model.schedule import JobRun, Schedule
from forebay.orchestration import conditions
from forebay.orchestration.behind import Behind
from forebay.stores.disk import Room

NOW = datetime(2026, 3, 9, 17, tzinfo=UTC)
FRIDAY = date(2026, 3, 6)
HOUR = timedelta(hours=1)


def _said(alerts):
    return [(alert.condition, alert.subject) for alert in alerts]


def _tables(sessions):
    return [Behind("stocks/bars_1d", "lake", FRIDAY, FRIDAY + timedelta(sessions), sessions)]


def _stream(state=StreamState.STREAMING, worker="one", last=None):
    return [StreamHealth(Cluster.STOCKS, worker, state, last_message=last, started_at=NOW - 9 * HOUR)]


def _schedule(error):
    return Schedule(enabled=True, leader=None, leads_until=None, jobs=(JobRun("gap_detection", None, error=error),))


WANTED = {Cluster.STOCKS}
WAITING, STOPPED = StreamState.WAITING, StreamState.STOPPED


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        (conditions.stale(_tables(2)), conditions.stale(_tables(0))),
        (conditions.missing([Missing("lake", "stocks/bars_1d", 3, FRIDAY)]), conditions.missing([])),
        (conditions.stuck(Leases(1, 2, 1, NOW), NOW), conditions.stuck(Leases(1, 2, 0, NOW - 11 * HOUR), NOW)),
        (conditions.stuck(Leases(1, 2, 0, NOW - 13 * HOUR), NOW), conditions.stuck(Leases(0, 0, 0, None), NOW)),
        (conditions.streams_down(WANTED, [], NOW), conditions.streams_down(WANTED, _stream(), NOW)),
        (
            conditions.streams_down(WANTED, _stream(STOPPED, None, NOW), NOW),
            conditions.streams_down((), _stream(STOPPED, None), NOW),
        ),
        (
            conditions.streams_down(WANTED, _stream(WAITING, last=NOW - HOUR), NOW),
            conditions.streams_down(WANTED, _stream(WAITING, last=NOW - HOUR / 60), NOW),
        ),
        (conditions.disks({"home": Room(1000, 99)}, 0.1), conditions.disks({"home": Room(1000, 100)}, 0.1)),
        (
            conditions.quarantine([("stocks/bars_1d", NOW - 23 * HOUR)], NOW),
            conditions.quarantine([("stocks/bars_1d", NOW - 24 * HOUR)], NOW),
        ),
        (conditions.refused(Standing(5, 3, 0, 0, 0.0)), conditions.refused(Standing(5, 5, 5, 9, 0.0))),
        (conditions.refused(Standing(5, 5, 0, 0, 9.0)), conditions.refused(Standing(0, 0, 0, 0, 0.0))),
        (
            conditions.jobs(_schedule("odd")),
            conditions.jobs(_schedule(None)),
        ),
    ],
)
def test_a_condition_is_raised_by_what_it_is_for(bad, good):
    """Once, with a sentence and a next step; its neighbour that is all right raises nothing."""
    [alert] = bad
    assert alert.condition in Condition
    assert alert.subject in alert.key
    assert alert.message
    assert alert.remedy
    assert [] == list(good)


def test_several_subjects_are_several_alerts():
    """One that is over leaves the other as it is."""
    noted = [(table, NOW) for table in ("stocks/bars_1m", "stocks/bars_1d", "stocks/bars_1d")]
    quarantined = [(Condition.QUARANTINE, "stocks/bars_1d"), (Condition.QUARANTINE, "stocks/bars_1m")]
    assert quarantined == _said(conditions.quarantine(noted, NOW))
    both = conditions.streams_down({Cluster.CRYPTO, Cluster.STOCKS}, [], NOW)
    assert [(Condition.STREAM, "crypto"), (Condition.STREAM, "stocks")] == _said(both)
