"""`forebay archive verify`: storage against ledger against the vendor, and the way back to a whole archive."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from places import OPTIONS, STOCKS, WEEK, BucketPlace
from s3_server import a_bucket

from forebay.ledger.filter import TaskFilter
from forebay.model.coverage import Verdict
from forebay.model.task import TaskKind
from forebay.orchestration.archive.scrub import Due, within
from forebay.orchestration.discoverer import historical

KEYS = [OPTIONS.key(day) for day in WEEK]


def faults(found):
    return [(each["fault"], each["key"]) for each in found["findings"]]


def refill(keeper):
    """What a user runs every day."""
    keeper.run("discoverer", "historical", "--start", str(WEEK[0]), "--end", str(WEEK[-1]))
    keeper.run("worker", "--once")


def test_a_sound_archive_is_called_sound(keeper):
    """Exit code 0, each dataset counted from its three sides, and no byte of a file asked for."""
    keeper.fill(OPTIONS.name, STOCKS.name)
    before = len(keeper.home.vendor.requests)
    found = keeper.json("archive", "verify")

    assert found["sound"]
    assert found["vendor_left_out"] is None
    expected = [
        {"dataset": name, "ledger": 5, "storage": 5, "vendor": 5, "sound": 5} for name in (STOCKS.name, OPTIONS.name)
    ]
    assert expected == found["datasets"]
    assert {"listing"} == {request.kind for request in keeper.home.vendor.requests[before:]}
    assert "sound: nothing was found" in keeper.run("archive", "verify").out


def test_a_file_that_is_gone_is_fetched_again(keeper):
    """Exit code 3; the ledger no longer counts on it, so the next discoverer and worker bring it."""
    keeper.fill()
    keeper.place.remove(KEYS[1])
    found = keeper.json("archive", "verify", code=3)

    assert [("gone", KEYS[1])] == faults(found)
    assert [str(day) for day in WEEK if day != WEEK[1]] == [str(row.partition.day) for row in keeper.coverage()]
    refill(keeper)
    assert keeper.json("archive", "verify", "--deep")["sound"]
    assert {key: data for key, (data, _) in keeper.published().items()} == {key: keeper.place.read(key) for key in KEYS}


def test_a_file_of_another_size_is_put_aside_and_fetched_again(local):
    """What was there is kept; the archive is whole again after a worker's run."""
    local.fill()
    local.place.write(KEYS[2], b"cut off")
    found = local.json("archive", "verify", code=3)

    assert [("size", KEYS[2])] == faults(found)
    assert "7 bytes in storage" in found["findings"][0]["reason"]
    assert b"cut off" == local.place.read(f".forebay/damaged/{KEYS[2]}")
    refill(local)
    assert local.json("archive", "verify", "--deep")["sound"]


def test_only_a_deep_look_sees_a_bit_that_turned(keeper):
    """Same size, same time: its sha256 tells, it is put aside, and a worker brings the true one."""
    keeper.fill()
    keeper.place.spoil(KEYS[3])
    spoilt = keeper.place.read(KEYS[3])

    assert keeper.json("archive", "verify")["sound"]
    found = keeper.json("archive", "verify", "--deep", code=3)
    assert [("damaged", KEYS[3])] == faults(found)
    assert spoilt == keeper.place.read(f".forebay/damaged/{KEYS[3]}")
    refill(keeper)
    assert keeper.json("archive", "verify", "--deep")["sound"]
    assert keeper.published()[KEYS[3]][0] == keeper.place.read(KEYS[3])


def test_files_that_the_ledger_does_not_know_are_named_with_a_way_out(local):
    """A lost database: every file unknown, nothing touched, and the commands that take them over."""
    local.fill()
    found = local.json("archive", "verify", code=3, DATABASE_URL="sqlite:///another.db")

    assert [("unknown", key) for key in KEYS] == faults(found)
    assert "archive adopt" in found["findings"][0]["next"]
    assert "ledger rebuild" in found["findings"][0]["next"]
    assert KEYS == local.vendor_keys()


def test_foreign_objects_are_named_and_left_alone(keeper):
    """Inside a dataset's folder and outside of all of them."""
    keeper.fill()
    foreign = [f"{OPTIONS.name}/2026/03/notes.txt", "README.txt", "us_options_opra/unheard_of/x"]
    for key in foreign:
        keeper.place.write(key, b"mine")
    found = keeper.json("archive", "verify", code=3)

    assert [("foreign", key) for key in [foreign[0], *foreign[1:]]] == faults(found)
    assert all(b"mine" == keeper.place.read(key) for key in foreign)
    assert [("foreign", foreign[0])] == faults(keeper.json("archive", "verify", "--dataset", OPTIONS.name, code=3))


