"""What is said of an object: as S3's tags, by which it can be found, and as metadata, which any bucket keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

MOST_TAGS, LONGEST_NAME, LONGEST_VALUE = 10, 128, 256
"""S3's limits: tags of one object, characters of a tag's name and of its value."""
_NO_TAG = re.compile(r"[^A-Za-z0-9 +\-=._:/@]")
"""Of the letters beyond ASCII, which S3 takes too, other servers take none."""
_NO_HEADER = re.compile(r"[^ -~]|%|^ | \Z|(?<= ) ")


def as_tags(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels as S3 takes them for tags; the same for what this returned.

    A character that no tag may have becomes `_`, and a value that is too long is cut: a comma in the name of an
    exchange is no reason to keep a file out of its store, and the metadata have the exact text. Names are the program's
    own: ValueError for one that S3 refuses, or for too many.
    """
    wrong = [name for name in labels if not 0 < len(name) <= LONGEST_NAME or _NO_TAG.search(name)]
    if wrong or len(labels) > MOST_TAGS or any(name.lower().startswith("aws:") for name in labels):
        raise ValueError(f"an object has at most {MOST_TAGS} tags, with names S3 allows, not {sorted(labels)}")
    return {name: _NO_TAG.sub("_", value)[:LONGEST_VALUE] for name, value in labels.items()}


def as_metadata(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels as HTTP headers carry them: `urllib.parse.unquote` gives each value back as it was.

    Percent-encoded (UTF-8) is what is not printable ASCII, the percent sign, and spaces that proxies would cut off or
    join: `NYSE Arca` stays as it is.
    """
    return {name: _NO_HEADER.sub(lambda found: quote(found[0], safe=""), value) for name, value in labels.items()}
