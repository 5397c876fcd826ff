"""What the vendor lets this account have: its keys, how far back the plan reaches, and how fast it may be asked."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from forebay.errors import ForebayError
from forebay.model.catalogue import DATASETS
from forebay.service.dashboard.pages import render
from forebay.service.desk import At

routes = APIRouter()


@routes.get("/plan")
def plan(request: Request, desk: At) -> Response:
    """The plan as the vendor last answered. Asks nobody now."""
    app, settings = desk.opened(), desk.app.settings
    try:
        budget = app.budget.standing()
    except ForebayError:
        budget = None
    known, vendor = app.ledger.entitlements.list(), settings.vendor
    hosts = {"REST": vendor.rest_url, "Flat files": settings.flatfiles.url, "Stream": vendor.stream_url}
    return render(
        request,
        "plan.html",
        keys=app.account,
        known=known,
        unknown=sorted(set(DATASETS) - {each.dataset for each in known}),
        budget=budget,
        boundary=settings.plan.hybrid_boundary_days,
        hosts=hosts,
        redact=desk.redact,
    )
