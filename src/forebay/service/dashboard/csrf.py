"""Whether an action was meant by who looks at the page: every form of ours carries the mark of its session."""

from __future__ import annotations

from hmac import compare_digest
from http import HTTPStatus

from fastapi import Request

from forebay.service.dashboard.session import form_mark, visitor_of
from forebay.service.faults import Refusal

FIELD = "csrf"
_LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})


async def meant(request: Request) -> None:
    """Raise Refusal (403) for an action that a cookie alone would allow. A dependency of every page."""
    visitor = visitor_of(request)
    if request.method in _LOOKS or not visitor.by_cookie:
        return
    shown = (await request.form()).get(FIELD)
    if visitor.id and isinstance(shown, str) and compare_digest(shown.encode(), form_mark(visitor.id).encode()):
        return
    raise Refusal(
        HTTPStatus.FORBIDDEN, "this form is not of your session", "go back, load the page again, and send it once more"
    )