def test_a_file_published_anew_is_seen_and_both_revisions_are_kept(local, publish):
    """The vendor's listing tells; after a run both revisions can be had, and the archive is sound."""
    local.fill()
    old = local.place.read(KEYS[1])
    publish(KEYS[1], gzip.decompress(old) + b"O:LATE260320C00100000,1,1,1,1,1,0,1\n")
    new = local.published()[KEYS[1]][0]

    assert [("replaced", KEYS[1])] == faults(local.json("archive", "verify", code=3))
    refill(local)
    assert local.json("archive", "verify", "--deep")["sound"]
    assert 1 == local.json("archive", "status")["datasets"][0]["earlier_revisions"]
    local.run("archive", "get", "--dates", str(WEEK[1]), "--out", "now")
    [kept] = local.json("archive", "get", "--dates", str(WEEK[1]), "--out", "then", "--earlier")
    assert new == (local.home.folder / "now" / KEYS[1]).read_bytes()
    assert old == (local.home.folder / kept["path"]).read_bytes()


def test_days_that_the_vendor_lists_and_nobody_holds_are_gaps(local):
    """Of the days that were asked for; what nobody asked for is no gap."""
    local.run("discoverer", "on-demand", "--dates", "2026-03-02,2026-03-05")
    local.run("worker", "--once")
    assert local.json("archive", "verify")["sound"]

    local.run("discoverer", "historical", "--start", "2026-03-02", "--end", "2026-03-05")
    found = local.json("archive", "verify", code=3)

    assert [("not_held", KEYS[1]), ("not_held", KEYS[2])] == faults(found)
    assert [] == faults(local.json("archive", "verify", "--end", "2026-03-02"))


@pytest.mark.parametrize(
    ("args", "env", "why"),
    [
        (["--offline"], {}, "--offline"),
        ([], {"POLYGON_S3_ACCESS_KEY_ID": "", "POLYGON_S3_SECRET_ACCESS_KEY": ""}, "S3 keys are not set"),
    ],
)
def test_the_vendor_is_left_out_by_wish_or_without_keys(local, args, env, why):
    """No request, no fourth column, and the reason is said."""
    local.fill()
    before = len(local.home.vendor.requests)
    found = local.json("archive", "verify", *args, **env)

    assert why in found["vendor_left_out"]
    assert [None] == [each["vendor"] for each in found["datasets"]]
    assert before == len(local.home.vendor.requests)
    assert why in local("archive", "verify", *args, **env).out


def test_a_budget_reads_on_where_the_last_run_ended(local):
    """Each run reads what was not looked at for longest, until all of it was read."""
    local.fill()
    read = []
    for _ in range(5):
        local.shell.clock.sleep(86400)
        found = local.json("archive", "verify", "--deep", "--budget", "1", "--offline")
        read.append(found["read"]["files"])
        reach = found["read_ever"]

    assert [1] * 5 == read
    assert (5, 5, reach["all_bytes"]) == (reach["files"], reach["all_files"], reach["bytes"])
    assert "read again since they were taken: 5 of 5 files" in local.run("archive", "verify", "--offline").out


def test_a_budget_takes_from_the_front_and_never_nothing():
    """Files in their order while they fit; the first one always, or a large one would never be read."""
    due = [Due("", "a", date(2026, 3, 2), 50), Due("1", "a", date(2026, 3, 3), 40), Due("2", "a", date(2026, 3, 4), 1)]

    assert due == within(None, due)
    assert due[:1] == within(10, due)
    assert due[:2] == within(90, due)
    assert [] == within(90, [])


@pytest.mark.parametrize("budget", ["ten", "-5GB", "5XB"])
def test_a_budget_that_is_no_size_is_refused(local, budget):
    """Usage, exit code 2, with the form that is meant."""
    local.shell.refuses("archive", "verify", "--deep", "--budget", budget, says="10GB", next_step="--help")


def test_a_budget_belongs_to_deep(local):
    """Without --deep it would mean nothing."""
    local.shell.refuses("archive", "verify", "--budget", "1GB", says="--deep", next_step="--deep")


def test_an_empty_place_is_not_believed(local):
    """A disk that is not mounted must not become the order to fetch everything again."""
    local.fill()
    for key in local.place.everything():
        local.place.remove(key)
    said = local.shell.refuses("archive", "verify", code=1, says="there is nothing at", next_step="mounted")

    assert "5 files" in said.err
    assert 5 == len(local.coverage())


