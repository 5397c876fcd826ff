"""An lzop file depends on its text, name and time alone, and gives the text back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lzop_program import BLOCK, MODIFIED, NAME, bars

from forebay.errors import UsageError
from forebay.lzop.reading import decompress
from forebay.lzop.writing import Checksum, compress

TEXTS = (
    st.binary(max_size=2000)
    | st.builds(lambda unit, times: unit * times, st.binary(min_size=1, max_size=300), st.integers(0, 300))
    | st.builds(lambda rows, cut: bars(rows)[cut:], st.integers(0, 60), st.integers(0, 60))
    | st.builds(
        lambda unit, over: (unit * BLOCK)[: BLOCK + over], st.binary(min_size=1, max_size=9), st.integers(-2, 2)
    )
)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The same bytes in pieces, some of them empty."""
    at = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(at)]


@given(TEXTS, st.lists(st.integers(0, 1 << 20)), st.sampled_from(Checksum))
def test_the_cutting_of_chunks_decides_nothing(text: bytes, places: list[int], checksum: Checksum) -> None:
    """However the text comes, the file has the same bytes; however the file comes, the text has."""
    whole = b"".join(compress([text], name=NAME, modified=MODIFIED, checksum=checksum))

    assert whole == b"".join(compress(cut(text, places), name=NAME, modified=MODIFIED, checksum=checksum))
    assert text == b"".join(decompress(cut(whole, places)))


def test_one_byte_at_a_time() -> None:
    """Nor does it matter when every chunk has one byte."""
    text = bars(40)
    whole = b"".join(compress([text[at : at + 1] for at in range(len(text))], name=NAME, modified=MODIFIED))

    assert text == b"".join(decompress(whole[at : at + 1] for at in range(len(whole))))


def test_blocks_leave_before_the_text_has_ended() -> None:
    """Writing and reading stream: neither takes more in than it needs for the next piece."""
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += BLOCK // 4
            yield bytes(BLOCK // 4)

    packing = compress(endless(), name=NAME, modified=MODIFIED)
    text = decompress(packing)

    assert bytes(BLOCK) == next(text)
    assert BLOCK == taken
    assert bytes(BLOCK) == next(text)
    assert 2 * BLOCK == taken


def test_incompressible_text_costs_twelve_bytes_a_block() -> None:
    """A block that LZO would not make smaller is stored as it is."""
    noise = bytes(range(256))
    empty = len(b"".join(compress([], name=NAME, modified=MODIFIED)))

    assert empty + 12 + len(noise) == len(b"".join(compress([noise], name=NAME, modified=MODIFIED)))


def test_a_time_is_a_moment() -> None:
    """Its zone and its fraction of a second do not reach the file; a second more does, also after 2106."""
    late = datetime(2200, 1, 1, tzinfo=UTC)
    eastern = late.astimezone(timezone(timedelta(hours=-5))) + timedelta(microseconds=999_999)

    expected = list(compress([], name=NAME, modified=late))
    assert expected == list(compress([], name=NAME, modified=eastern))
    assert expected != list(compress([], name=NAME, modified=late + timedelta(seconds=1)))


@pytest.mark.parametrize("name", ["", "a/b.csv", "a\0b", "é" * 128])
def test_a_name_without_room_is_refused(name: str) -> None:
    """A name that lzop could not restore is refused, with what would be one."""
    with pytest.raises(UsageError, match="cannot be the name") as refused:
        next(compress([], name=name, modified=MODIFIED))

    assert "255 bytes" in refused.value.remedy


@pytest.mark.parametrize("modified", [datetime(2024, 1, 2), datetime(1969, 12, 31, tzinfo=UTC)])
def test_a_time_without_a_zone_or_before_1970_is_refused(modified: datetime) -> None:
    """It would depend on the machine, or be another time when it is read."""
    with pytest.raises(UsageError, match="cannot be the time"):
        next(compress([], name=NAME, modified=modified))


@pytest.mark.parametrize("block_bytes", [0, -1, BLOCK + 1])
def test_a_block_that_readers_refuse_is_not_written(block_bytes: int) -> None:
    """A size that would never end, or that no reader here accepts, is refused before the first byte."""
    with pytest.raises(ValueError, match="1 to 262,144 bytes"):
        next(compress([b"bars"], name=NAME, modified=MODIFIED, block_bytes=block_bytes))


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is an extra: where it is missing, the extra is named."""
    monkeypatch.setitem(sys.modules, "lzallright", None)
    monkeypatch.delitem(sys.modules, "forebay.lzop.codec")

    with pytest.raises(UsageError, match="lzallright") as caught:
        import forebay.lzop.codec  # noqa: F401

    assert "forebay[lzo]" in caught.value.remedy
