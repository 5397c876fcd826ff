"""A lake in a bucket: the same deliveries, several writers, killed writers, and stores that cannot take commits."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest
from buckets import basin_in, home_in
from killing import die_at
from lakes import DAY, FIRST, SECOND, Basin, bars
from s3_server import ABucket, a_bucket

from forebay import Lake
from forebay.errors import StoreError, StoreUnavailable, UsageError
from forebay.lake.compaction.compaction import Compaction
from forebay.lake.compaction.vacuum import Vacuum
from forebay.lake.home.bucket import BucketHome
from forebay.lake.home.home import Conflict, scan
from forebay.lake.log import delta
from forebay.lake.log.delta import CHECKPOINT_EVERY, NewFile
from forebay.lake.log.log import TableLog
from forebay.lake.writing.table import LakeTables
from forebay.model.partition import Source
from forebay.stores.conditional import SCRATCH, Unconditional
from forebay.testing import FakeClock
from forked import ending, endings
from s3_gate import Gate, a_gate

TABLE = "stocks/bars_1m"
NEXT = DAY.replace(day=8)


@pytest.fixture
def bucket() -> Iterator[ABucket]:
    with a_bucket() as made:
        yield made


@pytest.fixture
def gate(bucket: ABucket) -> Iterator[Gate]:
    with a_gate(bucket.endpoint) as made:
        yield made


@pytest.fixture
def home(bucket: ABucket) -> BucketHome:
    return home_in(bucket.name, bucket.endpoint)


@pytest.fixture
def basin(tmp_path: Path, home: BucketHome) -> Iterator[Basin]:
    made = basin_in(tmp_path, home)
    yield made
    made.staging.close()


def fill(basin: Basin) -> None:
    """REST rows over the day and its neighbour."""
    basin.rest(bars("A", [DAY, NEXT]), "A", DAY, NEXT)


def deliver(basin: Basin) -> bool:
    """The day's flat file, for which some of those rows are rewritten."""
    return basin.flatfile(bars(["A", "B"], source=Source.FLATFILE, price=50.0))


def parquet_in(bucket: ABucket) -> list[str]:
    """The names of the Parquet files in a bucket."""
    return sorted(key.rpartition("/")[2] for key in iter(bucket.keys()) if key.endswith(".parquet"))


def test_a_bucket_holds_what_a_folder_would(tmp_path: Path, bucket: ABucket, home: BucketHome) -> None:
    """Deliveries, repetitions and replacements end in the same files and rows; nothing else stays in the bucket."""
    here, there = Basin(tmp_path / "here"), basin_in(tmp_path / "there", home)
    told = []
    for basin in (here, there):
        fill(basin)
        told.append([deliver(basin), deliver(basin), basin.flatfile(bars("A", price=60.0), DAY, SECOND)])

    assert [True, False, True] == told[0] == told[1]
    assert Lake(here.tables.home).digest(TABLE) == Lake(home).digest(TABLE)
    assert [path.name for path in here.files()] == parquet_in(bucket)
    assert "_forebay" not in " ".join(bucket.keys())
    assert [TABLE] == Lake(home).tables()
    for basin in (here, there):
        basin.staging.close()


def test_reading_from_a_bucket(basin: Basin, home: BucketHome) -> None:
    """Bars, SQL, earlier versions and single files, by their addresses and with no more than the keys given."""
    fill(basin)
    deliver(basin)

    lake = Lake(home)
    rows = lake.bars("A", start=NEXT).collect()
    assert [(NEXT, 10.0)] * 2 == rows.select("session_date", "open").rows()
    assert [("A", 4), ("B", 2)] == lake.sql("select ticker, count(*) from stocks.bars_1m group by 1 order by 1").rows()
    assert [10.0] * 4 == lake.bars("A", as_of=1).collect()["open"].to_list()
    assert [(4, 10.0)] == lake.sql("select count(*), max(open) from stocks.bars_1m", as_of=1).rows()
    table = home.table(TABLE)
    (path,) = [path for path in delta.files(delta.open_table(table)) if "__flatfile__" in path]
    assert 4 == scan(table, [path]).select(pl.len()).collect().item()
    with table.open(path) as file:
        assert table.look(path).size == len(file.read())
        file.seek(-4, 2)
        assert b"PAR1" == file.read()


