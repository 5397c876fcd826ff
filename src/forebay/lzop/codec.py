"""The one place that speaks to lzallright. It works without the GIL."""

from __future__ import annotations

from collections.abc import Callable

from forebay.errors import UsageError
from forebay.lzop.header import Bytes

try:
    from lzallright import LZOCompressor, LZOError
except ModuleNotFoundError as error:
    raise UsageError(
        "csv.lzo files need the lzallright library, which is not installed",
        remedy="install it: pip install 'forebay[lzo]'",
    ) from error


class NotLzo(ValueError):
    """Bytes that are no LZO1X stream, or more than one."""


def deflater() -> Callable[[Bytes], bytes]:
    """A function that compresses block by block, each without regard to those before; for one thread at a time."""
    return LZOCompressor().compress


def inflate(data: Bytes, size: int) -> bytes:
    """The text of one block, expected to have `size` bytes. Raises NotLzo.

    The library takes `size` as a hint and makes whatever the stream says: up to 255 bytes for each of `data`. So the
    caller bounds the length of `data`.
    """
    try:
        return LZOCompressor.decompress(data, size)
    except LZOError as error:
        raise NotLzo(_WHY.get(str(error.args[0]).rpartition(".")[2], "is no LZO1X stream")) from error


_WHY = {
    "InputOverrun": "ends before its LZO1X stream does",
    "InputNotConsumed": "goes on after the end of its LZO1X stream",
    "LookbehindOverrun": "refers to text before its start",
}
