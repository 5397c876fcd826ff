"""Why a log cannot be read: the entry that is damaged or lost, which no library names in a sentence."""

from __future__ import annotations

from forebay.errors import LakeError
from forebay.lake.home.home import Home
from forebay.lake.log.entries import entry_of
from forebay.lake.log.history import actions_of, newest_in_log
from forebay.lake.log.removed import newest_checkpoint


def damage_of(home: Home) -> LakeError | None:
    """The first entry after the newest checkpoint that is not there or says nothing sensible; None if all are sound."""
    newest = newest_in_log(home)
    for version in range(newest_checkpoint(home, newest)[0] + 1, newest + 1):
        entry = home.read(entry_of(version))
        if entry is None or actions_of(entry) is None:
            fault = "is missing" if entry is None else "is damaged"
            return LakeError(
                f"{home.uri} cannot be read: {entry_of(version)}, an entry of its log, {fault}",
                remedy=f"restore it from a backup; without one, move {home.uri} away, and `forebay ledger rebuild` and "
                "`forebay sync` fetch the table anew",
            )
    return None