def deliver_six_days(folder: Path, bucket: str, endpoint: str, first: int) -> None:
    """The flat files of six days from the `first` of the month on."""
    basin = basin_in(folder, home_in(bucket, endpoint), f"worker-{first}")
    for number in range(6):
        day = date(2024, 3, first + number)
        basin.flatfile(bars(["A", "B"], [day], source=Source.FLATFILE), day)


def test_processes_that_commit_at_once_lose_nothing(tmp_path: Path, bucket: ABucket, gate: Gate) -> None:
    """Two processes write six days each into one table, meeting each other's commits; all twelve are held."""
    where = (tmp_path, bucket.name, gate.url)

    assert [0, 0] == endings(deliver_six_days, [(*where, 1), (*where, 15)])

    home = home_in(bucket.name, bucket.endpoint)
    assert 12 == Lake(home).bars("A").collect()["session_date"].n_unique()
    assert 12 == delta.open_table(home.table(TABLE)).version()


def killed_delivery(folder: Path, bucket: str, endpoint: str, module: str, owner: str, step: str, when: str) -> None:
    """What `deliver` does, by a process that dies just before or after the first call of a step."""
    basin = basin_in(folder, home_in(bucket, endpoint), "dead")
    room = import_module(module)
    die_at(getattr(room, owner) if owner else room, step, when)
    deliver(basin)


STEPS = [
    ("forebay.stores.s3", "S3Store", "create", "after"),  # of the probe
    ("forebay.lake.home.bucket", "", "upload", "after"),
    ("forebay.lake.home.bucket", "BucketHome", "create", "after"),
]


@pytest.mark.parametrize(
    ("module", "owner", "step", "when"), STEPS, ids=[f"{owner}.{step}-{when}" for _, owner, step, when in STEPS]
)
def test_a_killed_writer_is_made_good_by_a_rerun(
    tmp_path: Path, bucket: ABucket, home: BucketHome, module: str, owner: str, step: str, when: str
) -> None:
    """SIGKILL before or after any step; the lake is whole at once, and the rerun ends as a run that was not killed."""
    basin = basin_in(tmp_path, home, "one")
    fill(basin)
    before = Lake(home).digest(TABLE)
    ended = ending(killed_delivery, tmp_path, bucket.name, bucket.endpoint, module, owner, step, when)
    killed = Lake(home).digest(TABLE)
    clean = Basin(tmp_path / "clean")
    fill(clean)
    deliver(clean)
    after = Lake(clean.tables.home).digest(TABLE)

    deliver(basin)

    assert -signal.SIGKILL == ended
    assert killed in (before, after)
    assert after == Lake(home).digest(TABLE)
    assert [path.name for path in clean.files()] == parquet_in(bucket)
    for each in (basin, clean):
        each.staging.close()


def test_a_bucket_is_compacted_and_swept(basin: Basin, bucket: ABucket, home: BucketHome) -> None:
    """Days become one file with the same rows; the old files go when their grace is over, and not before."""
    for day in (DAY, NEXT):
        basin.flatfile(bars(["A", "B"], [day], source=Source.FLATFILE), day)
    days, before = parquet_in(bucket), Lake(home).digest(TABLE)
    compaction, vacuum, now = Compaction(basin.tables), Vacuum(basin.tables), datetime.now(UTC)

    assert [8] == [done.rows for work in compaction.plan(TABLE) if (done := compaction.run(work))]
    (merged,) = (path.rpartition("/")[2] for path in delta.files(delta.open_table(home.table(TABLE))))
    assert [] == vacuum.run(TABLE, now)
    assert sorted([*days, merged]) == parquet_in(bucket)
    assert 2 == len(vacuum.run(TABLE, now + timedelta(days=8)))

    assert [merged] == parquet_in(bucket)
    assert before == Lake(home).digest(TABLE)
    basin.flatfile(bars(["A", "B"], price=60.0, source=Source.FLATFILE), DAY, SECOND)
    assert [60.0, 60.0, 10.0, 10.0] == Lake(home).bars("A").collect()["open"].to_list()


