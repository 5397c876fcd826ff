"""The quarantine, by real commands against a simulated vendor: looked at, replayed, dismissed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from homes import END, START, Home, truth
from shell import Shell
from spoiling import Vendor, a_vendor

from forebay.lake.intake.quarantine import Quarantine
from forebay.ledger.filter import TaskFilter
from forebay.model.catalogue import DATASETS
from forebay.model.coverage import Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Partition
from forebay.model.rows import bad_schema
from forebay.model.task import TaskState
from forebay.orchestration.mend import reload_draft

DAYS = DATASETS["us_stocks_sip/day_aggs_v1"]
DAY = date(2026, 3, 3)
NOW = datetime(2026, 3, 4, tzinfo=UTC)
NO_FILE_KEYS = {"POLYGON_S3_ACCESS_KEY_ID": "", "POLYGON_S3_SECRET_ACCESS_KEY": ""}
HOLD = ("--datasets", "stocks/bars_1d", "--start", str(DAY), "--end", str(DAY))


@pytest.fixture(scope="module")
def vendor(tmp_path_factory):
    with a_vendor(tmp_path_factory.mktemp("own"), DAYS, START, END, tickers=16) as running:
        yield running


@pytest.fixture
def home(tmp_path, vendor):
    return Home(tmp_path, vendor.sandbox)


def publish(vendor: Vendor, *, bad_rows: int) -> None:
    """The day's file, with a volume below zero in its first rows."""
    bad = pl.int_range(pl.len()) < bad_rows
    negative = pl.when(bad).then(-pl.col("volume")).otherwise(pl.col("volume")).alias("volume")
    vendor.spoil(DAYS, DAY, lambda rows: rows.with_columns(negative))


def listed(shell: Shell, *flags: str) -> list[dict]:
    said = shell("quarantine", "list", "--json", *flags)
    assert 0 == said.code, said.all
    return json.loads(said.out)


def test_bad_rows_are_shown_and_come_in_once_the_vendor_mended_them(shell, vendor, home):
    """Two bad rows of a file: listed, printed, kept as they are while they are bad, and whole when they are not."""
    publish(vendor, bad_rows=2)
    assert 3 == shell("sync", *HOLD).code
    (note,) = listed(shell)

    assert ("stocks/bars_1d", str(DAY), 2) == (note["table"], note["day"], note["rows"])
    assert note["id"] in shell("quarantine", "list").out
    shown = shell("quarantine", "show", note["id"], "--rows", "1", "--format", "csv").out.splitlines()
    assert 2 == len(shown)
    assert "volume" in shown[1]
    assert "quarantined" in shell("lake", "verify").out
    assert 3 == shell("quarantine", "replay", note["id"]).code
    assert [note["id"]] == [each["id"] for each in listed(shell)]
    vendor.mend(DAYS, DAY)

    said = shell("quarantine", "replay", "--all", "--json")

    assert 0 == said.code, said.all
    assert ["replayed"] == [each["ended"] for each in json.loads(said.out)]
    held = home.lake.bars(None, "1d", DAY, DAY, asset_class="stocks").collect()
    assert truth(vendor.sandbox, "stocks/bars_1d", DAY, DAY)["ticker"].to_list() == held["ticker"].to_list()
    assert [] == listed(shell)
    assert 0 == shell("sync", *HOLD).code
    assert 0 == shell("lake", "verify").code


