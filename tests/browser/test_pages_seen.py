"""The pages of the queue, streams, gaps, quarantine, schedule and plan, seen by a person with a browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from browsing import DESK, PHONE, axe, fits, keep, serving

from forebay.app import App, new_worker_id
from forebay.clock import SystemClock
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.schedule import ScheduleBook
from forebay.ledger.streams import Streams
from forebay.model.intervals import Interval
from forebay.model.live import Cause, Cluster, Interruption, StreamHealth, StreamState, Subscription
from forebay.model.partition import Partition, Source
from forebay.model.task import Retry, TaskDraft, TaskKind, TaskState
from forebay.settings import load

pytestmark = pytest.mark.timeout(600)
TOKEN = "a-token-of-some-length"
FRIDAY = date(2026, 3, 6)
PAGES = ("/queue", "/gaps?symbol=AAPL&start=2026-03-05&end=2026-03-09", "/streams", "/quarantine", "/schedule", "/plan")


@pytest.fixture(scope="module")
def busy(vendor, synced):
    """That home in the middle of a day: tasks at work, failed and waiting, streams, a quarantine, a daemon."""
    app = App(load(environ={**vendor.env, "FOREBAY_HOME": str(synced)}), SystemClock(), new_worker_id())
    app.ledger.tasks.add([_draft(number) for number in range(6)])
    failed = app.ledger.tasks.claim("trader-1-4711-a0b1c2d3")
    app.ledger.tasks.finish(failed, Retry("server_error", "the vendor answered HTTP 503", after=3600))
    for worker in ("trader-1-4711-a0b1c2d3", "trader-2-815-d4e5f6a7"):
        app.ledger.tasks.advance(app.ledger.tasks.claim(worker), TaskState.DOWNLOADING)
    _listen(app)
    where = Partition("stocks/bars_1m", "*", Interval(FRIDAY, FRIDAY))
    app.quarantine.keep(
        where, key="us_stocks_sip/minute_aggs_v1/x.csv.gz", reason="3 rows: high < low", now=app.clock.now()
    )
    book = ScheduleBook(app.ledger.database, app.clock)
    book.lead("trader-1-4242-0f0f0f0f")
    soon = app.clock.now() + timedelta(hours=1)
    book.register(dict.fromkeys(("gap_detection", "snapshots", "streams", "files"), soon))
    app.ledger.entitlements.remember("rest/stocks", date(2021, 3, 2), app.clock.now())
    app.close()
    return failed.task.id


def _draft(number):
    dates = Interval(FRIDAY, FRIDAY + timedelta(days=number))
    key, partition = f"rest/stocks/bars_1m/AAPL/{number}", Partition("stocks/bars_1m", "AAPL", dates)
    return TaskDraft(TaskKind.FETCH, key, "rest/bars/1m", partition, "lake", Source.REST)


def _listen(app):
    streams, book = Streams(app.ledger.database, app.clock), Interruptions(app.ledger.database, app.clock)
    now, heard = app.clock.now(), (Subscription("AM", "*"), Subscription("T", "AAPL"))
    for cluster, state in {Cluster.STOCKS: StreamState.STREAMING, Cluster.CRYPTO: StreamState.WAITING}.items():
        streams.take(cluster, "trader-1-99-ab")
        counts = {"messages": 1_234_567, "bad": 2, "lake_sent": 1_230_000, "lake_waiting": 34, "kafka_sent": 1_234_000}
        health = StreamHealth(cluster, "trader-1-99-ab", state, heard, now, now, now, 0.42, 3, 12.5, counts)
        streams.note(replace(health, error=None if state is StreamState.STREAMING else "the connection was refused"))
    lost = Interruption(
        Cluster.STOCKS, heard, now - timedelta(minutes=5), now, Cause.SLOW, "it was not read fast enough"
    )
    book.begin(lost)
    book.close(book.begin(replace(lost, cause=Cause.CLOSED)), {"calls": 2, "symbols": 1, "bars": 5})


@pytest.mark.parametrize(("scheme", "size"), [("light", DESK), ("dark", PHONE)])
def test_every_page_is_for_everybody(busy, service, visit, scheme, size):
    """Light on a desk and dark on a phone: no serious fault for those who cannot see it, and no sideways scrolling."""
    page, faults = visit(service.url, size=size, dark=scheme == "dark"), {}
    for path in PAGES:
        page.goto(path)
        keep(page, f"{path.partition('?')[0].strip('/')}-{scheme}")
        if found := axe(page) + _width(page):
            faults[path] = found
    assert {} == faults


def _width(page):
    return [] if fits(page) else ["wider than its window"]


def test_a_failed_task_is_retried_by_its_button_and_seen_at_once(busy, service, visit):
    """What is done to a task on one page is seen on another that is open, without loading it again."""
    watching, acting = visit(service.url), visit(service.url)
    watching.goto(f"/queue/{busy}")
    watching.locator("#live[data-state=on]").wait_for()
    assert "failed download" in watching.locator("h1").inner_text()
    acting.goto(f"/queue/{busy}")
    keep(acting, "task")
    assert [] == axe(acting)
    acting.get_by_role("button", name="Retry now").click()
    watching.get_by_role("heading", level=1).filter(has_text="pending").wait_for()


def test_a_refused_file_is_replayed_by_its_button(busy, service, visit):
    """The button leads to the file's own page, which tells by itself how the replay ended."""
    page = visit(service.url)
    page.goto("/quarantine")
    page.get_by_role("button", name="Replay").click()
    page.locator("#run").get_by_text("its file cannot be had now").wait_for()
    keep(page, "quarantined")
    assert ([], True) == (axe(page), fits(page))
    assert page.get_by_role("button", name="Dismiss").is_visible()


def test_colours_are_chosen_by_the_button(service, visit):
    """The button turns a light page dark, on every page from then on."""
    page = visit(service.url)
    page.goto("/plan")
    page.get_by_role("button", name="Use dark colours").click()
    page.locator("html[data-theme=dark]").wait_for(state="attached")
    page.goto("/schedule")
    keep(page, "schedule-dark")
    assert "rgb(15, 20, 25)" == page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert [] == axe(page)


def test_every_page_works_without_a_script(busy, service, visit):
    """Without JavaScript the pages show the same, and their buttons do the same."""
    page = visit(service.url, javascript=False)
    page.goto("/schedule")
    page.get_by_role("button", name="Stop the schedule").click()
    page.get_by_role("button", name="Start the schedule").click()
    assert page.get_by_role("button", name="Stop the schedule").is_visible()


def test_a_keyboard_is_enough(service, visit):
    """The first key leads past the navigation to the content; what has the focus can be seen."""
    page = visit(service.url)
    page.goto("/queue")
    page.keyboard.press("Tab")
    assert "Skip to the content" == page.locator(":focus").inner_text()
    page.keyboard.press("Enter")
    assert "main" == page.locator(":focus").get_attribute("id")


def test_a_person_logs_in_and_out(vendor, synced, visit):
    """With a token a page asks for it first; after logging out it asks again."""
    with serving(synced, {**vendor.env, "FOREBAY_API_TOKEN": TOKEN}) as guarded:
        page = visit(guarded.url, expected=["403"])
        page.goto("/plan")
        keep(page, "login")
        assert ([], True) == (axe(page), fits(page))
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("alert").wait_for()
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="The vendor's plan").wait_for()
        page.get_by_role("button", name="Log out").click()
        page.get_by_label("Token").wait_for()
        page.goto("/plan")
        page.get_by_label("Token").wait_for()
