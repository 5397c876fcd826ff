"""Numbers for a monitor."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from forebay.service.faults import faults

routes = APIRouter(tags=["health"])
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@routes.get(
    "/metrics",
    summary="Metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text form",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": 'forebay_tasks{state="pending"} 3.0'}},
        },
        **faults(),
    },
)
def metrics(request: Request) -> Response:
    """What the service was asked, and how what is kept fares, as Prometheus reads it."""
    return Response(request.app.state.metrics.text(), media_type=_TEXT)