def test_another_place_than_the_ledgers_is_refused(local):
    """A changed ARCHIVE_URI would make every file look gone."""
    local.fill()
    local.shell.refuses(
        "archive",
        "verify",
        code=2,
        says="the ledger's archive is at",
        next_step="ledger rebuild",
        ARCHIVE_URI="elsewhere",
    )


def test_what_a_worker_has_just_made_visible_is_no_finding(local):
    """Between the object and its row in the ledger stands a worker that holds the task."""
    local.fill()
    with local.app() as app:
        app.ledger.coverage.withdraw(app.ledger.coverage.find("archive")[:1])
        app.discoverer().discover(historical([OPTIONS], WEEK[0], WEEK[0], ["archive"]))
        lease = app.ledger.tasks.claim("another-worker", [TaskKind.MIRROR])
        assert KEYS[0] == lease.task.draft.key
        assert local.json("archive", "verify", "--offline")["sound"]
        app.ledger.tasks.release(lease)
    assert [("unknown", KEYS[0])] == faults(local.json("archive", "verify", "--offline", code=3))


def test_a_suspect_file_is_told_with_its_reason(local):
    """The ledger knows of a failed check; the file of the earlier revision is still there."""
    local.fill()
    with local.app() as app:
        row = app.ledger.coverage.find("archive")[0]
        doubt = replace(row, verdict=Verdict.SUSPECT, evidence=replace(row.evidence, reason="the gzip ends too early"))
        app.ledger.coverage.record([doubt])
    found = local.json("archive", "verify", code=3)

    assert [("suspect", KEYS[0])] == faults(found)
    assert "the gzip ends too early" == found["findings"][0]["reason"]


def test_litter_of_our_dead_workers_is_swept_and_nobody_elses(type_commands, bucket):
    """An upload of a key whose task nobody holds goes; one that a worker is at, and one of no task of ours, stay."""
    keeper = type_commands(BucketPlace(bucket))
    keeper.fill()
    begun = [KEYS[0], KEYS[1], "somebody/elses"]
    for key in begun:
        bucket.client.create_multipart_upload(Bucket=bucket.name, Key=f"vendor/files/{key}")
    with keeper.app() as app:
        app.ledger.tasks.retry(TaskFilter(key=KEYS[1]), states=list(app.ledger.tasks.counts()))
        lease = app.ledger.tasks.claim("another-worker", [TaskKind.MIRROR])
        assert KEYS[1] == lease.task.draft.key
        found = keeper.json("archive", "verify", "--offline")

    assert 1 == found["swept"]
    assert sorted(f"vendor/files/{key}" for key in begun[1:]) == sorted(bucket.open_uploads())


def test_earlier_revisions_survive_in_a_bucket_with_versions(type_commands, publish):
    """Backblaze keeps them as versions of the same object: putting a damaged file aside must not take them along."""
    with a_bucket(versioned=True) as bucket:
        keeper = type_commands(BucketPlace(bucket))
        keeper.fill()
        old = keeper.place.read(KEYS[1])
        publish(KEYS[1], gzip.decompress(old) + b"O:LATE260320C00100000,1,1,1,1,1,0,1\n")
        refill(keeper)
        keeper.place.spoil(KEYS[1])
        found = keeper.json("archive", "verify", "--deep", "--dataset", OPTIONS.name, code=3)

        assert [("damaged", KEYS[1])] == faults(found)
        assert old in bucket_versions(bucket, f"vendor/files/{KEYS[1]}")
        refill(keeper)
        assert keeper.json("archive", "verify", "--deep", "--dataset", OPTIONS.name)["sound"]


def bucket_versions(bucket, key):
    """The bytes of every version of an object."""
    found = bucket.client.list_object_versions(Bucket=bucket.name, Prefix=key).get("Versions", ())
    return [
        bucket.client.get_object(Bucket=bucket.name, Key=key, VersionId=each["VersionId"])["Body"].read()
        for each in found
        if each["Key"] == key
    ]


def test_a_deep_look_marks_when_it_was(local):
    """The time is the clock's, and the row is otherwise what it was."""
    local.fill()
    before = local.coverage()
    local.json("archive", "verify", "--deep", "--offline")
    after = local.coverage()

    for old, new in zip(before, after, strict=True):
        details = dict(new.evidence.details)
        assert datetime.fromisoformat(details.pop("scrubbed_at")).tzinfo == UTC
        assert (old.evidence.details, old.checked_at, old.evidence.sha256) == (
            details,
            new.checked_at,
            new.evidence.sha256,
        )
