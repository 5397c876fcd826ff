"""The pages of the quarantine: looked at, dismissed, and tried again by a button."""

from __future__ import annotations

import shutil
from datetime import date

import polars as pl
from test_dashboard_door import PAGE, READER, SET, log_in
from test_dashboard_pages import act, app_of, see

from forebay import Lake
from forebay.model.catalogue import DATASETS
from forebay.model.coverage import Verdict
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition
from forebay.model.rows import bad_schema

DATASET, DAY = DATASETS["us_stocks_sip/day_aggs_v1"], date(2026, 3, 3)
WHERE = Partition(DATASET.table, ALL_SYMBOLS, Interval(DAY, DAY))


def keep(app, **more):
    """A refused file of the day; its note."""
    app.quarantine.keep(WHERE, key="us_stocks_sip/x.csv.gz", reason="high < low", now=app.clock.now(), **more)
    (note,) = app.quarantine.list()
    return note


def replayed(client, identity):
    """What the button is answered with, and the page that it leads to, once the order is carried out."""
    sent = act(client, f"/quarantine/{identity}/replay")
    assert client.app.state.runs.idle.wait(60)
    return sent, see(client, str(sent.url))


def test_quarantine_is_looked_at_and_dismissed(client):
    """What was refused is listed with its reason, and dismissed with one, which is kept."""
    note = keep(app_of(client))
    assert all(word in see(client, "/quarantine") for word in (note.id, "high &lt; low", "whole file"))
    assert f"forebay quarantine replay {note.id}" in see(client, f"/quarantine/{note.id}")
    assert 400 == act(client, f"/quarantine/{note.id}/dismiss", reason=" ").status_code
    dismissed = act(client, f"/quarantine/{note.id}/dismiss", reason="test symbols")
    assert [303] == [step.status_code for step in dismissed.history]
    assert "test symbols" in dismissed.text
    assert (note.id in see(client, "/quarantine"), note.id in see(client, "/quarantine?ended=true")) == (False, True)
    assert [404, 422] == [client.get(f"/quarantine/{each}").status_code for each in ("0" * 8, "g" * 8)]


def test_what_still_fails_stays_and_says_why(client):
    """The button orders a replay; its page tells how that went, and the queue that it was ordered."""
    note = keep(app_of(client))
    assert f'action="/quarantine/{note.id}/replay"' in see(client, "/quarantine")
    sent, page = replayed(client, note.id)
    assert [303] == [step.status_code for step in sent.history]
    assert (f"/quarantine/{note.id}", True) == (sent.url.path, "its file cannot be had now" in page)
    assert app_of(client).quarantine.find(note.id).ended is None
    assert f'href="/quarantine/{note.id}"' in see(client, "/queue").partition('id="runs"')[2]
    assert 404 == act(client, f"/quarantine/{'0' * 8}/replay").status_code


def test_what_is_dismissed_meanwhile_is_left_alone(client):
    """An order that waited finds that a person has settled it: that stands, with its reason."""
    note, runs = keep(app_of(client)), client.app.state.runs
    runs.stop()
    act(client, f"/quarantine/{note.id}/replay")
    act(client, f"/quarantine/{note.id}/dismiss", reason="test symbols")
    runs.start()
    assert runs.idle.wait(60)
    ended = app_of(client).quarantine.find(note.id)
    assert ("dismissed", "test symbols") == (ended.ended, ended.ended_reason)
    assert [{}] == [run.progress.errors for run in runs.book.find()]


def test_rows_that_are_good_by_now_come_into_the_lake(filled_home, serve, tmp_path):
    """Rows that an earlier release refused and this one finds good are in the lake after the button, and it is over."""
    home = shutil.copytree(filled_home, tmp_path / "copy")
    with serve(FOREBAY_HOME=str(home)) as client:
        before = _held(home)
        note = _refused_before(app_of(client), before)
        assert before.height - 2 == _held(home).height

        _, page = replayed(client, note.id)

        assert before.equals(_held(home))
        assert all(word in page for word in ("2 rows taken", "Replayed"))
        (row,) = app_of(client).ledger.coverage.find(LAKE, WHERE.table, [ALL_SYMBOLS], WHERE.dates)
        assert (Verdict.COMPLETE, before.height) == (row.verdict, row.evidence.rows)
        runs = len(client.app.state.runs.book.find())
        act(client, f"/quarantine/{note.id}/replay")
        assert runs == len(client.app.state.runs.book.find())


def _held(home):
    return Lake(home / "lake").bars(None, "1d", DAY, DAY, asset_class="stocks").collect()


def _refused_before(app, held):
    """The lake as if two of the day's rows had failed a check; the note on them."""
    (row,) = app.ledger.coverage.find(LAKE, WHERE.table, [ALL_SYMBOLS], WHERE.dates)
    revision = row.evidence.revision
    app.tables.replace_day(app.tables.stage([held[2:]], DATASET, "earlier", (DAY, revision)), DAY, revision)
    why = {"reason": pl.lit("round_price"), "text": pl.lit(None, pl.String())}
    bad = held[:2].with_columns(**why).select(bad_schema(DATASET).names())
    app.quarantine.keep(
        WHERE, key=DATASET.key(DAY), reason="2 rows failed", now=app.clock.now(), rows=bad, revision=revision
    )
    (note,) = app.quarantine.list()
    return note


def test_who_may_only_look_replays_and_dismisses_nothing(serve):
    """With the token for looking there are no buttons, and what they would send is refused."""
    with serve(**SET) as client:
        log_in(client, READER)
        note = keep(app_of(client))
        for path in ("/quarantine", f"/quarantine/{note.id}"):
            assert f'action="/quarantine/{note.id}' not in see(client, path)
        for action in ("replay", "dismiss"):
            assert 403 == act(client, f"/quarantine/{note.id}/{action}", reason="no").status_code
        assert ([], None) == (client.app.state.runs.book.find(), app_of(client).quarantine.find(note.id).ended)


def test_a_form_of_another_page_replays_nothing(client):
    """Without the mark of the session nothing is ordered."""
    note = keep(app_of(client))
    assert 403 == client.post(f"/quarantine/{note.id}/replay", headers=PAGE).status_code
    assert [] == client.app.state.runs.book.find()
