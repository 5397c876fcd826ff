"""What every store promises, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forebay.errors import CheckFailed, ObjectChanged
from forebay.stores.store import Store, Stored

MIB = 2**20
LARGE = 9 * MIB + 7  # two parts of an upload
KEY = "us_options_opra/day_aggs_v1/2024/03/2024-03-07.csv.gz"


def chunks(size: int = LARGE, step: int = 3 * MIB) -> Iterator[bytes]:
    """Bytes that differ from place to place."""
    block = bytes(range(251)) * (step // 251 + 1)
    for start in range(0, size, step):
        yield block[start % 251 :][: min(step, size - start)].ljust(min(step, size - start), b"x")


def read(store: Store, stored: Stored, start: int = 0) -> bytes:
    with store.open(stored, start) as stream:
        return b"".join(stream)


def keys(store: Store, prefix: str = "", after: str = "") -> list[str]:
    return [stored.key for stored in store.list(prefix, after)]


@pytest.mark.parametrize("size", [0, 1, 8 * MIB, LARGE])
def test_what_was_stored_comes_back(store: Store, size: int) -> None:
    """Objects of any size are there with their size, whole and from any byte on, and nothing else is left."""
    store.put_stream(KEY, chunks(size), size, {"modified": "2024-03-08T16:00:00+00:00"})

    found = store.head(KEY)
    expected = b"".join(chunks(size))
    assert size == found.size
    assert expected == read(store, found)
    assert expected[size // 3 :] == read(store, found, size // 3)
    assert [(KEY, size, found.etag)] == [(one.key, one.size, one.etag) for one in store.list()]
    assert [] == store.uploads()


def test_nothing_is_there_before_it_is_whole(store: Store) -> None:
    """While bytes flow the key is not visible; an earlier object stays as it was until the new one is whole."""
    store.put(KEY, b"earlier", {})
    seen = []

    def watched() -> Iterator[bytes]:
        for chunk in chunks():
            seen.append(read(store, store.head(KEY)))
            yield chunk

    store.put_stream(KEY, watched(), LARGE, {})
    assert {b"earlier"} == set(seen)
    assert LARGE == store.head(KEY).size


@pytest.mark.parametrize("size", [5 * MIB, LARGE])
def test_what_the_source_raises_comes_through(store: Store, size: int) -> None:
    """It is the same exception, an error of the system included, and neither object nor upload is left."""
    broken = OSError(28, "the source's own disk is full")

    def breaking() -> Iterator[bytes]:
        yield from chunks(size - 1)
        raise broken

    with pytest.raises(OSError) as raised:
        store.put_stream(KEY, breaking(), size, {})

    assert broken is raised.value
    assert store.head(KEY) is None
    assert [] == store.uploads()


@pytest.mark.parametrize("wrong", [-1, 1])
@pytest.mark.parametrize("size", [5 * MIB, LARGE])
def test_another_number_of_bytes_is_refused(store: Store, size: int, wrong: int) -> None:
    """Fewer or more bytes than announced are no object."""
    with pytest.raises(CheckFailed, match=f"where {size + wrong} were announced"):
        store.put_stream(KEY, chunks(size), size + wrong, {})

    assert store.head(KEY) is None
    assert [] == store.uploads()


def test_keys_are_listed_in_their_own_order(store: Store) -> None:
    """As strings sort, `a/b` after `a.csv`; from any prefix and behind any key, also in the middle of a name."""
    every = ["a!", "a-x/q", "a.csv", "a/b", "a/b.gz", "a/c/d", "b"]
    for key in reversed(every):
        store.put(key, key.encode(), {})

    assert every == keys(store)
    assert ["a/b", "a/b.gz", "a/c/d"] == keys(store, "a/")
    assert ["a/b", "a/b.gz"] == keys(store, "a/b")
    assert ["a/b.gz", "a/c/d", "b"] == keys(store, after="a/b")
    assert ["a/c/d"] == keys(store, "a/", after="a/b.gz")
    assert [] == keys(store, "c") == keys(store, after="b")


def test_what_forebay_keeps_for_itself_is_not_listed(store: Store) -> None:
    """Keys under .forebay/ are shown only to who asks for them."""
    store.put(".forebay/receipts/a.json", b"{}", {})
    store.put("a", b"1", {})

    assert ["a"] == keys(store)
    assert [".forebay/receipts/a.json"] == keys(store, ".forebay/")


def test_an_object_that_was_replaced_is_not_read_as_another(store: Store) -> None:
    """The bytes of one state never come from another one, nor do those of an object that is gone."""
    store.put(KEY, b"earlier", {})
    found = store.head(KEY)
    store.put(KEY, b"another", {"modified": "2001-01-01T00:00:00+00:00"})

    with pytest.raises(ObjectChanged, match="2024-03-07"):
        read(store, found)
    store.delete(KEY)
    with pytest.raises(ObjectChanged):
        read(store, found)


def test_an_object_can_be_copied_and_deleted(store: Store) -> None:
    """A copy is an object of its own, metadata included; deleting what is not there does nothing."""
    store.put("a/1", b"one", {"modified": "2024-03-08T16:00:00+00:00"})
    store.put("b/2", b"two", {})

    store.copy("a/1", "b/2")
    store.copy("a/1", "b/2")
    original, copied = store.head("a/1"), store.head("b/2")
    store.delete("a/1")
    store.delete("a/1")

    assert b"one" == read(store, copied)
    assert original.metadata == copied.metadata
    assert store.carries_metadata or original.modified == copied.modified
    assert ["b/2"] == keys(store)
    with pytest.raises(ObjectChanged):
        store.copy("a/1", "c")


def test_an_empty_store_is_empty(store: Store) -> None:
    """A place nobody has written to can be asked everything."""
    assert [] == keys(store) == store.uploads()
    assert store.head("a") is None
