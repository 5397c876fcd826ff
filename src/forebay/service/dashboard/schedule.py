"""What the daemons do by themselves, and the switch for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from forebay.ledger.schedule import ScheduleBook
from forebay.service.dashboard.pages import back_to, render
from forebay.service.desk import At, Desk

routes = APIRouter()


@routes.get("/schedule")
def schedule(request: Request, desk: At) -> Response:
    """Every job, when it ran and when it will."""
    return render(request, "schedule.html", schedule=_book(desk).look(), redact=desk.redact)


@routes.post("/schedule")
def switch(desk: At, on: Annotated[bool, Form()]) -> Response:
    """Have the daemons run the jobs, or begin none."""
    _book(desk).switch(on=on)
    return back_to("/schedule")


def _book(desk: Desk) -> ScheduleBook:
    return ScheduleBook(desk.ledger.database, desk.app.clock)
