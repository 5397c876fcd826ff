"""The service for an ASGI server: `uvicorn forebay.service.api:app`. It is made when it is asked for by that name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from forebay.errors import UsageError
from forebay.settings import load
from forebay.settings.tracing import traces_wanted
from forebay.telemetry.logs import configure_logs
from forebay.telemetry.redact import Redactor
from forebay.telemetry.tracing import configure_traces

if TYPE_CHECKING:
    from fastapi import FastAPI

try:
    from forebay.service.factory import create_app
except ModuleNotFoundError as error:  # an ASGI server would print a traceback
    raise SystemExit(f"error: the service needs {error.name}\nnext: pip install 'forebay[service]'") from error

__all__ = ["app", "create_app"]  # noqa: F822 - `app` is made below


def __getattr__(name: str) -> Any:
    if name == "app":
        return _served()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _served() -> FastAPI:
    """By the settings of the environment and of .env. Raises SystemExit for one that is wrong, with the words."""
    try:
        settings = load()
    except UsageError as error:  # whoever imports this would print a traceback
        raise SystemExit(f"error: {error}\nnext: {error.remedy}") from error
    log = settings.log
    redact = Redactor(settings.secrets())
    configure_logs(log.level, file=log.file, style=log.format, redact=redact)
    if traces_wanted():
        configure_traces(redact)
    return create_app(settings)
