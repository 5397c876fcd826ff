"""The archive: the vendor's files under the vendor's keys, each with a receipt of what was proved of it."""

from __future__ import annotations

from forebay.stores.store import Store


class Archive:
    """Flat files in one store. Safe to use from several threads. Raises what `Store` raises."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @property
    def address(self) -> str:
        """Where it is, without secrets."""
        return self.store.address
