"""Sends words to people: mail, chat, pagers and web hooks. The only file that knows apprise."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from forebay.errors import UsageError

if TYPE_CHECKING:
    from apprise import Apprise

log = structlog.get_logger(__name__)

_DEADLINE = 15.0
"""Seconds that an address has to take a message."""
_TALKATIVE = ("apprise", "urllib3")
"""Libraries whose own lines hold whole addresses."""


class People:
    """The addresses of ALERT_URLS, each asked on its own. Safe in threads."""

    def __init__(self, addresses: Sequence[str]) -> None:
        """Raises UsageError for an address that apprise does not know, and where it is not installed."""
        self._targets = {_called(number, each): _opened(number, each) for number, each in enumerate(addresses, 1)}

    def send(self, title: str, body: str, *, bad: bool) -> dict[str, bool]:
        """See `Notifier`. An address that is away costs a line in the log."""
        from apprise import NotifyType

        kind = NotifyType.WARNING if bad else NotifyType.SUCCESS
        sent = {}
        for name, target in self._targets.items():
            sent[name] = bool(target.notify(body=body, title=title, notify_type=kind, timeout=_DEADLINE))
            if not sent[name]:
                log.warning("alert_not_sent", address=name)
        return sent


def _called(number: int, address: str) -> str:
    """How an address is spoken of: `2 (slack)`."""
    return f"{number} ({address.partition('://')[0]})"


def _opened(number: int, address: str) -> Apprise:
    try:
        from apprise import Apprise
    except ModuleNotFoundError as error:
        raise UsageError(
            "ALERT_URLS is set, and apprise is not installed", remedy="install it: pip install 'forebay[notify]'"
        ) from error
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    target = Apprise()
    with warnings.catch_warnings():  # it loads every service that it knows, and what they use of old is its affair
        warnings.simplefilter("ignore")
        known = target.add(address)
    if not known:
        raise UsageError(
            f"ALERT_URLS: address {_called(number, address)} is none that apprise knows",
            remedy="write it as apprise's documentation has it: mailto://, slack://, tgram://, json:// ...",
        )
    return target
