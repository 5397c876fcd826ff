"""The Celery application: `celery -A forebay.celery_app worker`, `inspect` and `flower` begin here.

It is Celery's counterpart of `forebay worker`. Importing it opens nothing and loads no data library.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import Celery, signals

from forebay.app import App, new_worker_id
from forebay.clock import SystemClock
from forebay.errors import ForebayError
from forebay.orchestration.celery.broker import Broker
from forebay.orchestration.celery.crew import Crew, Crews
from forebay.orchestration.celery.hints import Hints
from forebay.orchestration.celery.setup import make_celery
from forebay.orchestration.celery.sweep import Sweeper
from forebay.orchestration.celery.tasks import add_tasks
from forebay.settings import Settings, load


def _open_crew() -> Crew:
    """An application of this process's own; dead workers of this machine are cleared up after."""
    wired = App(_settings, SystemClock(), new_worker_id())
    broker = Broker(_settings.queue.require_url())
    try:
        wired.recover()
        if wired.keeps_archive:
            wired.settle_archive()
        hints = Hints(app, broker, wired.ledger.tasks)
        return Crew(wired.worker(), broker, hints, wired.rescue, wired.close)
    except BaseException:
        wired.close()
        raise


def _set_up_logs(loglevel: int | str | None = None, logfile: str | None = None, **_: Any) -> None:
    """Forebay's own logs, for Celery's words too: the more talkative of `--loglevel` and LOG_LEVEL."""
    from pathlib import Path

    from forebay.settings.tracing import traces_wanted
    from forebay.telemetry.logs import configure_logs
    from forebay.telemetry.redact import Redactor
    from forebay.telemetry.tracing import configure_traces

    log = _settings.log
    asked = loglevel if isinstance(loglevel, int) else logging.getLevelNamesMapping().get(str(loglevel).upper())
    level = min(logging.getLevelNamesMapping()[log.level], asked or logging.CRITICAL)
    file = Path(logfile) if logfile else log.file
    redact = Redactor(_settings.secrets())
    configure_logs(logging.getLevelName(level), file=file, style=log.format, redact=redact)
    if traces_wanted():
        configure_traces(redact)


def _make(settings: Settings, crews: Crews) -> Celery:
    celery = make_celery(settings)
    add_tasks(celery, crews)
    celery.steps["consumer"].add(Sweeper)
    return celery


_crews = Crews(_open_crew)
try:
    _settings = load()
    app = _make(_settings, _crews)
    """What Celery looks for."""
except ForebayError as _error:  # whoever imports this is Celery's command line: it would print a traceback
    raise SystemExit(f"error: {_error}\nnext: {_error.remedy}") from _error

signals.setup_logging.connect(_set_up_logs, weak=False)
for _end in (signals.worker_process_shutdown, signals.worker_shutdown):
    _end.connect(lambda **_: _crews.close(), weak=False)