def test_a_vacuum_without_grace_spares_what_another_process_is_about_to_commit(
    basin: Basin, bucket: ABucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket has no lock: a file that was just uploaded and not yet committed must not go, or its rows are lost."""
    fill(basin)
    other, gone = home_in(bucket.name, bucket.endpoint), []

    def meanwhile(point: str) -> None:
        if point == "lake.placed":
            gone.extend(Vacuum(LakeTables(other, basin.staging), timedelta()).run(TABLE, datetime.now(UTC)))

    monkeypatch.setattr("forebay.lake.writing.placing.reach", meanwhile)
    deliver(basin)

    assert [] == gone
    assert {"A": 4, "B": 2} == dict(Lake(other).bars(["A", "B"]).collect().group_by("ticker").len().iter_rows())


@pytest.mark.parametrize("answer", [(501, "NotImplemented"), (400, "InvalidArgument")])
def test_a_store_that_refuses_the_condition_is_no_home(
    tmp_path: Path, bucket: ABucket, gate: Gate, answer: tuple[int, str]
) -> None:
    """As Backblaze B2 does: said before anything is stored, with what to do."""
    gate.refuses = answer
    basin = basin_in(tmp_path, home_in(bucket.name, gate.url))

    with pytest.raises(Unconditional, match=f"refuses conditional puts .{answer[0]} {answer[1]}") as refused:
        fill(basin)

    assert "LAKE_URI=data/lake" in refused.value.remedy
    assert "archive" in refused.value.remedy
    assert [] == bucket.keys()
    basin.staging.close()


def test_a_store_that_ignores_the_condition_is_no_home(tmp_path: Path, bucket: ABucket, gate: Gate) -> None:
    """It would overwrite commits without a word; the probe's second put shows it. Nothing of the probe stays."""
    gate.ignores = True
    home = home_in(bucket.name, gate.url)
    basin = basin_in(tmp_path, home)

    with pytest.raises(Unconditional, match="ignores the condition"):
        fill(basin)
    with pytest.raises(Unconditional, match="ignores the condition"):
        home.check()

    assert [] == bucket.keys()
    basin.staging.close()


def test_a_store_is_proved_once(tmp_path: Path, bucket: ABucket, gate: Gate) -> None:
    """One probe for all tables and deliveries of a process."""
    basin = basin_in(tmp_path, home_in(bucket.name, gate.url))
    fill(basin)
    deliver(basin)

    probed = [path for method, path in gate.asked if method == "PUT" and SCRATCH in path]
    assert 2 == len(probed)
    assert 1 == len(set(probed))
    basin.staging.close()


def test_what_a_killed_probe_left_is_removed(bucket: ABucket) -> None:
    """By the next, once it is old enough to be nobody's."""
    left = f"lake/{SCRATCH}left"
    bucket.client.put_object(Bucket=bucket.name, Key=left, Body=b"first")

    home_in(bucket.name, bucket.endpoint).check()
    assert [left] == bucket.keys()

    clock = FakeClock(datetime.now(UTC) + timedelta(hours=2))
    home_in(bucket.name, bucket.endpoint, clock).check()
    assert [] == bucket.keys()


def test_what_a_writer_began_to_upload_is_given_up(bucket: ABucket, home: BucketHome) -> None:
    """Of this lake, and only what is old; this server says that every upload began in 2010."""
    for key in ("lake/stocks/half", "elsewhere/half"):
        bucket.client.create_multipart_upload(Bucket=bucket.name, Key=key)

    assert 0 == home.give_up(datetime(2009, 1, 1, tzinfo=UTC))
    assert 1 == home.give_up(datetime(2011, 1, 1, tzinfo=UTC))
    assert ["elsewhere/half"] == bucket.open_uploads()


def test_an_answer_that_was_lost_is_no_conflict(tmp_path: Path, bucket: ABucket, gate: Gate) -> None:
    """The entry is in the log, its answer is not: a look tells that it is ours, and the table has one commit more."""
    home = home_in(bucket.name, gate.url)
    basin = basin_in(tmp_path, home)
    fill(basin)
    lost: list[str] = []

    def once(method: str, path: str) -> bool:
        if method == "PUT" and "_delta_log" in path and not lost:
            lost.append(path)
            return True
        return False

    gate.loses = once
    assert deliver(basin)

    assert 1 == len(lost)
    assert 2 == delta.open_table(home.table(TABLE)).version()
    basin.staging.close()


def test_a_number_that_is_taken_is_a_conflict(home: BucketHome) -> None:
    """Whoever is second learns of it, and sees the first one's files before it tries again."""
    first, second = (TableLog(home.table(TABLE), TABLE) for _ in range(2))
    first.refresh()
    second.refresh()
    first.commit([logged("A")], [], FIRST.last_modified, {})

    with pytest.raises(Conflict):
        second.commit([logged("B")], [], FIRST.last_modified, {})
    second.refresh()
    second.commit([logged("B")], [], FIRST.last_modified, {})

    held = {logged("A").path, logged("B").path}
    assert held == set(second.shelf.paths()) == set(delta.files(delta.open_table(home.table(TABLE))))


def test_a_table_that_two_make_at_once_is_one(bucket: ABucket, gate: Gate) -> None:
    """Between the look and the first entry another process makes the table: ours is opened, not refused."""
    made: list[str] = []

    def late(method: str, path: str) -> tuple[int, str] | None:
        if method == "PUT" and path.endswith(f"{0:020}.json") and not made:
            made.append(path)
            delta.open_or_create(home_in(bucket.name, bucket.endpoint).table(TABLE), TABLE)
        return None

    gate.forbids = late
    table = delta.open_or_create(home_in(bucket.name, gate.url).table(TABLE), TABLE)

    assert 1 == len(made)
    assert 0 == table.version()


def test_the_log_is_summed_up_in_a_bucket_too(home: BucketHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint is written with the same keys, and a load after it finds every file."""
    monkeypatch.setattr(delta, "CHECKPOINT_EVERY", 3)
    log = TableLog(home.table(TABLE), TABLE)
    log.refresh()
    for name in "ABCD":
        log.commit([logged(name)], [], FIRST.last_modified, {})
    monkeypatch.undo()

    names = [held.path.rpartition("/")[2] for held in home.table(TABLE).list("_delta_log")]
    again = TableLog(home.table(TABLE), TABLE)
    again.refresh()
    log.refresh()

    assert CHECKPOINT_EVERY > 4
    assert f"{3:020}.checkpoint.parquet" in names
    assert {logged(name).path for name in "ABCD"} == set(again.shelf.paths()) == set(log.shelf.paths())


def logged(symbol: str) -> NewFile:
    """A file in the log alone: nobody here reads it."""
    path = f"month=2024-03/2024-03-07__2024-03-07__rest__{symbol}__{0:012x}.parquet"
    return NewFile(path, "2024-03", 10, '{"numRecords":2}')


REFUSALS = [
    ((403, "AccessDenied"), StoreError, "do not allow this", "may list, read, write and delete"),
    ((403, "InvalidAccessKeyId"), StoreError, "does not accept the keys", "AWS_ACCESS_KEY_ID"),
    ((403, "RequestTimeTooSkewed"), StoreError, "does not accept the keys", "clock is right"),
    ((404, "NoSuchBucket"), StoreError, "there is no bucket", "LAKE_URI"),
    ((503, "SlowDown"), StoreUnavailable, "no good answer", "again later"),
]


@pytest.mark.parametrize(("answer", "kind", "says", "remedy"), REFUSALS, ids=[case[0][1] for case in REFUSALS])
def test_a_bucket_that_may_not_be_written(
    tmp_path: Path, bucket: ABucket, gate: Gate, answer: tuple[int, str], kind: type, says: str, remedy: str
) -> None:
    """One sentence and the next step, what is held is untouched, and no key is shown."""
    home = home_in(bucket.name, gate.url)
    basin = basin_in(tmp_path, home)
    fill(basin)
    before = bucket.digests()
    gate.forbids = lambda method, path: answer if method == "PUT" else None

    with pytest.raises(kind, match=says) as refused:
        deliver(basin)

    gate.forbids = lambda method, path: None
    assert remedy in refused.value.remedy
    assert before == bucket.digests()
    assert deliver(basin)
    assert "nowhere shown" not in f"{refused.value!r} {refused.value.__cause__!r} {home!r} {basin.tables!r}"
    basin.staging.close()


@pytest.mark.parametrize(
    ("answer", "says"),
    [((403, "InvalidAccessKeyId"), "does not accept the keys"), ((503, "SlowDown"), "no good answer")],
)
def test_a_bucket_that_may_not_be_read(
    basin: Basin, bucket: ABucket, gate: Gate, answer: tuple[int, str], says: str
) -> None:
    """Readers get the same sentences as writers."""
    fill(basin)
    gate.forbids = lambda method, path: answer

    with pytest.raises(StoreError, match=says):
        Lake(home_in(bucket.name, gate.url)).bars("A")


READS: list[Callable[[Lake], object]] = [
    lambda lake: lake.bars("A").collect(),
    lambda lake: lake.sql("select * from stocks.bars_1m"),
    lambda lake: lake.digest(TABLE),
]


@pytest.mark.parametrize("read", READS, ids=["Polars", "DuckDB", "digest"])
def test_what_an_engine_meets_is_told_alike(
    basin: Basin, bucket: ABucket, gate: Gate, read: Callable[[Lake], object]
) -> None:
    """The log may be read, the files may not: whichever library asked, it is the keys that do not allow it."""
    fill(basin)
    lake = Lake(home_in(bucket.name, gate.url))
    gate.forbids = lambda method, path: (403, "AccessDenied") if ".parquet" in path else None

    with pytest.raises(StoreError, match="the keys do not allow this in s3://"), lake.explained():
        read(lake)


def test_options_by_name(bucket: ABucket, basin: Basin, tmp_path: Path, native_environment: pytest.MonkeyPatch) -> None:
    """A user gives keys as Polars and delta-rs call them, or as settings; an unknown name is refused, without value."""
    fill(basin)
    address = f"s3://{bucket.name}/lake"
    options = {"AWS_ACCESS_KEY_ID": bucket.key_id, "aws_secret_access_key": bucket.secret, "endpoint": bucket.endpoint}

    native_environment.chdir(tmp_path)
    assert 4 == Lake(address, storage_options=options).bars("A").collect().height
    assert bucket.secret not in repr(Lake(address, storage_options=options))
    for name, value in options.items():
        native_environment.setenv(f"AWS_{name.upper().removeprefix('AWS_').replace('ENDPOINT', 'ENDPOINT_URL')}", value)
    assert 4 == Lake(address).bars("A").collect().height
    with pytest.raises(UsageError, match="unknown storage option 'aws_secret_key'") as refused:
        Lake(address, storage_options={"aws_secret_key": bucket.secret})
    assert bucket.secret not in f"{refused.value} {refused.value.remedy}"
