"""Whether traces are wanted: by OpenTelemetry's own variables, for collectors are set up by those everywhere."""

from __future__ import annotations

import os
from collections.abc import Mapping

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def traces_wanted(environ: Mapping[str, str] | None = None) -> bool:
    """Whether an endpoint is named, or the exporter `otlp`; OTEL_TRACES_EXPORTER=none and OTEL_SDK_DISABLED say no.

    All else (protocol, headers, sampler, limits) is read by OpenTelemetry itself.
    """
    given = os.environ if environ is None else environ
    if given.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = given.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    return "otlp" in exporter.split(",") if exporter else any(given.get(name) for name in _ENDPOINTS)
