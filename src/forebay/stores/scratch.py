"""The objects that probes write to learn what a store can do, and remove again."""

from __future__ import annotations

import os
import re
import socket
from datetime import datetime, timedelta
from uuid import uuid4

from forebay.stores.store import Store, Stored

SCRATCH = "_forebay/probe-"
"""Start of the keys that a probe writes and removes."""
_OLD = timedelta(hours=1)
_OWNER = re.compile(re.escape(SCRATCH) + r"(?P<host>.+)-(?P<process>\d+)-[0-9a-f]{32}")


def unique_name() -> str:
    """What a probe may call its object: it tells whose it is."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex}"


def leftovers(store: Store, now: datetime) -> list[Stored]:
    """What probes left whose process was killed; `now` is in UTC. Of other machines' that is known an hour later."""
    return [found for found in store.list(SCRATCH) if now - found.modified > _OLD or _orphaned(found.key)]


def _orphaned(key: str) -> bool:
    """Whether it is of a process of this machine that is gone."""
    owner = _OWNER.fullmatch(key)
    if owner is None or owner["host"] != socket.gethostname():
        return False
    try:
        os.kill(int(owner["process"]), 0)
    except ProcessLookupError:
        return True
    except OSError:  # somebody else's
        return False
    return False
