"""Files that are proved on arrival, and puts that must not replace anything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from s3_server import ABucket

from forebay.clock import SystemClock
from forebay.errors import StoreUnavailable
from forebay.stores.bucket import Bucket, Keys
from forebay.stores.client import Timeouts
from forebay.stores.s3 import S3Store
from forebay.stores.upload import upload
from s3_gate import Gate, a_gate

MIB = 2**20
QUICK = Timeouts(connect=2, read=5, write=5, whole=20, retries=2, pause=0.01)


@pytest.fixture
def gate(bucket: ABucket) -> Iterator[Gate]:
    with a_gate(bucket.endpoint) as made:
        yield made


@pytest.fixture
def store(bucket: ABucket, gate: Gate) -> S3Store:
    keys = Keys(bucket.key_id, bucket.secret)
    return S3Store(Bucket(bucket.name, "", gate.url, "us-east-1", lambda: keys), SystemClock(), timeouts=QUICK)


@pytest.mark.parametrize("size", [0, 1, 8 * MIB, 8 * MIB + 1, 17 * MIB])
def test_a_file_arrives_as_it_is(tmp_path: Path, bucket: ABucket, gate: Gate, store: S3Store, size: int) -> None:
    """By one request or in parts; its ETag proves it, so that nothing is read back."""
    content = Random(size).randbytes(size)
    (tmp_path / "file").write_bytes(content)

    upload(store, tmp_path / "file", "there")

    assert "GET" not in {method for method, _ in gate.asked}
    assert hashlib.sha256(content).digest() == hashlib.sha256(bucket.read("there")).digest()


@pytest.mark.parametrize("size", [1, 9 * MIB])
def test_what_arrives_otherwise_is_found_out(
    tmp_path: Path, bucket: ABucket, gate: Gate, store: S3Store, size: int
) -> None:
    """A byte that changes on the way, in a request or in a part of one."""
    (tmp_path / "file").write_bytes(Random(size).randbytes(size))
    gate.spoils = lambda body: bytes([body[0] ^ 1]) + body[1:]

    with pytest.raises(StoreUnavailable, match="did not arrive as it was sent"):
        upload(store, tmp_path / "file", "there")


def test_one_of_many_creates(bucket: ABucket, store: S3Store) -> None:
    """Eight at once: one has the key, and its bytes are there."""
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: store.create("key", f"{number}".encode()), range(8)))

    assert 1 == sum(won)
    assert f"{won.index(True)}".encode() == bucket.read("key")


def test_the_same_bytes_again_are_ours(store: S3Store) -> None:
    """Whoever repeats a put whose answer was lost finds the own bytes, and that is success; other bytes are not."""
    assert [True, True, False] == [store.create("key", data) for data in (b"one", b"one", b"two")]


def test_a_put_that_was_never_heard_is_tried_again(bucket: ABucket, gate: Gate, store: S3Store) -> None:
    """Another writer's put of the same key was under way and failed: 409, and nothing is there."""
    answers = iter([(409, "ConditionalRequestConflict")])
    gate.forbids = lambda method, path: next(answers, None) if method == "PUT" else None

    assert store.create("key", b"one")
    assert b"one" == bucket.read("key")


def test_a_file_is_read_here_and_there(store: S3Store) -> None:
    """By ranges, and only while it is the same."""
    store.put("key", bytes(range(256)) * 1024, {})
    found = store.head("key")
    assert found is not None
    with store.seekable(found) as file:
        assert bytes(range(252, 256)) == _at(file, -4, 2)
        assert bytes([7, 8]) == _at(file, 256 * 9 + 7, 0)
        assert 256 * 1024 == file.seek(0, 2)
        assert b"" == file.read()


def _at(file, offset: int, whence: int) -> bytes:
    file.seek(offset, whence)
    return file.read(4 if whence else 2)
