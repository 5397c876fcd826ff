"""What failed a check: listed, looked at, tried again, dismissed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response

from forebay.lake.intake.note import End, Quarantined
from forebay.model.run import Order, RunKind
from forebay.service.dashboard.pages import back_to, render
from forebay.service.desk import At, Desk
from forebay.service.faults import Refusal
from forebay.service.routes.runs import RUN_ID, Under, ordered

routes = APIRouter()
_ROWS = 100
_SHOWN = 20
"""Bad rows that are shown of one."""
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{8}$")]


@routes.get("/quarantine")
def quarantine(
    request: Request, desk: At, *, ended: bool = False, page: Annotated[int, Query(ge=1, le=100_000)] = 1
) -> Response:
    """Everything in quarantine, the last noted first."""
    book = desk.app.quarantine
    found = sorted(book.list(ended=ended), key=lambda note: note.noted_at, reverse=True)
    return render(
        request,
        "quarantine.html",
        notes=found[(page - 1) * _ROWS : page * _ROWS],
        total=len(found),
        rows=sum(note.rows for note in found if note.ended is None),
        strays=[str(each) for each in book.strays()],
        ended=ended,
        page=page,
        pages=max(-(-len(found) // _ROWS), 1),
        redact=desk.redact,
    )


@routes.get("/quarantine/{identity}")
def one(
    request: Request,
    desk: At,
    runs: Under,
    identity: Id,
    ran: Annotated[str | None, Query(pattern=RUN_ID)] = None,
) -> Response:
    """One of it: why it is kept, and the first of its rows, each with the check that it failed."""
    note = _found(desk, identity)
    frame = desk.app.quarantine.rows(note).head(_SHOWN) if note.rows_path else None
    return render(
        request,
        "quarantined.html",
        note=note,
        run=runs.book.get(ran) if ran else None,
        columns=frame.columns if frame is not None else [],
        rows=frame.rows() if frame is not None else [],
        redact=desk.redact,
    )


@routes.post("/quarantine/{identity}/replay")
def replay(desk: At, runs: Under, identity: Id) -> Response:
    """Order one to be tried again; then its page, which shows how that fares."""
    note = _found(desk, identity)
    if note.ended is not None:
        return back_to(f"/quarantine/{identity}")
    run = ordered(runs, Order(RunKind.REPLAY, note=identity))
    return back_to(f"/quarantine/{identity}?ran={run.id}#run")


@routes.post("/quarantine/{identity}/dismiss")
def dismiss(desk: At, identity: Id, reason: Annotated[str, Form(max_length=500)] = "") -> Response:
    """Mark one as of no concern, for a reason. Its rows stay."""
    note = _found(desk, identity)
    if not reason.strip():
        raise Refusal(400, "there is no reason given", "say why it is of no concern")
    if note.ended is None:
        desk.app.quarantine.end(note, End.DISMISSED, reason.strip(), desk.app.clock.now())
    return back_to(f"/quarantine/{identity}")


def _found(desk: Desk, identity: str) -> Quarantined:
    note = desk.app.quarantine.find(identity)
    if note is None:
        raise Refusal(404, f"nothing in quarantine is called {identity}", "/quarantine lists everything")
    return note
