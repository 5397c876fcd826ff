"""Tags of objects: stored with them, read back, and sent only where a scratch object proved that nothing is harmed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from s3_server import ABucket, a_bucket
from structlog.testing import capture_logs
from test_any_store import LARGE, chunks

from chaos_proxy import Asked, ChaosProxy, Fault, anything, cap_reached, chaos, method, read_only_keys
from forebay.errors import CapReached, ObjectChanged, StoreError, StoreUnavailable
from forebay.stores.folder import FolderStore
from forebay.stores.labels import as_metadata, as_tags
from forebay.stores.refusals import Refused
from forebay.stores.s3 import S3Store
from forebay.stores.scratch import SCRATCH, unique_name
from forebay.stores.tagging import Tagging, TagProbe
from forebay.testing import FakeClock

TAGS = {
    "asset_type": "stocks",
    "symbol": "BRK.A",
    "exchange": "NYSE American",
    "date": "2026-01-02",
    "odd": "a+b=c/d:e@f",
}
PREFIX = "vendor/files"
TELLS = method("GET", tagging="")
REMOVES = method("DELETE")


def tagged(asked: Asked) -> bool:
    """A put with tags."""
    return "x-amz-tagging" in asked.headers


def tags_of(bucket: ABucket, key: str) -> dict[str, str]:
    found = bucket.client.get_object_tagging(Bucket=bucket.name, Key=key)
    return {tag["Key"]: tag["Value"] for tag in found["TagSet"]}


def state(bucket: ABucket, key: str) -> tuple[Any, ...]:
    """Everything there is to see of an object."""
    found = bucket.client.get_object(Bucket=bucket.name, Key=key)
    return found["Body"].read(), found["ETag"], found["LastModified"], found["Metadata"], tags_of(bucket, key)


@pytest.fixture
def others(bucket: ABucket, proxy: ChaosProxy) -> Iterator[set[str]]:
    """Keys of objects that are there before, beside the scratch objects and below; afterwards they are as they were."""
    keys = {f"{PREFIX}/a.csv.lzo", "_forebay/probe-of-another-store"}
    for key in keys:
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=key.encode(), Metadata={"m": "1"}, Tagging="t=1")
    before = [state(bucket, key) for key in keys]
    yield keys
    assert before == [state(bucket, key) for key in keys]
    written = {asked.path for asked in proxy.asked if asked.method not in ("GET", "HEAD")}
    assert not [path for path in written if not path.startswith(f"/{bucket.name}/{PREFIX}/{SCRATCH}")]


@pytest.fixture
def probe(s3: S3Store, clock: FakeClock) -> TagProbe:
    return TagProbe(s3, clock, lambda: "mine")


@pytest.mark.parametrize("size", [300_000, LARGE])
def test_an_object_has_its_tags_from_the_start(s3: S3Store, proxy: ChaosProxy, bucket: ABucket, size: int) -> None:
    """Of one part or of several: tags come with the request that makes the object, and none is sent afterwards."""
    s3.put_stream("a.csv.lzo", chunks(size), size, {"quality": "raw"}, TAGS)

    assert not [asked for asked in proxy.asked if "tagging" in asked.query]
    assert TAGS == tags_of(bucket, f"{PREFIX}/a.csv.lzo") == s3.tags("a.csv.lzo")
    assert {"quality": "raw"} == bucket.client.head_object(Bucket=bucket.name, Key=f"{PREFIX}/a.csv.lzo")["Metadata"]
    assert b"".join(chunks(size)) == bucket.read(f"{PREFIX}/a.csv.lzo")


def test_an_object_without_tags_is_sent_without_the_header(s3: S3Store, proxy: ChaosProxy) -> None:
    """An empty header is refused by stores that know no tags; where there are none that is what is read back."""
    s3.put("none", b"1", {})
    s3.put("empty", b"1", {}, {})
    s3.put_stream("large", chunks(), LARGE, {}, {})

    assert "x-amz-tagging" not in proxy.headers()
    assert [{}, {}] == [s3.tags("none"), s3.tags("large")]
    with pytest.raises(ObjectChanged, match="not-there"):
        s3.tags("not-there")


def test_environment_does_not_take_tags_away(
    bucket: ABucket, opened: Callable[..., S3Store], native_environment: pytest.MonkeyPatch
) -> None:
    """A variable for other tools that switches tags off says nothing here."""
    native_environment.setenv("AWS_DISABLE_TAGGING", "true")
    store = opened(bucket, bucket.endpoint)
    store.put("a", b"1", {}, TAGS)
    assert TAGS == store.tags("a")


def test_files_have_no_tags(tmp_path: Path, clock: FakeClock) -> None:
    """A folder takes them without harm, and says that it keeps none; nothing is written to learn that."""
    folder = FolderStore(tmp_path / "out")
    found = TagProbe(folder, clock)()
    assert (False, f"{tmp_path}/out is a folder, which keeps no tags.", "") == (found.sent, found.why, found.left)
    assert [] == list(tmp_path.iterdir())

    folder.put("a", b"1", {}, TAGS)
    assert b"1" == (tmp_path / "out/a").read_bytes()


def test_a_store_with_tags(probe: TagProbe, bucket: ABucket, proxy: ChaosProxy, others: set[str]) -> None:
    """It is asked once, whoever asks; every character that a tag may have came back; the scratch object is gone."""
    with ThreadPoolExecutor(4) as pool, capture_logs() as said:
        found = set(pool.map(lambda _: probe(), range(8)))
    assert [] == said

    assert {Tagging(sent=True)} == found
    assert 1 == sum(asked.method == "PUT" for asked in proxy.asked)
    assert others == set(bucket.keys())


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault(tagged, 400, "InvalidArgument", "Unsupported header 'x-amz-tagging' received for this API call."),
         "refuses tags (400 InvalidArgument, header x-amz-tagging)."),
        (Fault(tagged, 501, "NotImplemented"), "refuses tags (501 NotImplemented)."),
        (Fault(tagged, 403, "AccessDenied"), "(403 AccessDenied); S3's s3:PutObjectTagging does."),
        (Fault(tagged, deaf_to="x-amz-tagging"), "takes tags and ignores them."),
        (Fault(tagged, damage=True), "something else than the content"),
        (Fault(tagged, overwrite=b"<Tagging/>"), "something else than the content"),
        (Fault(TELLS, 501, "NotImplemented"), "cannot tell them again (501 NotImplemented)."),
        (Fault(TELLS, 404, "NoSuchTagSet"), "takes tags and ignores them."),
        (Fault(TELLS, 404, "NoSuchKey"), "takes tags and ignores them."),
        (Fault(TELLS, deaf_to="tagging"), "cannot tell them again (200 and no tags in the answer)."),
    ],
)  # fmt: skip
def test_a_store_without_tags(
    probe: TagProbe, s3: S3Store, bucket: ABucket, proxy: ChaosProxy, others: set[str], fault: Fault, why: str
) -> None:
    """Refused, ignored, or the object spoiled by them: none are sent, why is said, and no object is harmed."""
    fault.times = None
    proxy.faults.append(fault)

    with capture_logs() as said:
        found = probe()

    assert (False, "") == (found.sent, found.left)
    assert [found.why] == [line["reason"] for line in said if line["log_level"] == "warning"]
    assert s3.address in found.why
    assert found.why.endswith(why) or why in found.why
    assert fault.seen
    assert others == set(bucket.keys())


def test_tags_that_come_back_otherwise_are_none(
    probe: TagProbe, proxy: ChaosProxy, bucket: ABucket, others: set[str]
) -> None:
    """A store that keeps other tags than were sent would have objects found by what they are not."""
    proxy.faults.append(Fault(tagged, retag="forebay-probe=a%20Z"))
    assert Tagging(sent=False, why=f"s3://{bucket.name}/{PREFIX} takes tags and changes them.") == probe()


def test_tags_that_cannot_be_read_are_sent_unproved(
    probe: TagProbe, proxy: ChaosProxy, bucket: ABucket, others: set[str]
) -> None:
    """Keys that may set tags and not read them: the content is intact, so tags are sent, and that is said."""
    proxy.faults.append(Fault(TELLS, 403, "AccessDenied", times=None))
    found = probe()
    assert (True, "") == (found.sent, found.left)
    assert "not proved that they are kept" in found.why
    assert others == set(bucket.keys())


def test_a_scratch_object_that_must_stay_is_named(
    probe: TagProbe, proxy: ChaosProxy, bucket: ABucket, others: set[str]
) -> None:
    """Keys that may not delete: which object is left is said, and tags are as good as elsewhere."""
    proxy.faults.append(Fault(REMOVES, 403, "AccessDenied", times=None))
    found = probe()
    assert (True, "") == (found.sent, found.why)
    assert f"{SCRATCH}mine is left" in found.left
    assert {*others, f"{PREFIX}/{SCRATCH}mine"} == set(bucket.keys())


def test_a_spoiled_scratch_object_that_must_stay_is_no_matter_of_keys(
    probe: TagProbe, proxy: ChaosProxy, others: set[str]
) -> None:
    """What tags did to the content is the reason that is told, also where the object cannot be taken back."""
    proxy.faults += [Fault(tagged, damage=True), Fault(REMOVES, 403, "AccessDenied", times=None)]
    found = probe()
    assert not found.sent
    assert "something else than the content" in found.why
    assert f"{SCRATCH}mine is left" in found.left


@pytest.mark.parametrize(("forbidden", "left"), [(None, 0), (method("DELETE", versionId=""), 2)])
def test_a_bucket_that_keeps_versions(
    clock: FakeClock, opened: Callable[..., S3Store], forbidden: Callable[[Asked], bool] | None, left: int
) -> None:
    """No version of the scratch object stays; where keys may not remove versions, it is at least out of sight."""
    with a_bucket(versioned=True) as bucket, chaos(bucket.endpoint) as proxy:
        if forbidden:
            proxy.faults.append(Fault(forbidden, 403, "AccessDenied", times=None))
        assert Tagging(sent=True) == TagProbe(opened(bucket, proxy.url), clock)()
        assert ([], left) == (bucket.keys(), bucket.versions(f"{PREFIX}/{SCRATCH}"))


@pytest.mark.parametrize(
    ("step", "status"), [(tagged, 503), (tagged, 429), (tagged, 0), (TELLS, 503), (TELLS, 0), (REMOVES, 503)]
)
def test_what_passes_decides_nothing(
    probe: TagProbe, proxy: ChaosProxy, bucket: ABucket, others: set[str], step: Callable[[Asked], bool], status: int
) -> None:
    """A busy store and cut connections, twice, at any step: asked again, and found to have tags."""
    proxy.faults.append(Fault(step, status, "SlowDown", drop=not status, times=2))
    assert Tagging(sent=True) == probe()
    assert proxy.faults[0].seen > 2
    assert others == set(bucket.keys())


@pytest.mark.parametrize(
    ("step", "status", "code"),
    [
        (tagged, 503, "SlowDown"),
        (tagged, 409, "OperationAborted"),
        (tagged, 0, ""),
        (TELLS, 429, "TooManyRequests"),
        (anything, 503, "SlowDown"),
    ],
)
def test_a_store_that_stays_away_is_asked_again_later(
    probe: TagProbe, proxy: ChaosProxy, others: set[str], step: Callable[[Asked], bool], status: int, code: str
) -> None:
    """What may pass is raised as that and decides nothing: the next call asks anew and gets the answer."""
    proxy.faults.append(Fault(step, status, code, drop=not status, times=None))
    with pytest.raises(StoreUnavailable):
        probe()

    proxy.faults.clear()
    assert Tagging(sent=True) == probe()


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (read_only_keys(), Refused, "do not allow this"),
        (cap_reached(), CapReached, "daily cap"),
        (Fault(tagged, 403, "SignatureDoesNotMatch", times=None), StoreError, "does not accept the keys"),
        (Fault(method("PUT"), 400, "InvalidArgument", times=None), Refused, "400 InvalidArgument"),
        (Fault(method("PUT"), damage=True, times=None), StoreUnavailable, "did not arrive"),
        (Fault(method("GET", prefix=""), 403, "AccessDenied", times=None), Refused, "do not allow this"),
    ],
)
def test_what_is_wrong_without_tags_too_is_not_blamed_on_them(
    probe: TagProbe, proxy: ChaosProxy, others: set[str], fault: Fault, error: type[StoreError], said: str
) -> None:
    """Keys, caps and permissions that concern every object end in the error they always have."""
    fault.seen = 0
    proxy.faults.append(fault)
    with pytest.raises(error, match=said) as raised:
        probe()
    assert raised.value.remedy


def test_what_a_killed_probe_left_is_removed(s3: S3Store, bucket: ABucket, others: set[str]) -> None:
    """By the next, once it is old enough to be nobody's; a younger one may be another process's."""
    left = f"{PREFIX}/{SCRATCH}left"
    bucket.client.put_object(Bucket=bucket.name, Key=left, Body=b"first")

    for hours, kept in ((0, {left}), (2, set())):
        assert Tagging(sent=True) == TagProbe(s3, FakeClock(datetime.now(UTC) + timedelta(hours=hours)))()
        assert others | kept == set(bucket.keys())


def test_what_a_process_of_this_machine_left_is_removed_at_once(s3: S3Store, bucket: ABucket, others: set[str]) -> None:
    """When it is gone; what a living one is about stays."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    mine = f"{PREFIX}/{SCRATCH}{unique_name()}"
    for key in (mine, mine.replace(f"-{os.getpid()}-", f"-{gone.pid}-")):
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"first")

    assert Tagging(sent=True) == TagProbe(s3, FakeClock(datetime.now(UTC)))()
    assert {*others, mine} == set(bucket.keys())


