"""Receipts travel as files and as metadata, and come back as they were."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.model.partition import Revision
from forebay.stores.receipt import Receipt, from_json, from_metadata, marked, marks_of, to_json, to_metadata

TIMES = st.datetimes(timezones=st.just(UTC))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
REVISIONS = st.builds(Revision, st.text(max_size=40), st.integers(0, 2**45), TIMES)
RECEIPTS = st.builds(
    Receipt,
    REVISIONS,
    st.text("0123456789abcdef", max_size=64),
    st.text("0123456789abcdef", max_size=32),
    st.none() | st.integers(0, 2**40),
    TIMES,
    st.dictionaries(st.text(max_size=8), VALUES, max_size=3),
)


@given(RECEIPTS)
def test_a_receipt_comes_back_from_its_file(receipt: Receipt) -> None:
    """What was written is read, to the microsecond, and twice the same is the same bytes."""
    assert receipt == from_json(to_json(receipt))
    assert to_json(receipt) == to_json(from_json(to_json(receipt)))


@given(RECEIPTS)
def test_a_receipt_comes_back_from_metadata(receipt: Receipt) -> None:
    """Whatever the vendor calls a revision, its metadata is ASCII that any server keeps, and reads back."""
    metadata = to_metadata(receipt)

    assert receipt == from_metadata(metadata)
    assert all(value.isascii() and value.isprintable() and value == value.strip() for value in metadata.values())


@given(REVISIONS)
def test_marks_alone_are_no_receipt(revision: Revision) -> None:
    """An object in parts says which revision it is from its beginning, and nothing of a check."""
    assert revision == marked(marks_of(revision))
    assert from_metadata(marks_of(revision)) is None


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"revision": null}', b"\xff", b'"receipt"'])
def test_what_is_no_receipt_is_refused(text: bytes) -> None:
    """A file that was cut or replaced is named as what it is, and never read as an empty receipt."""
    with pytest.raises(ValueError):
        from_json(text)
