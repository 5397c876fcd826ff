"""Whether somebody is told of tasks that were given up."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from forebay.app import open_app
from forebay.app.alerts import judge
from forebay.ledger.filter import TaskFilter
from forebay.model.alert import Condition
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition, Source
from forebay.model.task import Discard, TaskDraft, TaskKind
from forebay.settings import load


@pytest.fixture
def app(tmp_path):
    with open_app(load(environ={"FOREBAY_HOME": str(tmp_path)})) as made:
        yield made


def _draft(number):
    day = date(2020, 1, 1) + timedelta(days=number)
    where = Partition("stocks/bars_1d", ALL_SYMBOLS, Interval(day, day))
    return TaskDraft(TaskKind.LOAD, f"{day}.csv.gz", "us_stocks_sip/day_aggs_v1", where, "lake", Source.FLATFILE)


def _told(app):
    return [alert.message for alert in judge(app).alerts if alert.condition is Condition.FAILED]


def test_what_a_person_gave_up_hides_no_other(app):
    """A thousand tasks that somebody cancelled are no alert, and the one before them that failed still is."""
    tasks = app.ledger.tasks
    tasks.add([_draft(0)])
    tasks.finish(tasks.claim("worker"), Discard("damaged", "the file ends early"))
    tasks.add([_draft(number) for number in range(1, 1_001)])
    assert 1_000 == tasks.cancel(TaskFilter(), "not needed")

    (message,) = _told(app)
    assert "1 load tasks were given up" in message
    assert "the file ends early" in message

    tasks.retry(TaskFilter(ids=[1]))
    tasks.cancel(TaskFilter(ids=[1]), "not needed either")
    assert [] == _told(app)
