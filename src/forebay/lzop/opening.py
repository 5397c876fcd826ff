"""The header of a file to be read: checked whole, and refused where it asks for what this reader cannot do."""

from __future__ import annotations

from forebay.errors import CheckFailed, Damaged
from forebay.lzop.header import CONTENT, LZO1X, MAGIC, OLDEST_READER, VERSION, WRITER, Flag, checksum, first
from forebay.lzop.supply import Supply

_HEADER = "the header"
_EXTRA = "the extra field after the header"


def opened(supply: Supply) -> int:
    """Read past magic, header and extra field; the flags. Raises Damaged or CheckFailed, naming the file."""
    _expect_magic(supply, supply.taken)
    writer = supply.take(WRITER.size, _HEADER)
    version, _, oldest_reader, method, _, flags = WRITER.unpack(writer)
    _refuse_versions(supply.name, version, oldest_reader)
    filters = supply.take(4, _HEADER) if flags & Flag.FILTER else b""
    content = supply.take(CONTENT.size, _HEADER)
    name = supply.take(content[-1], "the name in the header")
    _compare(supply, b"".join((writer, filters, content, name)), flags)
    _refuse_unknown(supply.name, method, flags)
    if flags & Flag.EXTRA:
        _skip_extra(supply, flags)
    return int(flags)


def _expect_magic(supply: Supply, start: int) -> None:
    """As far as there are bytes: a few of others are no file that was cut short."""
    seen = 0
    for piece in supply.pieces(len(MAGIC), "the nine bytes that an lzop file starts with"):
        if piece != MAGIC[seen : seen + len(piece)]:
            raise _not_lzop(supply.name, start)
        seen += len(piece)


def _not_lzop(name: str, start: int) -> CheckFailed:
    if start:
        return Damaged(f"{name}: rubbish after the end, from byte {start} on", remedy="fetch or make the file again")
    return CheckFailed(f"{name}: is no lzop file; those start with other bytes", remedy="name a file that lzop made")


def _refuse_versions(name: str, version: int, oldest_reader: int) -> None:
    """Before anything else: other versions have other fields."""
    if version < OLDEST_READER or oldest_reader > VERSION:
        said = "an lzop before 0.94" if version < OLDEST_READER else f"a later lzop (format {oldest_reader:#06x})"
        raise CheckFailed(f"{name}: written by {said}, or its header is damaged", remedy="pack it anew with lzop 1.04")


def _compare(supply: Supply, fields: bytes, flags: int) -> None:
    if supply.number("the checksum of the header") != checksum(flags)(fields, first(flags)):
        raise Damaged(f"{supply.name}: the header does not match its checksum", remedy="fetch or make the file again")


def _refuse_unknown(name: str, method: int, flags: int) -> None:
    """What the writer meant and we cannot undo."""
    why = ""
    if method not in LZO1X:
        why = f"method {method}; known are {', '.join(f'{number} ({word})' for number, word in LZO1X.items())}"
    elif flags & Flag.FILTER:
        why = "a filter"
    elif flags & Flag.UNKNOWN:
        why = f"unknown flags ({flags & Flag.UNKNOWN:#x})"
    if why:
        raise CheckFailed(f"{name}: packed with {why}", remedy="unpack it with lzop and pack it anew, without options")


def _skip_extra(supply: Supply, flags: int) -> None:
    """Its checksum covers its length, too. It may be long, so it is not held."""
    length = supply.take(4, _EXTRA)
    total = checksum(flags)(length, first(flags))
    for piece in supply.pieces(int.from_bytes(length), _EXTRA):
        total = checksum(flags)(piece, total)
    if supply.number(_EXTRA) != total:
        raise Damaged(f"{supply.name}: {_EXTRA} does not match its checksum", remedy="fetch or make the file again")
