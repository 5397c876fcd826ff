"""Every page, over a ledger in which every name, reason and error is hostile, and holds a secret."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import polars as pl
import pytest
from starlette.testclient import TestClient

from forebay.db import tables
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import Feed
from forebay.model.intervals import Interval
from forebay.model.partition import Partition, Source
from forebay.model.registry import IngestionStatus, SymbolRegistry
from forebay.model.rows import bad_schema
from forebay.model.task import Discard, Retry, TaskDraft, TaskKind
from forebay.service.dashboard import rooms
from forebay.service.dashboard.symbols import path_of
from forebay.service.factory import create_app
from forebay.settings import load

PAGE = {"Accept": "text/html"}
SECRET = "s3cr3t-of-the-vendor"
HOSTILE = "<img src=x onerror=alert(1)>\"' onmouseover='alert(2) {{7*7}}"
ERROR = f"{HOSTILE} from https://somebody:{SECRET}@vendor.example/?apiKey={SECRET}"
TICKER = "<b>\"'&{{7*7}}"
NOW = datetime.now(UTC)
DAYS = Interval(date(2026, 3, 2), date(2026, 3, 6))
TABLE = LAKE_DATASETS["stocks/bars_1m"]
LOOKS = (
    "/",
    "/login",
    "/nowhere",
    "/grid/stocks/bars_1m",
    "/grid/stocks/bars_1m/2026-03",
    f"/grid/stocks/bars_1m/2026-03?symbol={path_of(TICKER).removeprefix('/symbols/')}",
    f"/why?table=stocks/bars_1m&start=2026-03-02&end=2026-03-06&symbol={path_of(TICKER).removeprefix('/symbols/')}",
    "/symbols",
    "/symbols?q=" + path_of(HOSTILE).removeprefix("/symbols/"),
    path_of(TICKER),
    f"{path_of(TICKER)}?ran={'a' * 32}",
    "/queue",
    "/queue/1",
    "/queue/2",
    "/gaps",
    "/streams",
    "/quarantine",
    "/quarantine?ended=true",
    "/quarantine/{note}",
    f"/quarantine/{{note}}?ran={'a' * 32}",
    f"/why?table=stocks/bars_1m&start=2026-03-02&end=2026-03-02&ran={'a' * 32}",
    "/schedule",
    "/plan",
)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A service with hostile words wherever other programs, the vendor or a person may have put some."""
    env = {"FOREBAY_HOME": str(tmp_path_factory.mktemp("hostile")), "POLYGON_API_KEY": SECRET}
    service = create_app(load(environ=env))
    with TestClient(service, "http://127.0.0.1:8000", client=("127.0.0.1", 40000)) as client:
        app = service.state.desk.app
        _spoil_ledger(app)
        _spoil_rows(app)
        client.note = _spoil_quarantine(app)
        yield client


def _spoil_ledger(app):
    feed = Feed(HOSTILE, (TABLE,), (TICKER,), DAYS.start, DAYS.end)
    app.ledger.feeds.remember(feed)
    whose = Partition(TABLE.table, TICKER, DAYS)
    app.ledger.tasks.add(
        [TaskDraft(TaskKind.FETCH, f"{HOSTILE}{n}", "rest/bars/1m", whose, "lake", Source.REST) for n in (1, 2)]
    )
    app.ledger.tasks.finish(app.ledger.tasks.claim(HOSTILE), Retry(HOSTILE, ERROR, after=3600))
    app.ledger.tasks.finish(app.ledger.tasks.claim(HOSTILE), Discard(HOSTILE, ERROR))
    evidence = Evidence(rows=3, reason=ERROR, details={"by_check": ERROR})
    rows = [
        Coverage(Partition(TABLE.table, each, DAYS), "lake", Source.REST, Verdict.SUSPECT, evidence, NOW)
        for each in (TICKER, "*")
    ]
    stays = Coverage(whose, "lake", Source.LAKE, Verdict.MISSING_UPSTREAM, evidence, NOW)
    app.ledger.coverage.record([*rows, stays])
    app.registry.add(SymbolRegistry(TICKER, description=HOSTILE, metadata={"x": HOSTILE}))
    app.registry.set_status(TICKER, IngestionStatus.ERROR, ERROR)


