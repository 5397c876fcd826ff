"""A walk through the coverage grid as a person takes it: a red cell is found, explained, and mended by its button."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import date

import pytest
from browsing import PATIENCE, PHONE, axe, fits, keep
from playwright.sync_api import expect

from forebay.app import App, new_worker_id
from forebay.clock import SystemClock
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.feed import LAKE, Feed
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS
from forebay.settings import load

MINUTES = BAR_DATASETS["stocks/bars_1m"]
MARCH = "/grid/stocks/bars_1m/2026-03"
GREEN, RED, ADRIFT = "v-complete", "v-missing", "v-drift"
expect.set_options(timeout=PATIENCE)


@contextmanager
def opened(service):
    """The application of another process over the same home."""
    app = App(load(environ={**service.env, "FOREBAY_HOME": str(service.home)}), SystemClock(), new_worker_id())
    try:
        yield app
    finally:
        app.close()


@pytest.fixture(scope="module")
def with_gaps(service):
    """The service, when a feed wants three sessions more than were fetched."""
    feed = Feed("more", (MINUTES,), start=date(2026, 2, 19), end=date(2026, 3, 11))
    with opened(service) as app:
        app.ledger.feeds.remember(feed)
    return service


def box(page, name):
    """The cell of that month or day."""
    return page.get_by_role("link", name=name)


def has(name):
    """What a cell's class holds."""
    return re.compile(rf"\b{name}\b")


def test_a_red_cell_is_explained_and_mended_by_its_button(with_gaps, visit):
    """From the grid down to a day that lacks, why it does, and the button that brings it: it turns green alone."""
    page = visit(with_gaps.url)
    page.goto("/")
    march = box(page, "March 2026: 5 of 8 held; 3 missing")
    expect(march).to_have_class(has(RED))
    keep(page, "grid")
    march.click()
    expect(page).to_have_url(has("2026-03"))
    day = box(page, "Monday 09 March 2026: 0 of 1 held; 1 missing")
    expect(day).to_have_class(has(RED))
    keep(page, "grid_month")
    day.click()
    expect(page.locator("#cause")).to_contain_text("missing")
    expect(page.locator("pre")).to_have_text(
        "forebay sync --datasets stocks/bars_1m --start 2026-03-09 --end 2026-03-09"
    )
    keep(page, "why_red")
    page.get_by_role("button", name="Repair").click()
    expect(page.locator("#run")).to_contain_text("1 task done, 0 failed")
    expect(page.locator("#cause")).to_contain_text("complete")
    keep(page, "why_green")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Coverage").click()
    expect(box(page, "March 2026: 6 of 8 held; 2 missing")).to_be_visible()


def test_a_grid_that_is_looked_at_changes_by_itself(with_gaps, visit):
    """What another process does to the ledger is seen without loading the page again; drift has its own colour."""
    page = visit(with_gaps.url)
    page.goto(MARCH)
    day = box(page, "Wednesday 04 March 2026: 1 of 1 held")
    expect(day).to_have_class(has(GREEN))
    expect(page.locator("#live")).to_contain_text("live")

    with opened(with_gaps) as app:
        rows = app.ledger.coverage.find(
            LAKE, MINUTES.table, [ALL_SYMBOLS], Interval(date(2026, 3, 4), date(2026, 3, 4))
        )
        app.ledger.coverage.withdraw(rows)

    adrift = box(page, "Wednesday 04 March 2026: 0 of 1 held; 1 drift")
    expect(adrift).to_have_class(has(ADRIFT))
    keep(page, "grid_drift")
    adrift.click()
    expect(page.locator(".cause")).to_contain_text("of which the ledger knows nothing")
    page.get_by_role("button", name="Repair").click()
    expect(page.locator("#cause")).to_contain_text("complete")


PATHS = ("/", "/grid/stocks/bars_1m", MARCH, "/why?table=stocks/bars_1m&start=2026-03-02&end=2026-03-11")


def test_everybody_can_read_the_grid(with_gaps, visit):
    """In the dark and on a phone: no serious fault for who cannot see it or has no mouse, and no page too wide."""
    page = visit(with_gaps.url, size=PHONE, dark=True)
    found = {}
    for path in PATHS:
        page.goto(path)
        found[path] = axe(page), fits(page)
        keep(page, f"{path.split('?')[0].strip('/').replace('/', '_') or 'grid'}_phone_dark")

    assert dict.fromkeys(PATHS, ([], True)) == found


def test_the_grid_needs_no_script(with_gaps, visit):
    """Without JavaScript it leads as far: each cell is a link, and the button a form."""
    page = visit(with_gaps.url, javascript=False)
    page.goto(MARCH)
    box(page, "Tuesday 10 March 2026").click()

    expect(page.get_by_role("button", name="Repair")).to_be_visible()
