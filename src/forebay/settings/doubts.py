"""What the values of settings suggest: keys in the wrong place, names with a slip of the pen."""

from __future__ import annotations

import re
from difflib import get_close_matches
from urllib.parse import urlsplit

from forebay.errors import UsageError
from forebay.settings.settings import DECLARED, Settings
from forebay.settings.sources import Level

WITHOUT_EFFECT = ("DOCKER_ENV", "C_FORCE_ROOT", "FOREBAY_SECRETS_DIR", "FOREBAY_ENV_FILE")
"""Accepted in a .env file though no setting is made of them."""

_API_KEY = re.compile(r"[A-Za-z0-9_]{32}")
_VENDOR_HOSTS = ("massive.com", "polygon.io")


def refuse_swapped_keys(settings: Settings) -> None:
    """Raise UsageError when the API key stands where the S3 access key id belongs.

    An API key has 32 letters, digits or underscores; an S3 key id of the vendor's has dashes. The form is only judged
    where the vendor itself is asked: another server may give out keys as it likes.
    """
    key_id = settings.flatfiles.access_key_id
    if key_id is None:
        return
    same = key_id == settings.vendor.api_key
    host = urlsplit(settings.flatfiles.url).hostname or ""
    at_vendor = host.endswith(_VENDOR_HOSTS)
    if same or (at_vendor and _API_KEY.fullmatch(key_id.get_secret_value())):
        raise UsageError(
            "POLYGON_S3_ACCESS_KEY_ID holds an API key: flat files have a key id and a secret of their own",
            remedy="Take the S3 access key id and secret from the flat-file section of the vendor's dashboard, or "
            "remove POLYGON_S3_ACCESS_KEY_ID to work by REST alone.",
        )


def unknown_names(file: Level) -> tuple[str, ...]:
    """A note for each name in the .env file that is unknown but close to a known one; the file may serve others too."""
    known = [*(name for item in DECLARED for name in item.names), *WITHOUT_EFFECT]
    notes = []
    for name, raw in file.items():
        near = [] if name in known else get_close_matches(name, known, n=1, cutoff=0.85)
        if near:
            notes.append(f"{raw.where}: {name} is not a setting; is {near[0]} meant?")
    return tuple(notes)
