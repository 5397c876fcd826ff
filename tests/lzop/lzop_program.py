"""The real program lzop, for tests; and files that it cannot be asked to write, taken apart and put together."""

from __future__ import annotations

import struct
import subprocess
import zlib
from datetime import UTC, datetime
from pathlib import Path

from programs import need

MODIFIED = datetime(2024, 1, 2, 9, 0, tzinfo=UTC)
NAME = "AAPL_polygon_202401020900.csv"
BLOCK = 256 << 10


def lzop(*arguments: str | Path, given: bytes = b"") -> bytes:
    """What it prints. Fails the test when it refuses or warns; skips it without lzop, unless that must be there."""
    done = subprocess.run([need("lzop"), *map(str, arguments)], input=given, capture_output=True, check=False)
    assert (0, b"") == (done.returncode, done.stderr), done.stderr.decode()
    return done.stdout


def bars(rows: int) -> bytes:
    """A CSV of minute bars, as compressible as they are."""
    lines = [b"timestamp,open,high,low,close,volume,vwap,transactions"]
    for row in range(rows):
        cents = 10_000 + row * row % 997
        minute = b"2024-01-%02dT%02d:%02d:00Z" % (2 + row // 960 % 28, 4 + row // 60 % 16, row % 60)
        prices = b",".join(b"%d.%02d" % divmod(cents + more, 100) for more in (0, 7, -5, 2))
        volume, vwap = row * 7919 % 50_000, b"%d.%04d" % (cents // 100, row % 9973)
        lines.append(b"%b,%b,%d,%b,%d" % (minute, prices, volume, vwap, row % 300))
    return b"\n".join(lines) + b"\n"


def header(flags: int = 0x3000001, *, extra: bytes | None = None, **changed: int) -> bytes:
    """Of a file without a name, as lzop spells it. `changed`: version, oldest_reader, method."""
    fields = struct.pack(
        ">HHHBBL",
        changed.get("version", 0x1040),
        0x20A0,
        changed.get("oldest_reader", 0x940),
        changed.get("method", 1),
        5,
        flags,
    )
    fields += bytes(4) if flags & 0x800 else b""
    fields += struct.pack(">LLLB", 0o100644, 0, 0, 0)
    whole = b"\x89LZO\0\r\n\x1a\n" + fields + _sum(flags & 0x1000, fields)
    if extra is not None:
        field = len(extra).to_bytes(4) + extra
        whole += field + _sum(flags & 0x1000, field)
    return whole


def flagged(whole: bytes, flag: int) -> bytes:
    """The same file with one more flag, and the header's checksum to go with it. Its header names a file."""
    magic, before, flags, after, rest = whole[:9], whole[9:17], whole[17:21], whole[21:33], whole[33:]
    name, rest = rest[: 1 + rest[0]], rest[1 + rest[0] + 4 :]
    flags = (int.from_bytes(flags) | flag).to_bytes(4)
    fields = before + flags + after + name
    return magic + fields + _sum(int.from_bytes(flags) & 0x1000, fields) + rest


def _sum(crc: int, data: bytes) -> bytes:
    return (zlib.crc32(data) if crc else zlib.adler32(data)).to_bytes(4)


def block(text: bytes, packed: bytes, flags: int = 0x3000001) -> bytes:
    """One block with every checksum that `flags` ask for."""
    sums = b"".join(_sum(bit & 0x300, text) for bit in (0x1, 0x100) if flags & bit)
    if len(packed) < len(text):
        sums += b"".join(_sum(bit & 0x300, packed) for bit in (0x2, 0x200) if flags & bit)
    return struct.pack(">LL", len(text), len(packed)) + sums + packed