def _spoil_rows(app):
    asked = {"kind": "ingest", "symbols": [TICKER], "start": None, "end": None}
    run = {"id": "a" * 32, "asked": json.dumps(asked), "state": "failed", "ordered_at": NOW, "finished_at": NOW}
    came = {"completed": 0, "failed": 1, "records": 0, "errors": {HOSTILE: ERROR}, "error": ERROR}
    said = {"cluster": "stocks", "subscriptions": [], "error": ERROR}
    health = {
        "state": "stopped",
        "reconnects": 1,
        "gap_seconds": 0.0,
        "counts": {f"{TICKER}_sent": 1},
        "updated_at": NOW,
    }
    cut = {"began": NOW, "cause": "closed", "detail": ERROR, "evidence": {HOSTILE: ERROR}}
    job = {"name": "backfill", "done_until": NOW, "finished_at": NOW, "error": ERROR, "runs": 1}
    with app.ledger.database.write() as connection:
        connection.execute(tables.streams.insert().values(**said, **health, worker_id=HOSTILE))
        connection.execute(tables.interruptions.insert().values(**said, **cut, closed_at=NOW))
        connection.execute(tables.interruptions.insert().values(**said, **cut))
        connection.execute(tables.runs.insert().values(**run, **came, service=HOSTILE))
        connection.execute(tables.schedule_jobs.insert().values(**job))


def _spoil_quarantine(app):
    bad = pl.DataFrame({"ticker": [TICKER], "reason": [HOSTILE], "text": [ERROR]})
    rows = pl.concat([bad_schema(TABLE).to_frame(), bad], how="diagonal").select(bad_schema(TABLE).names())
    path = app.quarantine.keep(Partition(TABLE.table, TICKER, DAYS), key=HOSTILE, reason=ERROR, now=NOW, rows=rows)
    assert path.exists()
    (note,) = app.quarantine.list()
    return note.id


class _Seen(HTMLParser):
    """The elements of a page."""

    def __init__(self):
        super().__init__()
        self.elements = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))


@pytest.mark.parametrize("path", LOOKS)
def test_what_others_wrote_is_text(client, path):
    """No name, reason or error becomes an element, attribute or template; no secret is shown; nothing is inline."""
    page = client.get(path.format(note=client.note), headers=PAGE)
    assert ({"/nowhere": 404}.get(path, 200), True) == (page.status_code, "<main" in page.text), page.text
    assert SECRET not in page.text
    assert "<img" not in page.text
    assert "<b>" not in page.text
    assert TICKER.replace("{{7*7}}", "49") not in page.text
    seen = _Seen()
    seen.feed(page.text)
    for tag, attributes in seen.elements:
        assert [] == [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
        assert tag != "style"
        assert tag != "script" or attributes.get("src", "").startswith("/static/")
        assert not attributes.get("href", "/").startswith(("javascript:", "data:", "//", "http"))


@pytest.mark.parametrize(
    "path", ["/symbols", "/queue", "/queue/1", "/streams", "/schedule", "/quarantine/{note}", "/gaps"]
)
def test_what_others_wrote_is_shown(client, path):
    """It is shown all the same, letter by letter, with the secret masked."""
    assert "&lt;img src=x onerror=alert(1)&gt;" in client.get(path.format(note=client.note), headers=PAGE).text


@pytest.mark.parametrize("path", LOOKS)
def test_every_page_tells_the_browser_what_to_keep_out(client, path):
    """Each answer has the policy that lets in nothing from elsewhere, nothing inline, and no frame around it."""
    headers = client.get(path.format(note=client.note), headers=PAGE).headers
    policy = headers["content-security-policy"]
    assert all(word in policy for word in ("default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"))
    assert "unsafe" not in policy
    assert ("nosniff", "no-store") == (headers["x-content-type-options"], headers["cache-control"])


def _actions():
    """Every address of the dashboard that something is posted to, with something in its places."""
    for room in rooms._ROOMS:
        for route in room.routes:
            if "POST" in route.methods:
                yield re.sub(r"{[^}]*}", "1", route.path)


def test_no_action_goes_without_the_mark(client):
    """Whatever is posted to, now and later: with the browser's cookie alone nothing is done, whatever the form says."""
    client.get("/symbols", headers=PAGE)
    assert "forebay_session" in client.cookies
    actions = list(_actions())
    assert len(actions) >= 8
    for path in actions:
        form = {"csrf": "0" * 64, "action": "retry", "strategy": "stream", "symbol": "A", "on": "true", "reason": "x"}
        form |= {"table": "stocks/bars_1m", "start": "2026-03-02", "end": "2026-03-02"}
        answer = client.post(path, data=form, headers=PAGE, follow_redirects=False)
        assert (403, True) == (answer.status_code, "not of your session" in answer.text), path
