"""The bytes of one REST answer: unpacked, whole, and of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from isal import isal_zlib

_LARGEST = 256 * 2**20
"""Bytes. The largest real answers are some 10 MB; more than this is a mistake, or an attack by gzip."""
_GZIP = 31
"""zlib's window bits for a gzip header and trailer."""


class BodyCut(Exception):
    """The answer ended early, came too slowly, or is packed in a way nobody asked for."""


def read_body(headers: Mapping[str, str], chunks: Iterable[bytes], late: Callable[[], bool]) -> bytes:
    """Join and unpack the raw `chunks` of an answer. Raises BodyCut.

    The HTTP library notices a body shorter than its Content-Length; that a gzip stream is whole is checked here.
    """
    encoding = headers.get("content-encoding", "identity").lower()
    if encoding not in ("gzip", "identity"):
        raise BodyCut(f"it is encoded as {encoding[:20]}, which was not asked for")
    packed = _joined(chunks, late)
    return _unpacked(packed) if encoding == "gzip" and packed else packed


def _joined(chunks: Iterable[bytes], late: Callable[[], bool]) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > _LARGEST:
            raise BodyCut(f"it is larger than {_LARGEST} bytes")
        if late():
            raise BodyCut("it did not end within its deadline")
    return bytes(body)


def _unpacked(packed: bytes) -> bytes:
    stream = isal_zlib.decompressobj(wbits=_GZIP)
    try:
        body: bytes = stream.decompress(packed, _LARGEST)
    except isal_zlib.IsalError as error:  # type: ignore[misc]  # its stub declares an instance
        raise BodyCut(f"its gzip stream is damaged: {error}") from error
    if not stream.eof:
        raise BodyCut("its gzip stream ends early")
    return body