def test_a_tag_has_what_every_store_takes() -> None:
    """Other characters become an underscore and what is too long is cut; every kind that is allowed stays."""
    given = {"a": "NYSE Arca, Inc.", "b": "Börse & Co\n", "c": "AZaz09 +-=._:/@", "d": "x" * 300, "e": "50%"}
    expected = {"a": "NYSE Arca_ Inc.", "b": "B_rse _ Co_", "c": "AZaz09 +-=._:/@", "d": "x" * 256, "e": "50_"}
    assert expected == as_tags(given) == as_tags(expected)


def test_what_is_replaced_is_taken_and_read_back(s3: S3Store) -> None:
    """The server, which refuses such characters, never sees them."""
    s3.put("a", b"1", {}, {"exchange": "Börse & Co"})
    assert {"exchange": "B_rse _ Co"} == s3.tags("a")


@pytest.mark.parametrize(
    "labels", [{f"n{number}": "" for number in range(11)}, {"": "1"}, {"a,b": "1"}, {"x" * 129: "1"}, {"AWS:x": "1"}]
)
def test_names_that_no_store_takes_are_a_mistake(labels: dict[str, str]) -> None:
    """Too many, or with a name S3 refuses: said before anything is sent."""
    with pytest.raises(ValueError, match="at most 10 tags"):
        as_tags(labels)


def test_metadata_come_back_as_they_were(s3: S3Store) -> None:
    """Any text goes through a header and can be read back exactly; plain words stay readable."""
    given = {"a": "Börse  Zürich ", "b": " 50%\r\n", "c": "東京", "d": "NYSE Arca, Inc."}
    s3.put("a", b"1", as_metadata(given))

    found = s3.head("a").metadata
    assert given == {name: unquote(value) for name, value in found.items()}
    assert "NYSE Arca, Inc." == found["d"]
