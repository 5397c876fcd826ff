"""Live data: who listens to which cluster and who stores what Kafka carries, how that goes, and what was not heard."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from forebay.ledger.consumers import Consumers
from forebay.ledger.interruptions import Interruptions
from forebay.ledger.streams import Streams
from forebay.service.dashboard.pages import render
from forebay.service.desk import At

routes = APIRouter()
_ROWS = 100
_SENT, _WAITING = "_sent", "_waiting"


@routes.get("/streams")
def streams(request: Request, desk: At) -> Response:
    """Every cluster that was ever streamed, who consumed within a day, and the interruptions, the last noted first."""
    database, clock = desk.ledger.database, desk.app.clock
    book = Interruptions(database, clock)
    found = Streams(database, clock).look()
    owed = book.open()
    return render(
        request,
        "streams.html",
        streams=[(each, _sinks(each.counts)) for each in found],
        consumers=Consumers(database, clock).look(),
        owed=owed[:_ROWS],
        more=max(len(owed) - _ROWS, 0),
        interruptions=[each for each in book.find(limit=_ROWS) if each.closed_at],
        redact=desk.redact,
    )


def _sinks(counts: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Each sink with what it was sent, and what waits for it."""
    known = dict(counts)
    names = sorted(name.removesuffix(_SENT) for name in known if name.endswith(_SENT))
    return [(name, known[name + _SENT], known.get(name + _WAITING, 0)) for name in names]
