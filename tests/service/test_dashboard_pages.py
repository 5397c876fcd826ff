"""The pages of the queue, the streams, the gaps, the quarantine, the schedule and the plan, asked as a browser asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from test_dashboard_door import PAGE, READER, SET, log_in, mark

from forebay.ledger.consumers import Consumers
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.schedule import ScheduleBook
from forebay.ledger.streams import Streams
from forebay.model.consuming import ConsumerHealth
from forebay.model.intervals import Interval
from forebay.model.live import Cause, Cluster, Interruption, StreamHealth, StreamState, Subscription
from forebay.model.partition import Partition, Source
from forebay.model.task import Retry, TaskDraft, TaskKind, TaskState

DAY = date(2026, 3, 2)


def app_of(client):
    """The application behind a client."""
    return client.app.state.desk.app


def draft(number, symbol="AAPL"):
    """A task as a planner wants it."""
    return TaskDraft(
        TaskKind.FETCH,
        f"rest/stocks/bars_1m/{symbol}/{number}",
        "rest/bars/1m",
        Partition("stocks/bars_1m", symbol, Interval(DAY, DAY + timedelta(days=number))),
        "lake",
        Source.REST,
    )


def fail_one(ledger):
    """The oldest task, failed; its number."""
    lease = ledger.tasks.claim("worker-7")
    ledger.tasks.finish(lease, Retry("server_error", "HTTP 503 <b>gone</b>", after=3600))
    return lease.task.id


@pytest.fixture
def queued(client):
    """A client of a service with one failed, one held and several waiting tasks; the failed one's number."""
    ledger = app_of(client).ledger
    ledger.tasks.add([draft(number) for number in range(4)])
    failed = fail_one(ledger)
    ledger.tasks.claim("worker-8")
    return client, failed


def see(client, path):
    """A page that is there."""
    page = client.get(path, headers=PAGE)
    assert 200 == page.status_code, page.text
    return page.text


def act(client, path, **form):
    """Send a form of a page."""
    return client.post(path, data={"csrf": mark(client.get("/queue", headers=PAGE)), **form}, headers=PAGE)


def test_a_new_home_has_every_page(client):
    """Before anything is held each page is there, says so, and names a command that begins."""
    for path in ("/queue", "/streams", "/gaps", "/quarantine", "/schedule", "/plan"):
        page = see(client, path)
        assert f'href="{path}" aria-current="page"' in page
        assert path == "/quarantine" or "<code>forebay " in page


def test_the_queue_says_who_works_on_what(queued):
    """Counts, the worker with its task, the error of a failed one, escaped, and what is left of the calls."""
    client, failed = queued
    page = see(client, "/queue")
    assert "worker-8" in page
    assert "HTTP 503 &lt;b&gt;gone&lt;/b&gt;" in page
    assert f'href="/queue/{failed}"' in page
    assert "Used, last minute" in page


def test_the_queue_is_narrowed_and_paged(client):
    """A state, a kind, a table and a symbol narrow the list; a link leads to the next page, each task once."""
    app_of(client).ledger.tasks.add([draft(number, "MSFT") for number in range(60)] + [draft(1)])
    page = see(client, "/queue?symbol=MSFT&state=pending&kind=fetch&table=stocks/bars_1m")
    first = set(_numbers(page))
    rest = page.partition('<p><a href="')[2].partition('"')[0].replace("&amp;", "&")
    second = set(_numbers(see(client, f"/queue{rest}")))
    assert (50, 10, 60) == (len(first), len(second), len(first | second))
    assert [] == _numbers(see(client, "/queue?state=completed"))


def _numbers(page):
    return [part.partition('"')[0] for part in page.partition('id="tasks"')[2].split('href="/queue/')[1:]]


def test_words_that_are_none_are_refused(client):
    """A word of the address that is not understood is a page that says so."""
    for query in ["state=x", "symbol=a%20b", "table=../x", "after=%00", "kind=<b>"]:
        assert 422 == client.get(f"/queue?{query}", headers=PAGE).status_code


def test_a_failed_task_starts_over_by_its_button(queued):
    """The page of a task has its history and error; its button starts it over."""
    client, failed = queued
    page = see(client, f"/queue/{failed}")
    assert all(word in page for word in ("server_error", "Retry now", "failed download"))
    assert "Retry now" not in act(client, f"/queue/{failed}", action="retry").text
    assert TaskState.PENDING is app_of(client).ledger.tasks.get(failed).state


