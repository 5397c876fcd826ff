"""Traces by OpenTelemetry. Where they are not wanted nothing of it is imported, and a span costs a look at a variable.

Rooms write `with span("lake commit", {"forebay.table": table}):`. Spans nest by themselves within a thread, and
`carried` takes them into another.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import structlog

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer
    from structlog.typing import EventDict, WrappedLogger

P = ParamSpec("P")
T = TypeVar("T")
Value = str | int | float | bool

log = structlog.get_logger(__name__)


class _State:
    """Of this process."""

    tracer: Tracer | None = None
    redact: Callable[[str], str] = str


class Noted:
    """A span that is under way; one of nothing where traces are off."""

    def __init__(self, span: Span | None = None) -> None:
        self._span = span

    def note(self, values: Mapping[str, Value], *, name: str | None = None) -> None:
        """Add what is known by now; `name` when it is known better."""
        if self._span is not None:
            self._span.set_attributes(values)
            if name is not None:
                self._span.update_name(name)

    def fail(self, reason: str) -> None:
        """It did not do what it was for."""
        if self._span is not None:
            from opentelemetry.trace import StatusCode

            self._span.set_status(StatusCode.ERROR, _State.redact(reason))


_NOTHING = Noted()


def configure_traces(redact: Callable[[str], str] = str) -> Callable[[], None]:
    """Send traces as the OTEL_* variables say, until what is returned is called; the end of the process does so, too.

    What is recorded of errors goes through `redact`. A collector that is away costs a line in the log. Without the
    libraries it says so, and there are no traces.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        log.warning("no_traces", reason=f"{error.name} is not installed", next="pip install 'forebay[otel]'")
        return _end
    resource = Resource.create()
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "forebay"}))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _State.tracer, _State.redact = provider.get_tracer("forebay"), redact

    def end() -> None:
        _end()
        provider.shutdown()

    return end


def _end() -> None:
    _State.tracer = None


@contextmanager
def span(
    name: str, values: Mapping[str, Value] | None = None, *, asked_by: Mapping[str, str] | None = None
) -> Iterator[Noted]:
    """What happens inside, and how long it takes; an error that leaves it is noted.

    `asked_by` are the headers of a request that it answers: its own trace goes on here.
    """
    if _State.tracer is None:
        yield _NOTHING
        return
    from opentelemetry.trace import SpanKind

    kind = SpanKind.INTERNAL if asked_by is None else SpanKind.SERVER
    with _State.tracer.start_as_current_span(
        name,
        _context(asked_by),
        kind,
        attributes=values,
        record_exception=False,  # its text may hold a secret
        set_status_on_exception=False,
    ) as found:
        noted = Noted(found)
        try:
            yield noted
        except Exception as error:
            noted.fail(f"{type(error).__name__}: {error}")
            raise


def carried(action: Callable[P, T]) -> Callable[P, T]:
    """`action`, to be run in another thread under the span of this one."""
    if _State.tracer is None:
        return action
    context = contextvars.copy_context()

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.run(action, *args, **kwargs)

    return run


def trace_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The ids of the present span, in a log line: what leads from the one to the other."""
    if _State.tracer is not None:
        from opentelemetry.trace import get_current_span

        found = get_current_span().get_span_context()
        if found.is_valid:
            event.update(trace_id=f"{found.trace_id:032x}", span_id=f"{found.span_id:016x}")
    return event


def _context(headers: Mapping[str, str] | None) -> Any:
    if headers is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract(headers)
