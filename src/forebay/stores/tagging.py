"""Whether a store takes tags with an upload, keeps them, and leaves the content as it is.

Some refuse the header (Backblaze B2: 400, Cloudflare R2 and Garage: 501), some ignore it, and there were gateways that
stored tags in the object's place. So a scratch object is asked, never a real one, and nothing but a put with the header
`x-amz-tagging` is ever tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from structlog import get_logger

from forebay.clock import Clock
from forebay.errors import ObjectChanged
from forebay.stores.refusals import Refused
from forebay.stores.s3 import S3Store, Spoiled
from forebay.stores.scratch import SCRATCH, leftovers, unique_name
from forebay.stores.store import Store

_BODY = b"<probe>Forebay asks whether objects can have tags. This one can be deleted.</probe>\n"
"""XML, so that a server which answers a question about tags with the object is understood, and not asked again."""
_TAGS = {"forebay-probe": "a Z+0-1=2.3_4:5/6@7"}
"""Every kind of character that a tag may have, to see that all of them come back."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Tagging:
    """What a probe found out."""

    sent: bool
    """Whether objects are to be stored with tags."""
    why: str = ""
    """Why not, or why it is not proved that they are kept, in a sentence; empty when they came back as sent."""
    left: str = ""
    """Which scratch object could not be removed, in a sentence; empty when nothing is left."""


class TagProbe:
    """Asks one store, once; safe in threads."""

    def __init__(self, store: Store, clock: Clock, name: Callable[[], str] = unique_name) -> None:
        self._store, self._clock, self._name = store, clock, name
        self._found: Tagging | None = None
        self._asking = Lock()

    def __call__(self) -> Tagging:
        """Whether tags may be sent, by what became of a scratch object.

        Raises StoreUnavailable for what may pass, StoreError for what concerns objects without tags as well; then
        nothing was decided, and the next call asks again.
        """
        with self._asking:
            if self._found is None:
                self._found = self._ask()
            return self._found

    def _ask(self) -> Tagging:
        store, key = self._store, SCRATCH + self._name()
        if not isinstance(store, S3Store):
            return Tagging(sent=False, why=f"{store.address} is a folder, which keeps no tags.")
        for old in leftovers(store, self._clock.now()):
            _remove(store, old.key)
        try:
            found = _try(store, key)
        finally:
            removed = _remove(store, key)
        left = f"The keys do not allow deleting in {store.address}: {key} is left, which can be removed at any time."
        found = found if removed else replace(found, left=left)
        if said := f"{found.why} {found.left}".strip():
            log.warning("tags", sent=found.sent, reason=said)
        return found


def _try(store: S3Store, key: str) -> Tagging:
    if why := _objection(store, key):
        store.put(key, _BODY, {})  # what fails without tags as well has another reason, and is raised
        return Tagging(sent=False, why=why)
    return _look(store, key)


def _objection(store: S3Store, key: str) -> str:
    """What a put with tags met with; empty when the object is there with its content."""
    spoiled = f"{store.address} keeps something else than the content of an object that is stored with tags."
    try:
        store.put(key, _BODY, {}, _TAGS)
    except Refused as error:
        if error.status == "403":
            return f"The keys do not allow tags in {store.address} ({error.said}); S3's s3:PutObjectTagging does."
        return f"{store.address} refuses tags ({error.said})."
    except Spoiled:
        return spoiled
    content = store.fetch(key)
    if content is None:
        raise ObjectChanged(f"{store.address}/{key} is gone, which was stored just now", remedy="Try again.")
    return "" if content == _BODY else spoiled


def _look(store: S3Store, key: str) -> Tagging:
    """Whether the tags of an object that is there are those it was stored with."""
    try:
        kept = store.tags(key)
    except Refused as error:
        if error.status == "403":
            why = f"{store.address} takes tags, but the keys do not allow reading them back ({error.said}),"
            return Tagging(sent=True, why=f"{why} so that it is not proved that they are kept.")
        return Tagging(sent=False, why=f"{store.address} takes tags and cannot tell them again ({error.said}).")
    except ObjectChanged:  # it was there a moment ago
        kept = {}
    if kept == _TAGS:
        return Tagging(sent=True)
    how = "changes" if kept else "ignores"
    return Tagging(sent=False, why=f"{store.address} takes tags and {how} them.")


def _remove(store: S3Store, key: str) -> bool:
    """Remove a scratch object with its versions, or take it out of sight where the keys allow no more than that."""
    for remove in (store.delete, store.hide):
        try:
            remove(key)
        except Refused:
            continue
        return True
    return False
