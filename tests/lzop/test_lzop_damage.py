"""A damaged lzop file is refused, and the refusal says where; never is a wrong byte given out."""

from __future__ import annotations

import gzip
import random
import struct
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lzallright import LZOCompressor
from lzop_program import BLOCK, MODIFIED, NAME, bars, block, header

from forebay.errors import CheckFailed, Damaged
from forebay.lzop.reading import decompress
from forebay.lzop.writing import Checksum, compress

LAYOUTS = {
    "ours": lambda text: b"".join(compress([text], name=NAME, modified=MODIFIED)),
    "CRC-32": lambda text: b"".join(compress([text], name=NAME, modified=MODIFIED, checksum=Checksum.CRC32)),
    "stored": lambda text: header() + block(text, text) + bytes(4),
    "all checksums": lambda text: header(0x1343, extra=b"x") + block(text, packed(text), 0x1343) + bytes(4),
    "end to end": lambda text: 2 * (header(0x3) + block(text, packed(text), 0x3) + bytes(4)),
}


def packed(text: bytes) -> bytes:
    return LZOCompressor().compress(text)


def read(whole: bytes) -> bytes:
    return b"".join(decompress([whole], name="a.csv.lzo"))


def outcome(whole: bytes) -> bytes | CheckFailed:
    """Its text, or why it is refused."""
    try:
        return read(whole)
    except CheckFailed as error:
        return error


@pytest.mark.parametrize("make", LAYOUTS.values(), ids=LAYOUTS)
def test_a_flipped_bit(make) -> None:
    """Whichever bit of a file is flipped, it is refused, or gives the very text that it held."""
    whole = make(bars(3))
    expected, refused = read(whole), 0
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        found = outcome(bytes(flipped))
        refused += isinstance(found, CheckFailed)
        assert isinstance(found, CheckFailed) or expected == found

    assert refused > 8 * len(whole) * 0.9


