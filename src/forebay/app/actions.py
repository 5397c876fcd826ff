"""Corporate actions, wired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forebay.orchestration.actions.memory import Memory

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.orchestration.actions.refresh import ActionsRefresh


def actions_memory(app: App) -> Memory:
    """What the vendor was asked before."""
    return Memory(app.ledger, app.clock)


def actions_refresh(app: App, names_at_most: int) -> ActionsRefresh:
    """Reads the vendor's lists while a person waits. Raises UsageError when there is no API key."""
    from forebay.orchestration.actions.refresh import ActionsRefresh

    return ActionsRefresh(app.lake, app.rest, actions_memory(app), app.clock, names_at_most)
