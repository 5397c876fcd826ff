"""Keeps secrets out of text that is about to be shown or written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "***"
_SHORTEST = 4
"""Shorter secrets are not searched for: they would blot out half of every line, and protect nothing."""

_PATTERNS = (
    (re.compile(r"(?<=://)([^/@\s:]*):([^/@\s]+)@"), rf"\1:{MASK}@"),
    (re.compile(r"(?i)\b(api_?key|access_?key|secret|token|password)=([^&\s\"']+)"), rf"\1={MASK}"),
    (re.compile(r"(?i)\b(bearer)\s+[^\s\"',}]+"), rf"\1 {MASK}"),
    (re.compile(r"(?i)\b(x-amz-(?:signature|credential|security-token))=([^&\s\"']+)"), rf"\1={MASK}"),
    (re.compile(r"(?i)\b(signature)=[0-9a-f]{16,}"), rf"\1={MASK}"),
)


class Redactor:
    """Replaces known secrets, also as URLs and JSON spell them, and what looks like one in URLs and headers."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {
            spelling
            for secret in secrets
            if len(secret) >= _SHORTEST
            for spelling in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1])
        }
        longest_first = sorted(spellings, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """`text` with every secret replaced by `***`."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern, mask in _PATTERNS:
            text = pattern.sub(mask, text)
        return text

    def __repr__(self) -> str:
        return "Redactor(...)"