@pytest.mark.parametrize("make", LAYOUTS.values(), ids=LAYOUTS)
def test_truncated_anywhere(make) -> None:
    """A file that lacks its end is refused at whatever byte it ends, with that byte's number."""
    whole = make(bars(3))
    ends = {len(whole), len(whole) // 2 if whole[: len(whole) // 2] * 2 == whole else 0} - {0}

    for length in set(range(len(whole))) - ends:
        with pytest.raises(Damaged, match="ends too early") as refused:
            read(whole[:length])
        assert f" after {length} bytes, in " in str(refused.value)


def test_the_block_is_named_and_those_before_it_are_given_out() -> None:
    """Of three blocks the second is damaged: the first is read, the error says which one is not."""
    text = random.Random(3).randbytes(2 * BLOCK + 10)
    whole = bytearray(b"".join(compress([text], name=NAME, modified=MODIFIED)))
    whole[-BLOCK // 2] ^= 1
    pieces = decompress([bytes(whole)], name="a.csv.lzo")

    assert text[:BLOCK] == next(pieces)
    with pytest.raises(Damaged, match=r"^a\.csv\.lzo: block 2 has text that does not match its checksum"):
        next(pieces)


def test_packed_data_are_checked_before_they_are_unpacked() -> None:
    """Where they have a checksum of their own, the error says that it is they."""
    text = bars(5)
    whole = bytearray(header(0x3) + block(text, packed(text), 0x3) + bytes(4))
    whole[-20] ^= 1

    with pytest.raises(Damaged, match="block 1 has data that do not match their checksum"):
        read(bytes(whole))


@pytest.mark.parametrize(
    ("size", "length", "why"),
    [
        (0xFFFFFFFF, 5, "claims 4,294,967,295 bytes"),
        (BLOCK + 1, 5, "claims 262,145 bytes, and no block has more than 262,144"),
        (100, 0xFFFFFFFF, "claims 4,294,967,295 bytes in the file for 100 of text"),
        (100, 101, "claims 101 bytes in the file for 100 of text"),
        (100, 0, "claims 0 bytes in the file"),
    ],
)
def test_lengths_that_cannot_be_are_refused_before_anything_is_read(size: int, length: int, why: str) -> None:
    """A block of 4 GB is refused by its claim: of what follows, not a byte is asked for."""

    def chunks() -> Iterator[bytes]:
        yield header() + struct.pack(">LL", size, length)
        pytest.fail("asked for more")

    with pytest.raises(Damaged, match=f"block 1 {why}"):
        list(decompress(chunks()))


def test_a_block_that_makes_more_than_it_says() -> None:
    """A few bytes of LZO can make hundreds each: what is more or less than was said is refused."""
    text = bytes(200_000)
    for size in (199_999, 200_001):
        bomb = header(0) + struct.pack(">LL", size, len(packed(text))) + packed(text) + bytes(4)

        with pytest.raises(Damaged, match=f"block 1 holds 200,000 bytes of text, not {size:,}"):
            read(bomb)


def test_an_endless_extra_field_takes_no_memory() -> None:
    """It may claim 4 GB; it is passed over as it comes, and what is missing is said."""

    def chunks() -> Iterator[bytes]:
        yield header(0x41)
        yield b"\xff\xff\xff\xff"
        for _ in range(1000):
            yield bytes(10_000)

    tracemalloc.start()
    with pytest.raises(Damaged, match=r"ends too early, after 1000004\d bytes, in the extra field"):
        list(decompress(chunks()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1 << 20


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (header(method=4), r"method 4; known are 1 \(LZO1X-1\)"),
        (header(0x801), "a filter"),
        (header(0x4001), r"unknown flags \(0x4000\)"),
        (header(version=0x930), "an lzop before 0.94"),
        (header(oldest_reader=0x1050), r"a later lzop \(format 0x1050\)"),
        (gzip.compress(b"bars", mtime=0), "is no lzop file"),
    ],
)
def test_what_cannot_be_undone_is_refused(start: bytes, why: str) -> None:
    """A method, filter, flag or version that is not known is refused by its name, and so is another kind of file."""
    with pytest.raises(CheckFailed, match=rf"^a\.csv\.lzo: .*{why}") as refused:
        read(start + block(b"a", b"a") + bytes(4))

    assert refused.value.remedy


@pytest.mark.parametrize("rubbish", [b"\0", b"\n", b"rubbish that is long enough for a header", bytes(4)])
def test_rubbish_after_the_end(rubbish: bytes) -> None:
    """What comes after the end mark and is no further file is refused, however short it is."""
    whole = header() + block(b"bars", b"bars") + bytes(4)

    with pytest.raises(Damaged, match="rubbish after the end, from byte 58 on"):
        read(whole + rubbish)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x15aaaa", "ends before its LZO1X stream does"),
        (packed(b"aaaa") + b"\0", "goes on after the end of its LZO1X stream"),
        (b"\x12a\xff\xff\xff\xff", "refers to text before its start|LZO1X stream"),
        (b"\x12a\xff\xff\xff\x11\0\0", "refers to text before its start"),
    ],
)
def test_a_stream_that_is_none(data: bytes, why: str) -> None:
    """Without checksums the LZO stream itself has to be whole, and the error says in which way it is not."""
    whole = header(0) + struct.pack(">LL", 100, len(data)) + data

    with pytest.raises(Damaged, match=f"block 1 ({why})"):
        read(whole)


@given(st.lists(st.tuples(st.integers(1, 400), st.binary(min_size=1, max_size=300)), max_size=3), st.binary(max_size=9))
@settings(max_examples=300)
def test_anything_at_all_is_read_or_refused(blocks: list[tuple[int, bytes]], end: bytes) -> None:
    """No bytes, however made, raise anything but a refusal, and none are read as more than they said."""
    whole = header(0) + b"".join(struct.pack(">LL", size, len(data)) + data for size, data in blocks) + end
    try:
        text = read(whole)
    except CheckFailed:
        return

    assert sum(size for size, _ in blocks) == len(text)
