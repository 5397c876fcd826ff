"""Logs: one stream on stderr, a rotated file beside it, text or JSON, secrets taken out at the very end.

Rooms log with `structlog.get_logger(__name__)` or `logging.getLogger(__name__)`; both come out alike.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from forebay.telemetry.tracing import trace_ids

FILE_BYTES = 10_000_000
"""A log file is put aside at this size."""
FILES_KEPT = 5

_QUIET = ("httpx2", "httpcore2", "uvicorn.access", "asyncio", "alembic")
"""Libraries whose INFO lines tell a user nothing."""


def configure_logs(
    level: str,
    *,
    file: Path | None = None,
    style: Literal["text", "json"] = "text",
    redact: Callable[[str], str] = str,
) -> None:
    """Send every log line of `level` and above to stderr and to `file`; earlier handlers of the root are replaced.

    Times are UTC. `redact` sees each finished line, tracebacks included. Raises OSError when `file` cannot be opened.
    """
    structlog.configure(
        processors=[*_common(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handlers: list[logging.Handler] = [_Stderr()]
    handlers[0].setFormatter(_formatter(style, redact, colors=sys.stderr.isatty()))
    if file is not None:
        handlers.append(_file_handler(file))
        handlers[1].setFormatter(_formatter(style, redact, colors=False))
    _install(handlers)
    logging.getLogger().setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "DEBUG" else logging.WARNING)


def log_as_library() -> None:
    """Hand log lines to `logging`, under `forebay`, whose own settings decide what is shown: by default warnings.

    For calls from a user's program. One that has set structlog up, as the commands have, keeps what it chose.
    """
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_common(),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _install(handlers: list[logging.Handler]) -> None:
    """Put `handlers` in place of those that an earlier call installed."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _Stderr | _LogFile):
            root.removeHandler(handler)
            handler.close()
    for handler in handlers:
        root.addHandler(handler)


def write_to_log_file(message: str, error: BaseException) -> Path | None:
    """Write `message` with the traceback of `error` to the log file alone; returns that file, if there is one."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _LogFile):
            trace = (type(error), error, error.__traceback__)
            handler.handle(logging.LogRecord("forebay", logging.ERROR, "", 0, message, (), trace))
            return Path(handler.baseFilename)
    return None


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to whatever `sys.stderr` is now: a progress bar lifts lines above itself by replacing it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        """Nothing is kept."""


class _LogFile(RotatingFileHandler):
    """The log file of this process."""


def _file_handler(file: Path) -> logging.Handler:
    file.parent.mkdir(parents=True, exist_ok=True)
    return _LogFile(file, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8")


class _Redacting(structlog.stdlib.ProcessorFormatter):
    """Takes secrets out of the finished line."""

    redact: Callable[[str], str]

    def format(self, record: logging.LogRecord) -> str:
        return self.redact(super().format(record))


def _formatter(style: Literal["text", "json"], redact: Callable[[str], str], *, colors: bool) -> logging.Formatter:
    shown: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if style == "json":
        shown += [structlog.processors.format_exc_info, _as_object, structlog.processors.JSONRenderer()]
    else:
        plain = structlog.dev.plain_traceback
        shown.append(structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0, exception_formatter=plain))
    formatter = _Redacting(processors=shown, foreign_pre_chain=_common())
    formatter.redact = redact
    return formatter


def _as_object(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """`time`, `level` in capitals and `message` in front of the values: what collectors and `jq` queries go by."""
    rest = {key: value for key, value in event.items() if key not in ("timestamp", "level", "event")}
    return {"time": event["timestamp"], "level": event["level"].upper(), "message": event["event"], **rest}


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        trace_ids,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
