"""Files of one's own in the bucket: replacing and joining the made ones, read from disk in ranges."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, date, datetime
from hashlib import md5
from pathlib import Path

import obstore
import pytest
from asking import bucket, keys, raw

from forebay.errors import UsageError
from forebay.model.catalogue import DATASETS
from forebay.sandbox.server import Sandbox
from forebay.testing import FakeClock

DAYS = DATASETS["us_stocks_sip/day_aggs_v1"]
QUOTES = DATASETS["us_stocks_sip/quotes_v1"]
MADE, OWN, BIG = date(2025, 10, 2), date(2025, 10, 3), date(2024, 3, 7)
WRITTEN = datetime(2025, 10, 4, 12, 30, tzinfo=UTC)
SIZE = 20_000_003


def _write(root: Path, key: str, content: bytes) -> Path:
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (WRITTEN.timestamp(), WRITTEN.timestamp()))
    return path


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small day file, a large quote file, and what is none of the vendor's."""
    folder = tmp_path_factory.mktemp("own")
    _write(folder, DAYS.key(OWN), gzip.compress(b"ticker\nMINE\n"))
    _write(folder, QUOTES.key(BIG), bytes(range(251)) * (SIZE // 251 + 1))
    os.truncate(folder / QUOTES.key(BIG), SIZE)
    _write(folder, "us_stocks_sip/day_aggs_v1/2025/10/notes.csv.gz", b"")
    _write(folder, "secret.txt", b"")
    return folder


def _with(root: Path, *rules: dict) -> Sandbox:
    return Sandbox(tickers=2, faults=rules, extra_files=root, clock=FakeClock(datetime(2025, 12, 1, 17, tzinfo=UTC)))


def test_own_files_replace_and_join_the_made_ones(root: Path) -> None:
    """A listing shows made and own files together, each once; both are read under their keys, and nothing else is."""
    with _with(root) as vendor:
        october = keys(vendor, f"{DAYS.name}/2025/10/")
        assert [DAYS.key(MADE), DAYS.key(OWN)] == october[1:3]
        assert len(october) == len(set(october)) == 23
        assert [QUOTES.key(BIG)] == keys(vendor, f"{QUOTES.name}/2024/")
        assert gzip.decompress(raw(vendor, DAYS.key(OWN))) == b"ticker\nMINE\n"
        assert gzip.decompress(raw(vendor, DAYS.key(MADE))).startswith(b"ticker,volume")
        for key in ("secret.txt", "us_stocks_sip/day_aggs_v1/2025/10/notes.csv.gz"):
            with pytest.raises(FileNotFoundError):
                raw(vendor, key)


def test_marks_of_own_files(root: Path) -> None:
    """The date is the file's; the ETag is the content's MD5 for a small file, and an opaque word for a large one."""
    with _with(root) as vendor:
        small, large = (obstore.head(bucket(vendor), key) for key in (DAYS.key(OWN), QUOTES.key(BIG)))
        listed = next(iter(obstore.list(bucket(vendor), f"{QUOTES.name}/2024/")))[0]
    content = (root / DAYS.key(OWN)).read_bytes()
    assert (f'"{md5(content, usedforsecurity=False).hexdigest()}"', WRITTEN) == (small["e_tag"], small["last_modified"])
    assert SIZE == large["size"]
    assert "-" in large["e_tag"]
    assert all(listed[name] == large[name] for name in ("size", "e_tag", "last_modified"))


def test_ranges_of_a_large_file(root: Path) -> None:
    """Whole, in ranges at the edges and across many chunks, and in parallel parts, the bytes are the file's."""
    content = (root / QUOTES.key(BIG)).read_bytes()
    with _with(root) as vendor:
        for first, last in ((0, 1), (5, 3_000_000), (SIZE - 2_000_000, SIZE), (SIZE - 1, SIZE)):
            found = obstore.get_range(bucket(vendor), QUOTES.key(BIG), start=first, end=last)
            assert content[first:last] == bytes(found)
        assert content == raw(vendor, QUOTES.key(BIG))
        starts = range(0, SIZE, 3_000_000)
        ends = [min(start + 3_000_000, SIZE) for start in starts]
        parts = obstore.get_ranges(bucket(vendor), QUOTES.key(BIG), starts=list(starts), ends=ends, coalesce=0)
    assert content == b"".join(map(bytes, parts))


def test_a_changed_file_has_another_etag(tmp_path: Path) -> None:
    """Who goes on reading a file that was written anew is told so by If-Match."""
    path = _write(tmp_path, DAYS.key(OWN), b"one")
    with _with(tmp_path) as vendor:
        before = obstore.head(bucket(vendor), DAYS.key(OWN))["e_tag"]
        path.write_bytes(b"two")
        assert before != obstore.head(bucket(vendor), DAYS.key(OWN))["e_tag"]
        with pytest.raises(obstore.exceptions.PreconditionError):
            obstore.get(bucket(vendor), DAYS.key(OWN), options={"if_match": before})


@pytest.mark.parametrize(
    ("kind", "length", "same"),
    [("truncated_gzip", 12_000_001, False), ("bit_flip", SIZE, False), ("wrong_etag", SIZE, True)],
)
def test_faults_strike_own_files(root: Path, kind: str, length: int, same: object) -> None:
    """Damage to a file on disk is the same as to a made one: once, and then the file is whole."""
    content = (root / QUOTES.key(BIG)).read_bytes()
    with _with(root, {"kind": kind, "times": 1}) as vendor:
        found = [raw(vendor, QUOTES.key(BIG)) for _ in range(2)]
    assert [length, SIZE] == [len(body) for body in found]
    assert [same, True] == [content == body for body in found]


def test_an_own_file_can_be_cut_and_replaced(root: Path) -> None:
    """A cut ends inside the body; a replaced file keeps its bytes and gets new marks."""
    rules = ({"kind": "cut", "request": "data", "times": 1}, {"kind": "replaced", "reads": 1})
    with _with(root, *rules) as vendor:
        before = obstore.head(bucket(vendor), QUOTES.key(BIG))
        with pytest.raises(obstore.exceptions.GenericError):
            raw(vendor, QUOTES.key(BIG))
        after = obstore.head(bucket(vendor), QUOTES.key(BIG))
    assert before["size"] == after["size"]
    assert before["e_tag"] != after["e_tag"]
    assert before["last_modified"] < after["last_modified"]


@pytest.mark.parametrize("name", ["nothing.csv.gz", "us_stocks_sip/day_aggs_v1/2025-10-03.csv.gz"])
def test_a_folder_without_vendor_keys_is_an_error(tmp_path: Path, name: str) -> None:
    """A folder in which no path is a vendor key, or none at all, is refused with an example of a right name."""
    _write(tmp_path, name, b"")
    with pytest.raises(UsageError, match="named as the vendor") as caught:
        Sandbox(extra_files=tmp_path)
    assert "2025-10-03.csv.gz" in caught.value.remedy
    with pytest.raises(UsageError, match="not a folder"):
        Sandbox(extra_files=tmp_path / "absent")
