"""What only buckets have: versions, metadata, uploads in parts, and memory that must not grow with them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from s3_server import ABucket, a_bucket
from test_any_store import KEY, LARGE, chunks, keys

from chaos_proxy import ChaosProxy, chaos
from forebay.errors import StoreUnavailable
from forebay.stores.s3 import S3Store, part_bytes

MIB = 2**20

# Streams 160 MiB that never exist as a whole, and prints by how many MiB the process grew above what it needed before.
CHILD = f"""
import resource, sys
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parent.parent)]!r}
from conftest import QUICK
from forebay.clock import SystemClock
from forebay.stores.bucket import Bucket, Keys
from forebay.stores.s3 import S3Store
url, name, size = sys.argv[1], sys.argv[2], 160 * 2**20
store = S3Store(Bucket(name, "", url, "us-east-1", lambda: Keys("a", "b")), SystemClock())
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
store.put("small", b"1", {{}})
before = peak()
store.put_stream("large", (bytes(2**20) for _ in range(160)), size, {{}})
with store.open(store.head("large")) as stream:
    assert size == sum(map(len, stream))
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_file(bucket: ABucket) -> None:
    """160 MiB are written and read again in less than 110 MiB."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, bucket.endpoint, bucket.name], capture_output=True, text=True, check=False
    )
    assert (0, "") == (child.returncode, child.stderr)
    assert 110 > int(child.stdout)


@pytest.mark.parametrize(("size", "parts"), [(1, 1), (8 * MIB, 1), (LARGE, 2), (172 * 10**9, 9000), (5 * 2**40, 9000)])
def test_any_size_fits_into_the_parts_a_store_allows(size: int, parts: int) -> None:
    """Parts are whole MiB, at least 8, and no more than 9,000, of the 10,000 that are allowed."""
    part = part_bytes(size)
    assert 0 == part % MIB
    assert 8 * MIB <= part
    assert parts >= -(-size // part)


def test_metadata_stays_with_the_object(s3: S3Store) -> None:
    """Small objects and large ones carry what was said of them; listings do not show it."""
    s3.put("small", b"1", {"revision": "abc", "size": "1"})
    s3.put_stream("large", chunks(), LARGE, {"revision": "def"})

    assert {"revision": "abc", "size": "1"} == dict(s3.head("small").metadata)
    assert {"revision": "def"} == dict(s3.head("large").metadata)
    assert [{}, {}] == [dict(stored.metadata) for stored in s3.list()]


def test_a_small_object_costs_one_request(s3: S3Store, proxy: ChaosProxy) -> None:
    """What fits in one part is one PUT, and what the store received is compared by its answer."""
    s3.put_stream(KEY, chunks(300_000), 300_000, {})
    assert ["PUT"] == [asked.method for asked in proxy.asked]


def test_a_bucket_that_keeps_versions(opened: Callable[..., S3Store]) -> None:
    """It is asked once whether it does; replaced objects stay as versions until the object is deleted, then none."""
    with a_bucket(versioned=True) as bucket, chaos(bucket.endpoint) as proxy:
        store = opened(bucket, proxy.url)
        for body in (b"1", b"2"):
            store.put(KEY, body, {})
        store.put(f"{KEY}.note", b"3", {})

        assert [store.keeps_versions, store.keeps_versions] == [True, True]
        assert 1 == sum("versioning" in asked.query for asked in proxy.asked)
        assert 2 + 1 == bucket.versions(f"vendor/files/{KEY}")
        store.delete(KEY)
        assert 1 == bucket.versions(f"vendor/files/{KEY}")
        assert [f"{KEY}.note"] == keys(store)


def test_backblaze_is_known_by_its_host(opened: Callable[..., S3Store], bucket: ABucket) -> None:
    """B2 keeps versions whether it is asked or not."""
    assert opened(bucket, "https://s3.us-west-004.backblazeb2.com").keeps_versions


def test_open_uploads_are_found_and_ended(s3: S3Store, bucket: ABucket) -> None:
    """Those below the prefix, with the keys of the store; ending one twice does nothing more."""
    for key in ("vendor/files/a/1", "vendor/files/b/2", "elsewhere/3"):
        bucket.client.create_multipart_upload(Bucket=bucket.name, Key=key)

    assert ["a/1", "b/2"] == sorted(upload.key for upload in s3.uploads())
    (found,) = s3.uploads("a/")
    s3.abort(found)
    s3.abort(found)
    assert ["elsewhere/3", "vendor/files/b/2"] == sorted(bucket.open_uploads())


def test_an_upload_that_another_process_ended_fails(s3: S3Store, bucket: ABucket) -> None:
    """Its writer hears of it as something worth another attempt, and no object is there."""

    def interrupted():
        for number, chunk in enumerate(chunks(LARGE, MIB)):
            if number == 9:
                for upload in s3.uploads():
                    s3.abort(upload)
            yield chunk

    with pytest.raises(StoreUnavailable):
        s3.put_stream(KEY, interrupted(), LARGE, {})
    assert [] == bucket.keys() == bucket.open_uploads()


def test_prefixes_keep_archives_apart(opened: Callable[..., S3Store], bucket: ABucket) -> None:
    """Two stores in one bucket do not see each other's objects, and the whole bucket is a store too."""
    one, two, whole = (opened(bucket, bucket.endpoint, prefix) for prefix in ("one", "one-two", ""))
    one.put("a", b"1", {})
    two.put("a", b"2", {})

    assert [["a"], ["a"]] == [keys(one), keys(two)]
    assert ["one-two/a", "one/a"] == keys(whole)
    assert [f"s3://{bucket.name}/one", f"s3://{bucket.name}"] == [one.address, whole.address]