def test_kept_rows_that_pass_today_join_the_others(shell, vendor, home):
    """Rows that an earlier release kept and this one finds good: replayed without the vendor, once, and complete."""
    vendor.mend(DAYS, DAY)
    assert 0 == shell("sync", *HOLD).code
    before = home.lake.bars(None, "1d", DAY, DAY, asset_class="stocks").collect()
    gone = before["ticker"].to_list()[:2]
    _keep_as_an_earlier_release(home, gone)
    (note,) = listed(shell)
    left = home.lake.bars(None, "1d", DAY, DAY, asset_class="stocks").collect()
    assert before.height - 2 == left.height

    first = shell("quarantine", "replay", note["id"], **NO_FILE_KEYS)
    again = shell("quarantine", "replay", note["id"], **NO_FILE_KEYS)

    assert (0, 0) == (first.code, again.code), first.all + again.all
    after = home.lake.bars(None, "1d", DAY, DAY, asset_class="stocks").collect()
    assert before.equals(after)
    assert 0 == shell("lake", "verify").code, shell("lake", "verify").out
    assert 0 == shell("sync", *HOLD).code
    assert before.equals(home.lake.bars(None, "1d", DAY, DAY, asset_class="stocks").collect())


def _keep_as_an_earlier_release(home: Home, tickers: list[str]) -> None:
    """The lake and the ledger as if these tickers' rows had failed a check that is no more."""
    where = Partition("stocks/bars_1d", ALL_SYMBOLS, Interval(DAY, DAY))
    with home.app() as app:
        (row,) = app.ledger.coverage.find("lake", where.table, [ALL_SYMBOLS], where.dates)
        held = home.lake.bars(None, "1d", DAY, DAY, asset_class="stocks").collect()
        kept = held.filter(pl.col("ticker").is_in(tickers)).with_columns(
            pl.lit("round_price").alias("reason"), pl.lit(None, pl.String()).alias("text")
        )
        rest = held.filter(~pl.col("ticker").is_in(tickers))
        staged = app.tables.stage([rest], DAYS, "earlier", (DAY, row.evidence.revision))
        app.tables.replace_day(staged, DAY, row.evidence.revision)
        app.quarantine.keep(
            where,
            key=DAYS.key(DAY),
            reason="2 rows failed a check",
            now=app.clock.now(),
            rows=kept.select(bad_schema(DAYS).names()),
            revision=row.evidence.revision,
        )
        evidence = replace(row.evidence, rows=rest.height, reason="2 rows failed a check")
        app.ledger.coverage.record([replace(row, verdict=Verdict.SUSPECT, evidence=evidence)])


def test_a_replay_does_the_work_of_nobody_else(shell, vendor, home):
    """What others queued is left to those who run it: a replay loads its own file alone."""
    publish(vendor, bad_rows=1)
    shell("sync", *HOLD)
    (note,) = listed(shell)
    with home.app() as app:
        revision = app.ledger.listings.revisions(DAYS.name, DAY, DAY)[DAY]
        other = reload_draft(DAYS, DAY + timedelta(days=1), revision)
        app.ledger.tasks.add([other])

    said = shell("quarantine", "replay", note["id"])

    assert 3 == said.code, said.all
    with home.app() as app:
        (left,) = app.ledger.tasks.find(TaskFilter(key=other.key))
    assert TaskState.PENDING is left.state


def test_what_is_dismissed_counts_no_more(shell, vendor, home):
    """Kept with its reason and rows, out of the status and of the score; another id is a usage error."""
    publish(vendor, bad_rows=1)
    shell("sync", *HOLD)
    (note,) = listed(shell)
    assert "quarantine: 1 refused and kept" in shell("status").out

    assert 0 == shell("quarantine", "dismiss", note["id"], "--reason", "test symbols").code

    again = shell("quarantine", "replay", note["id"])
    assert [] == listed(shell)
    (ended,) = listed(shell, "--ended")
    assert ("dismissed", "test symbols", 1) == (ended["ended"], ended["ended_reason"], ended["rows"])
    assert "quarantine:" not in shell("status").out
    assert f"{note['id']} stocks/bars_1d {DAY}: done: dismissed before: test symbols" in again.out
    assert "quarantined" not in shell("lake", "verify").out
    shell.refuses("quarantine", "show", "00000000", says="nothing in quarantine", next_step="quarantine list")
    shell.refuses("quarantine", "replay", says="name what to replay", next_step="quarantine list")


