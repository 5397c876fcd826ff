"""Messages as the JSON that Kafka and Redis carry, and back (docs/kafka.md)."""

from __future__ import annotations

from typing import Any

import msgspec

from forebay.errors import CheckFailed
from forebay.model.message import VERSION, Message

encode = msgspec.json.Encoder().encode
"""A message as UTF-8 JSON, its fields in the order of its class."""

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def decode(data: bytes) -> Message:
    """The message that `encode` made `data` from; fields that are not known are passed over.

    Raises CheckFailed for what is no message of ours, or one of a version that this program does not know.
    """
    try:
        message = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise CheckFailed(_why(data, error), remedy=_REMEDY) from error
    if message.version != VERSION:
        raise CheckFailed(_other_version(message.version), remedy=_REMEDY)
    return message


_REMEDY = "See who writes to the topic: a newer Forebay needs newer consumers, and nobody else belongs there."


def _why(data: bytes, error: msgspec.MsgspecError) -> str:
    """A message of another version need not have our fields: then that is the reason."""
    try:
        version = _Version.decode(data).version
    except msgspec.MsgspecError:
        return f"not a message of Forebay: {error}"
    return f"not a message of Forebay: {error}" if version == VERSION else _other_version(version)


def _other_version(version: Any) -> str:
    return f"a message of version {version}; this program knows version {VERSION}"


class _Head(msgspec.Struct):
    version: int


_Version: msgspec.json.Decoder[_Head] = msgspec.json.Decoder(_Head)
