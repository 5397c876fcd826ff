"""Bars ordered for named tickers: planned, remembered, and either fetched while the user waits or queued."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from forebay.cli.output import ExitCode, print_json, say, tell
from forebay.cli.wishes import Asked, feeds_asked, remember
from forebay.errors import BrokerUnavailable

if TYPE_CHECKING:
    from forebay.app import App
    from forebay.model.task import TaskDraft
    from forebay.orchestration.celery.broker import Broker
    from forebay.orchestration.plan import Plan
    from forebay.orchestration.sync import Prospect
    from forebay.settings import Settings


def broker_of(settings: Settings) -> Broker:
    """The Redis that workers listen to. Raises UsageError when none is set, BrokerUnavailable when it is down."""
    from forebay.orchestration.celery.broker import Broker

    broker = Broker(settings.queue.require_url())
    broker.ping()
    return broker


def prospect_of(app: App, asked: Asked) -> Prospect:
    """What `asked` comes to, as a remembered feed; notes are told. Raises LakeError for a lake that is lost."""
    from forebay.orchestration.wanted import lake_tables

    wanted = feeds_asked(app, asked)
    prospect = app.outlook().look_ahead(wanted)
    app.confirm_lake(lake_tables(prospect.wishes))
    remember(app, asked, wanted)
    tell_notes(prospect.plan.notes)
    return prospect


def tell_notes(notes: Sequence[str]) -> None:
    """Each note as a line."""
    for note in notes:
        tell(f"note: {note}")


def run_now(app: App, asked: Asked, *, json: bool, interactive: bool = False) -> int:
    """Fetch while the user waits, `interactive` before batch work in the rate budget; the exit code."""
    from forebay.cli.foreground import show
    from forebay.cli.strangers import fetch

    app.recover()
    prospect = prospect_of(app, asked)
    status, unknown = fetch(app, prospect, interactive=interactive)
    code = show(status, prospect.plan.notes, json=json)
    return ExitCode.PARTIAL if unknown else code


def queue(app: App, plan: Plan, broker: Broker | None, tasks: Iterable[TaskDraft] | None = None) -> int:
    """Put a plan's tasks, or these of them, into the ledger, then send hints; how many are new or start over."""
    app.ledger.coverage.record(plan.findings)
    queued = app.ledger.tasks.add(plan.each() if tasks is None else tasks, again=True, planned_at=plan.made_at)
    if broker is not None:
        tell_workers(app, broker)
    return queued


def tell_workers(app: App, broker: Broker) -> None:
    """Send hints for what is due. A Redis that has gone away by now takes nothing with it."""
    from forebay.orchestration.celery.hints import open_hints

    try:
        open_hints(app.settings, broker, app.ledger.tasks).fill()
    except BrokerUnavailable as error:
        tell(f"note: {error}")
        tell("note: the ledger has every task: Celery workers find them once Redis is back, `forebay worker` at once")


def say_queued(app: App, queued: int, broker: Broker | None, *, json: bool) -> None:
    """How many tasks were queued and wait now, and how to watch them."""
    counts = app.ledger.tasks.counts()
    waiting = sum(count for state, count in counts.items() if state.claimable)
    if json:
        print_json({"queued": queued, "waiting": waiting})
    else:
        say(f"{queued:,} tasks queued; {waiting:,} wait in the ledger")
    if broker is None:
        tell("run them with `forebay worker` (as many as you like); watch with `forebay status`")
    else:
        tell(
            "Celery workers run them; watch with `forebay workers status`, `forebay status`, or Flower "
            "(`forebay workers flower`)"
        )
