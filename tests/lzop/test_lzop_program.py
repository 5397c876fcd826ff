"""What lzop itself makes of our files, and we of lzop's."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lzallright import LZOCompressor
from lzop_program import BLOCK, MODIFIED, NAME, bars, block, flagged, header, lzop

from forebay.lzop.header import Flag
from forebay.lzop.reading import decompress
from forebay.lzop.writing import Checksum, compress

INPUTS = {
    "nothing": b"",
    "one byte": b"\n",
    "one byte less than a block": bars(4000)[: BLOCK - 1],
    "a block": bars(5000)[:BLOCK],
    "one byte more than a block": bars(5000)[: BLOCK + 1],
    "a block and noise": bars(5000)[:BLOCK] + random.Random(1).randbytes(99),
    "noise": random.Random(7).randbytes(2 * BLOCK + 5),
    "zeros": bytes(3 * BLOCK + 1),
    "bars": bars(12_000),
}


@pytest.mark.parametrize("checksum", Checksum, ids=lambda checksum: checksum.name)
@pytest.mark.parametrize("text", INPUTS.values(), ids=INPUTS)
def test_lzop_accepts_our_files(text: bytes, checksum: Checksum, tmp_path: Path) -> None:
    """`lzop -t` finds nothing wrong, and `lzop -d` makes the very bytes that went in."""
    path = tmp_path / f"{NAME}.lzo"
    path.write_bytes(b"".join(compress([text], name=NAME, modified=MODIFIED, checksum=checksum)))

    lzop("-t", "-q", path)
    assert text == lzop("-dc", path)


@pytest.mark.parametrize("block_bytes", [1, 1000, 16 << 10])
def test_lzop_accepts_smaller_blocks(block_bytes: int) -> None:
    """They are nothing to be told of: every block says how long it is."""
    text = bars(300)
    whole = b"".join(compress([text], name=NAME, modified=MODIFIED, block_bytes=block_bytes))

    assert text == lzop("-dc", given=whole)
    assert text == b"".join(decompress([whole]))
    assert -(-len(text) // block_bytes) == len(list(decompress([whole])))


@pytest.mark.parametrize("options", [(), ("-1",), ("-3",), ("-9",), ("-F",), ("--crc32",), ("--no-checksum", "-1")])
def test_we_read_lzops_files(options: tuple[str, ...], tmp_path: Path) -> None:
    """Every level and checksum, of a file, of a pipe, and of anything from nothing to three blocks."""
    for text in (b"", b"\n", INPUTS["a block"], INPUTS["noise"], INPUTS["zeros"], bars(1000)):
        (tmp_path / "a.csv").write_bytes(text)

        assert text == b"".join(decompress([lzop("-c", *options, tmp_path / "a.csv")]))
        assert text == b"".join(decompress([lzop("-c", *options, given=text)]))


def test_name_and_time_are_kept(tmp_path: Path) -> None:
    """`lzop -l` shows the name; `lzop -dN` restores name and time, whatever the file is called by then."""
    path = tmp_path / "renamed.lzo"
    path.write_bytes(b"".join(compress([b"bars"], name=NAME, modified=MODIFIED)))

    assert NAME.encode() in lzop("-lN", path)
    lzop("-dN", f"-p{tmp_path}", path)
    assert b"bars" == (tmp_path / NAME).read_bytes()
    assert MODIFIED == datetime.fromtimestamp((tmp_path / NAME).stat().st_mtime, UTC)


@pytest.mark.parametrize(("option", "checksum"), [("-3", Checksum.ADLER32), ("--crc32", Checksum.CRC32)])
def test_the_rest_is_what_lzop_writes(option: str, checksum: Checksum, tmp_path: Path) -> None:
    """Nothing and noise, which nobody makes smaller, become the same file but for the flag of a further checksum."""
    path, own = tmp_path / NAME, tmp_path / "own.lzo"
    for text in (b"", INPUTS["noise"]):
        path.write_bytes(text)
        path.chmod(0o644)
        os.utime(path, (0, MODIFIED.timestamp()))

        lzop(option, "-f", "-o", own, path)
        expected = flagged(own.read_bytes(), Flag.ADLER32_PACKED if checksum is Checksum.ADLER32 else Flag.CRC32_PACKED)
        assert expected == b"".join(compress([text], name=NAME, modified=MODIFIED, checksum=checksum))


def test_several_files_end_to_end(tmp_path: Path) -> None:
    """What `lzop -c` makes of several files is read as their contents, one after the other, empty ones among them."""
    texts = [bars(10), b"", INPUTS["a block"], b"x"]
    for index, text in enumerate(texts):
        (tmp_path / f"{index}.csv").write_bytes(text)

    whole = lzop("-c", *sorted(tmp_path.iterdir()))

    assert b"".join(texts) == b"".join(decompress([whole]))


@pytest.mark.parametrize("flags", [0, 0x1, 0x3, 0x100, 0x300, 0x301, 0x1303])
def test_every_set_of_checksums(flags: int, tmp_path: Path) -> None:
    """Checksums of the text, of the packed data or of both, and an extra field: what lzop reads, we read, too."""
    texts, path = (bars(50), b"stored"), tmp_path / "a.lzo"
    whole = header(flags | 0x40, extra=b"anything") + b"".join(
        block(text, min(LZOCompressor().compress(text), text, key=len), flags) for text in texts
    )
    path.write_bytes(whole + bytes(4))

    assert b"".join(texts) == lzop("-dc", path)
    assert b"".join(texts) == b"".join(decompress([path.read_bytes()]))
