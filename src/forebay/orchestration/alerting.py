"""Telling people: what is due by the book of alerts, in one message; what nobody took is tried again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from structlog import get_logger

from forebay.ledger.alerts import AlertBook
from forebay.model.alert import Alert, Condition, Notice

log = get_logger(__name__)

_MOST_LINES = 20
"""Of a message; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is wrong now."""

    alerts: Sequence[Alert]
    unknown: dict[Condition, str] = field(default_factory=dict)
    """What could not be judged, and why."""


class Notifier(Protocol):
    """Sends a message to every address."""

    def send(self, title: str, body: str, *, bad: bool) -> dict[str, bool]:
        """Address, without its secrets, to whether it took the message. Raises nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one look."""

    notices: Sequence[Notice]
    sent: dict[str, bool]
    """Address to whether it took the message; empty when nothing was to be told."""


def tell(book: AlertBook, judged: Judged, notifier: Notifier, repeat: timedelta) -> Told:
    """Note what is wrong, and tell what is due. What no address took is due again at the next look.

    Raises LedgerError.
    """
    note(book, judged)
    notices = book.take(repeat)
    if not notices:
        return Told((), {})
    sent = notifier.send(_title(notices), _body(notices), bad=not all(notice.over for notice in notices))
    if not any(sent.values()):
        book.give_back(notices)
    for notice in notices if any(sent.values()) else ():
        log.info("alert_over" if notice.over else "alert_told", alert=notice.raised.alert.key, again=notice.again)
    return Told(notices, sent)


def note(book: AlertBook, judged: Judged) -> None:
    """Write down what is wrong. Raises LedgerError."""
    for condition, why in judged.unknown.items():
        log.warning("condition_unknown", condition=condition.value, reason=why)
    book.note(judged.alerts, judged.unknown.keys())


def _title(notices: Collection[Notice]) -> str:
    over = sum(notice.over for notice in notices)
    bad = len(notices) - over
    parts = ([f"{bad} to look at"] if bad else []) + ([f"{over} over"] if over else [])
    return f"Forebay: {', '.join(parts)}"


def _body(notices: Sequence[Notice]) -> str:
    lines = [_line(notice) for notice in sorted(notices, key=lambda notice: notice.over)]
    rest = len(lines) - _MOST_LINES
    return "\n".join([*lines[:_MOST_LINES], *([f"... and {rest} more: forebay alerts status"] if rest > 0 else [])])


def _line(notice: Notice) -> str:
    alert, since = notice.raised.alert, f"{notice.raised.raised_at:%Y-%m-%d %H:%M} UTC"
    if notice.over:
        return f"OVER {alert.condition} ({alert.subject}), which began {since}"
    word = "STILL" if notice.again else "NEW"
    return f"{word} {alert.condition}: {alert.message}. Since {since}. Next: {alert.remedy}"
