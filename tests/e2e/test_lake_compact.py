"""The lake in few files: by command, after a sync, and what the ledger still knows of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from homes import Home
from shell import Shell

from forebay import Lake
from forebay.model.task import TaskKind
from forebay.orchestration.compacting import Compacting

TABLE = "stocks/bars_1m"
SYNC = ("sync", "--datasets", TABLE, "--start", "2026-02-19", "--end", "2026-03-04")


def files(folder: str = "data") -> list[str]:
    """The Parquet files on disk of the minute bars, month by month."""
    return sorted(f"{path.parent.name}/{path.name}" for path in Path(folder, "lake", TABLE).rglob("*.parquet"))


def test_a_sync_compacts_what_is_over_and_worth_it(shell: Shell) -> None:
    """A month of seven files becomes one; one of three stays; the rows are those of a lake that was left as it came."""
    assert 0 == shell(*SYNC, "--no-compact", FOREBAY_HOME="plain").code
    said = shell(*SYNC)
    assert 0 == said.code, said.all

    assert 0 == shell("lake", "vacuum", "--grace-days", "0").code
    assert Lake("plain/lake").digest(TABLE) == Lake("data/lake").digest(TABLE)
    assert 7 + 3 == len(files("plain"))
    assert [1, 3] == [sum(path.startswith(month) for path in files()) for month in ("month=2026-02", "month=2026-03")]
    before = files()
    assert 0 == shell(*SYNC).code
    assert before == files()


def test_spans_are_compacted_by_command(shell: Shell) -> None:
    """--dry-run changes nothing; --span lays the table out anew; a second run finds nothing to do."""
    assert 0 == shell(*SYNC, "--no-compact").code
    digest = Lake("data/lake").digest(TABLE)

    planned = json.loads(shell("lake", "compact", "--datasets", TABLE, "--dry-run", "--json").out)
    assert [7, 3] == [work["files"] for work in planned["planned"]]
    assert [] == planned["done"]
    assert 10 == len(files())
    assert 0 == shell("lake", "compact", "--datasets", TABLE, "--span", "week").code

    weeks = {work.split("__")[0].rpartition("/")[2] for work in files() if "-" in work.rsplit("__", 1)[1]}
    assert {"2026-02-19", "2026-02-23", "2026-03-02"} == weeks
    assert "nothing to compact" in shell("lake", "compact", "--datasets", TABLE).out
    assert digest == Lake("data/lake").digest(TABLE)
    assert 2 == shell("lake", "compact", "--datasets", TABLE, "--span", "fortnight").code


def test_a_file_that_is_no_part_of_a_table_is_named_and_left(shell: Shell) -> None:
    """Parquet put there by hand: `verify` names it and finds nothing wrong, `vacuum` leaves it; ours are not named."""
    assert 0 == shell(*SYNC, "--no-compact").code
    strays = [Path("data/lake", TABLE, name) for name in ("month=2026-02/mine.parquet", "mine.parquet")]
    for path in strays:
        path.write_bytes(b"mine")
    assert 0 == shell("lake", "compact").code

    said = shell("lake", "verify", "--datasets", TABLE)

    assert 0 == said.code, said.all
    named = [line for line in said.err.splitlines() if "is no part of the table: it is left alone" in line]
    assert [f"note: {TABLE}/{path.relative_to(Path('data/lake', TABLE))}" for path in sorted(strays)] == [
        line.partition(" is no part")[0] for line in named
    ]
    assert 0 == shell("lake", "vacuum", "--grace-days", "0").code
    assert [b"mine", b"mine"] == [path.read_bytes() for path in strays]


def test_a_grace_of_a_million_days_is_refused_in_a_sentence(shell: Shell) -> None:
    """No calendar goes back so far: as an option and as a setting it is a wrong value, not a fault of the program."""
    asked = shell("lake", "vacuum", "--grace-days", "1000000")
    by_setting = shell("lake", "vacuum", LAKE_GRACE_DAYS="1000000")

    assert (2, 2) == (asked.code, by_setting.code)
    assert "'--grace-days'" in asked.err
    assert "LAKE_GRACE_DAYS=1000000" in by_setting.err


@pytest.mark.parametrize("command", ["compact", "vacuum"])
def test_a_lake_that_is_none_is_not_a_lake_without_work(shell: Shell, command: str) -> None:
    """A mistyped LAKE_URI - no folder, or one of other files - is an error, as is a table not held."""
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine", "utf-8")

    for uri, says in (("lake", "there is no lake at lake"), ("mine", "the lake at mine has no tables yet")):
        shell.refuses("lake", command, code=1, says=says, next_step="check the path (LAKE_URI)", LAKE_URI=uri)

    assert 0 == shell(*SYNC, "--no-compact").code
    absent = ("--datasets", f"{TABLE},stocks/bars_1d")
    shell.refuses(
        *("lake", command, *absent),
        code=1,
        says="has no table stocks/bars_1d; it has stocks/bars_1m",
        next_step="forebay sync --datasets stocks/bars_1d",
    )
    assert not Path("lake").exists()


def test_the_ledger_knows_a_compacted_lake_again(shell: Shell) -> None:
    """A ledger that was lost is made of the files' footers: what was held is held, at the same revisions."""
    assert 0 == shell(*SYNC).code
    assert 0 == shell("lake", "compact").code
    before = json.loads(shell("status", "--json").out)["covered"]
    for path in Path("data").glob("*.db*"):
        path.unlink()

    assert 0 == shell("ledger", "rebuild").code

    assert 0 == shell(*SYNC).code
    status = json.loads(shell("status", "--json").out)
    assert before == status["covered"]
    assert 0 == sum(status["tasks"].values())  # nothing was missing, so nothing was asked for


def test_a_compaction_is_a_task_like_any_other(home: Home, shell: Shell) -> None:
    """Queued and not yet done it hides no gap; any worker does it, once; done, it is due again only for new files."""
    assert 0 == shell(*SYNC, "--no-compact").code
    now = datetime(2026, 4, 1, tzinfo=UTC)
    with home.app() as app:
        queue = Compacting(app.ledger, app.compaction())
        assert [] == queue.queue([TABLE], datetime(2026, 2, 27, 12, tzinfo=UTC))  # February may still get its last day
        assert 1 == len(queue.queue([TABLE], now))
    planned = ("plan", *SYNC[1:-1], "2026-03-05", "--json")
    assert 1 == json.loads(shell(*planned).out)["tasks"]

    with home.app() as app:
        app.worker(kinds=[TaskKind.COMPACT], offline=True).drain()
        assert [] == Compacting(app.ledger, app.compaction()).queue([TABLE], now)

    assert 7 + 1 + 3 == len(files())
    assert 1 == sum("-" in path.rsplit("__", 1)[1] for path in files())
