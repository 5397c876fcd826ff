"""The check on the way: every byte hashed, every member decoded to its end, every line counted."""

from __future__ import annotations

import gzip
import hashlib
import random
from collections.abc import Iterator

import pytest

from forebay.errors import Damaged
from forebay.vendor.inflate import PIECE_BYTES
from forebay.vendor.inspection import Findings, Inspection, differing_header, inspected

TEXT = b"a,b\n1,2\n3,4\n"
LARGE = 2 * 2**20
"""More than is inspected without a thread."""


def inspect(data: bytes, cut: int = 1000, size: int = 0) -> Findings:
    """Pass `data` on in chunks; what passed is what came."""
    inspection = Inspection("a.csv.gz")
    chunks = [data[at : at + cut] for at in range(0, len(data), cut)]
    assert chunks == list(inspected(chunks, inspection, size))
    return inspection.finish()


@pytest.mark.parametrize("size", [0, LARGE])
@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_a_whole_file_is_described(cut: int, size: int) -> None:
    """Hashes are of the compressed bytes, rows are lines after the header."""
    data = gzip.compress(TEXT)

    found = inspect(data, cut, size)

    assert Findings(len(data), hashlib.sha256(data).hexdigest(), hashlib.md5(data).hexdigest(), 2, "a,b") == found


@pytest.mark.parametrize(
    ("text", "rows", "header"),
    [(b"", 0, ""), (b"a,b", 0, "a,b"), (b"a,b\n", 0, "a,b"), (b"a,b\r\n1,2", 1, "a,b"), (b"\n\n", 1, "")],
)
def test_lines_are_counted_as_they_end(text: bytes, rows: int, header: str) -> None:
    """A last line without an end counts; a file of nothing has no rows."""
    found = inspect(gzip.compress(text))

    assert (rows, header) == (found.rows, found.header)


@pytest.mark.parametrize("length", [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
@pytest.mark.parametrize("members", [1, 3])
def test_text_of_any_length_in_any_number_of_members_is_read_to_its_end(length: int, members: int) -> None:
    """Neither a piece that is just full nor a member that ends with it is taken for a file cut short."""
    text = b"\n" * length

    assert length * members - 1 == inspect(gzip.compress(text) * members).rows


def damaged(data: bytes) -> Iterator[tuple[str, bytes]]:
    flipped = bytearray(data)
    flipped[-6] ^= 1
    yield "empty", b""
    yield "cut in the text", data[: len(data) // 2]
    yield "cut in the trailer", data[:-3]
    yield "wrong checksum", bytes(flipped)
    yield "wrong length", data[:-2] + b"\xff\xff"
    yield "followed by something", data + b"more"
    yield "no gzip", b"a,b\n1,2\n"
    yield "a page", b"<html>please log in</html>"


CASES = dict(damaged(gzip.compress(random.Random(1).randbytes(5000).hex().encode())))


@pytest.mark.parametrize("size", [0, LARGE])
@pytest.mark.parametrize("case", CASES)
def test_a_damaged_file_is_refused(case: str, size: int) -> None:
    """However it is damaged, the error names it, in or out of a thread."""
    with pytest.raises(Damaged, match=r"a\.csv\.gz"):
        inspect(CASES[case], 700, size)


def test_an_error_of_the_source_comes_through() -> None:
    """What the vendor's side raises is raised as it is."""

    def source() -> Iterator[bytes]:
        yield gzip.compress(TEXT)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        list(inspected(source(), Inspection("a"), LARGE))


def test_unknown_columns_are_told() -> None:
    """The header is compared with the columns in their order."""
    found = inspect(gzip.compress(TEXT))

    assert differing_header(found, ["a", "b"]) is None
    assert "a,b" == differing_header(found, ["b", "a"])