def test_tasks_are_paused_resumed_and_given_up(queued):
    """Each button does what its command does."""
    client, failed = queued
    tasks = app_of(client).ledger.tasks
    assert "Resume" in act(client, f"/queue/{failed}", action="pause").text
    assert "paused" == tasks.get(failed).hold
    act(client, f"/queue/{failed}", action="resume")
    assert tasks.get(failed).hold is None
    act(client, f"/queue/{failed}", action="cancel")
    assert TaskState.PERMANENT_FAILURE is tasks.get(failed).state
    act(client, "/queue", action="retry")
    assert TaskState.PENDING is tasks.get(failed).state
    assert [400, 400] == [act(client, "/queue", action=each).status_code for each in ("cancel", "drop")]
    assert 404 == act(client, "/queue/999", action="retry").status_code


def test_who_may_only_look_has_no_buttons(serve):
    """With the token for looking the pages have no form that does something, and the actions are refused."""
    with serve(**SET) as client:
        log_in(client, READER)
        app_of(client).ledger.tasks.add([draft(1)])
        failed = fail_one(app_of(client).ledger)
        for path in ("/queue", f"/queue/{failed}", "/schedule", "/gaps?symbol=AAPL"):
            forms = {part.partition('"')[0] for part in see(client, path).split('method="post" action="')[1:]}
            assert {"/theme", "/logout"} == forms
        assert 403 == act(client, f"/queue/{failed}", action="retry").status_code
        assert TaskState.FAILED_DOWNLOAD is app_of(client).ledger.tasks.get(failed).state


def test_streams_and_their_interruptions(client):
    """A cluster's health with its sinks, what is owed of it and what was made good."""
    app, heard = app_of(client), datetime(2026, 3, 2, 15, tzinfo=UTC)
    streams, book = Streams(app.ledger.database, app.clock), Interruptions(app.ledger.database, app.clock)
    streams.take(Cluster.STOCKS, "listener-1")
    health = StreamHealth(Cluster.STOCKS, "listener-1", StreamState.STREAMING, (Subscription("AM", "AAPL"),))
    streams.note(replace(health, lag=0.4, counts={"messages": 1234, "lake_sent": 1200, "lake_waiting": 34}))
    lost = Interruption(Cluster.STOCKS, (Subscription("AM", "AAPL"),), heard, None, Cause.SLOW)
    book.begin(lost)
    book.close(book.begin(replace(lost, ended=heard, cause=Cause.CLOSED)), {"calls": 2})
    page = see(client, "/streams")
    assert all(word in page for word in ("listener-1", "AM.AAPL", "1,234", "1,200", "slow consumer", "calls 2"))


def test_consumers_of_kafka(client):
    """Who stores what Kafka carries: how far behind, how much, and how much it could not use."""
    app = app_of(client)
    assert "Consumers of Kafka" not in see(client, "/streams")
    told = ConsumerHealth("trader-2-5", "store", lag=4321, counts={"messages": 9876, "rows": 5432, "dead_letters": 7})
    Consumers(app.ledger.database, app.clock).note(told)
    page = see(client, "/streams")
    assert all(word in page for word in ("trader-2-5", "consuming", "4,321", "9,876", "5,432", ">7<", "never"))


def test_the_schedule_is_stopped_and_started(client):
    """Jobs with their next run, and a switch that every daemon obeys."""
    app = app_of(client)
    book = ScheduleBook(app.ledger.database, app.clock)
    book.lead("daemon-1")
    book.register({"gap_detection": app.clock.now() + timedelta(hours=1)})
    assert all(word in see(client, "/schedule") for word in ("daemon-1", "gap detection", "Stop the schedule"))
    assert "Start the schedule" in act(client, "/schedule", on="false").text
    assert book.look().enabled is False
    act(client, "/schedule", on="true")
    assert book.look().running is True


def test_the_plan_says_what_the_vendor_answered(client):
    """How far back each dataset reaches, and when the vendor said so; keys are never shown."""
    app = app_of(client)
    app.ledger.entitlements.remember("rest/stocks", date(2021, 3, 2), app.clock.now())
    page = see(client, "/plan")
    assert all(word in page for word in ("rest/stocks", "2021-03-02", "not set", "POLYGON_API_KEY"))


def test_gaps_are_searched_and_their_repair_ordered(filled_home, serve):
    """A symbol is searched, dates that are none are refused, and the button orders a repair that the queue shows."""
    with serve(FOREBAY_HOME=str(filled_home)) as client:
        assert "AAPL: 0 sessions" in see(client, "/gaps?symbol=AAPL&start=2026-03-02&end=2026-03-06")
        for wrong in ("start=2026-13-01", "start=2026-03-06&end=2026-03-02", "start=2020-01-01&end=2026-01-01"):
            assert 400 == client.get(f"/gaps?symbol=AAPL&{wrong}", headers=PAGE).status_code
        ordered = act(client, "/gaps", symbol="AAPL", start="2026-03-02", end="")
        assert ordered.url.path == "/queue"
        assert "repair" in ordered.text
        assert client.app.state.runs.idle.wait(60)