def test_a_table_that_the_lake_does_not_have_stays(shell, home):
    """A note of another program, or of a later release: it stays, and the replay says why."""
    Quarantine(home.folder / "data/quarantine").keep(
        Partition("bonds/bars_1d", ALL_SYMBOLS, Interval(DAY, DAY)), key="k", reason="why", now=NOW
    )

    said = shell("quarantine", "replay", "--all")

    assert 3 == said.code
    assert "the lake has no table bonds/bars_1d" in said.out


def test_a_stray_among_the_notes_ends_no_command(shell, vendor, home):
    """What is no note is named on stderr, with what to do; the notes are listed, shown, replayed and dismissed."""
    vendor.mend(DAYS, DAY)
    assert 0 == shell("sync", *HOLD).code
    quarantine = Quarantine(home.folder / "data/quarantine")
    quarantine.keep(Partition("bonds/bars_1d", ALL_SYMBOLS, Interval(DAY, DAY)), key="k", reason="why", now=NOW)
    stray = quarantine.folder / "bonds/bars_1d" / str(DAY) / "a.json"
    stray.write_text("dear diary", "utf-8")
    (note,) = listed(shell)

    commands = [
        (("quarantine", "list"), 0),
        (("quarantine", "replay", "--all"), 3),
        (("status",), 0),
        (("lake", "verify"), 0),
        (("ledger", "rebuild"), 0),
    ]
    for command, code in commands:
        said = shell(*command)
        assert code == said.code, said.all
        assert f"note: {stray.relative_to(home.folder)} is no note of the quarantine" in said.err
        assert "move it out of the folder" in said.err
    for command in (("show", note["id"]), ("dismiss", note["id"], "--reason", "mine")):
        assert 0 == shell("quarantine", *command).code
    assert [] == listed(shell)


def test_a_replay_that_was_killed_is_finished_by_the_next(shell, vendor, home):
    """SIGKILL when the lake has the rows and nobody else knows: the next replay ends it, and every count is right."""
    vendor.mend(DAYS, DAY)
    assert 0 == shell("sync", *HOLD).code
    before = home.lake.bars(None, "1d", DAY, DAY, asset_class="stocks").collect()
    _keep_as_an_earlier_release(home, before["ticker"].to_list()[:2])
    (note,) = listed(shell)
    command = ("quarantine", "replay", note["id"])

    killed = home.run(*command, **NO_FILE_KEYS, FOREBAY_FAILPOINT="lake.committed")
    said = shell(*command, **NO_FILE_KEYS)

    assert (-9, 0) == (killed.returncode, said.code), said.all
    assert before.equals(home.lake.bars(None, "1d", DAY, DAY, asset_class="stocks").collect())
    assert [] == listed(shell)
    assert 0 == shell("lake", "verify").code, shell("lake", "verify").out


def test_a_file_without_rows_is_no_answer_on_a_full_session(shell, vendor, home):
    """Re-published with a header only it takes nothing away: the day is suspect until the vendor mends the file."""
    vendor.mend(DAYS, DAY)
    assert 0 == shell("sync", *HOLD).code
    before = home.lake.bars(None, "1d", DAY, DAY, asset_class="stocks").collect()
    vendor.spoil(DAYS, DAY, lambda rows: rows.clear())

    said = shell("sync", *HOLD)

    assert 3 == said.code, said.all
    why = f"{DAYS.key(DAY)} has no rows, and {DAY} is a full session"
    assert f"suspect: {why}" in said.out
    assert before.equals(home.lake.bars(None, "1d", DAY, DAY, asset_class="stocks").collect())
    assert [why] == [note["reason"] for note in listed(shell)]
    assert 3 == shell("quarantine", "replay", "--all").code
    vendor.mend(DAYS, DAY)
    assert 0 == shell("sync", *HOLD).code
    assert before.equals(home.lake.bars(None, "1d", DAY, DAY, asset_class="stocks").collect())
