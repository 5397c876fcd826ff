"""How the service says that something went wrong: one shape, the right status, and nothing of its inside."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from forebay.errors import ForebayError, KnownSymbol, NoSuchTable, TemporaryError, UnknownSymbol, UsageError
from forebay.service.dashboard.pages import render

log = structlog.get_logger(__name__)
_WAIT = 5
"""Seconds after which to ask again where nobody knows better."""


class Fault(BaseModel):
    """What went wrong, and the next step."""

    kind: str = Field(description="A stable word for programs.", examples=["usage"])
    message: str = Field(description="What happened, to what.", examples=["unknown asset class 'stonks'"])
    remedy: str = Field("", description="The next step.", examples=["did you mean 'stocks'?"])


class Refusal(HTTPException):
    """What an endpoint refuses, with the next step; the framework's own are about paths and methods."""

    def __init__(self, status: int, message: str, remedy: str, kind: str = "") -> None:
        super().__init__(status, message)
        self.remedy = remedy
        self.kind = kind or _kind_of(status)


def faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These statuses, and those that any endpoint may answer with, as FastAPI describes them."""
    usual = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE)
    return {int(each): {"model": Fault, "description": HTTPStatus(each).phrase} for each in (*usual, *statuses)}


def answer(
    status: int, kind: str, message: str, remedy: str = "", headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """A fault as a response."""
    return JSONResponse(Fault(kind=kind, message=message, remedy=remedy).model_dump(), status, dict(headers or {}))


def answer_to(
    request: Request, status: int, kind: str, message: str, remedy: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """The same, to a person as a page."""
    if not wants_page(request):
        return answer(status, kind, message, remedy, headers)
    phrase = HTTPStatus(status).phrase
    page = render(request, "fault.html", status=status, code=status, phrase=phrase, message=message, remedy=remedy)
    page.headers.update(headers or {})
    return page


def wants_page(request: Request) -> bool:
    """Whether a browser asks, and not for what is for programs."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def install(service: FastAPI) -> None:
    """Have every error of `service` answered so."""
    service.add_exception_handler(ForebayError, _known)
    service.add_exception_handler(RequestValidationError, _invalid)
    service.add_exception_handler(HTTPException, _refused)
    service.add_exception_handler(Exception, _unknown)


def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, ForebayError)
    status = _status(error)
    redact = request.app.state.desk.redact
    headers = {}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        after = error.retry_after if isinstance(error, TemporaryError) else None
        headers["Retry-After"] = str(round(after or _WAIT))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request_failed", path=request.url.path, kind=error.kind, error=str(error))
    return answer_to(request, status, error.kind, redact(str(error)), redact(error.remedy), headers)


def _status(error: ForebayError) -> HTTPStatus:
    if isinstance(error, UnknownSymbol | NoSuchTable):
        return HTTPStatus.NOT_FOUND
    if isinstance(error, KnownSymbol):
        return HTTPStatus.CONFLICT
    if isinstance(error, UsageError):
        return HTTPStatus.BAD_REQUEST
    return HTTPStatus.SERVICE_UNAVAILABLE


def _invalid(request: Request, error: Exception) -> Response:
    """The first thing that is wrong with a question. What was given is not repeated: it may be anything."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    remedy = "go back and change that" if wants_page(request) else "/openapi.json says what is understood"
    if first["loc"] == ("body",) and "json" not in request.headers.get("content-type", ""):
        remedy = "send JSON, and say so: Content-Type: application/json"
    return answer_to(request, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"{where}: {first['msg']}", remedy)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Refusal):
        return answer_to(request, error.status_code, error.kind, error.detail, error.remedy)
    kind = _kind_of(error.status_code)
    remedy = "choose a page above" if wants_page(request) else "/openapi.json lists every endpoint"
    return answer_to(request, error.status_code, kind, str(error.detail), remedy, error.headers)


def _kind_of(status: int) -> str:
    return HTTPStatus(status).phrase.lower().replace(" ", "_")


def _unknown(request: Request, error: Exception) -> Response:
    """A fault of Forebay's own. Its trace goes to the log alone."""
    log.error("request_failed", path=request.url.path, kind="internal", exc_info=error)
    return answer_to(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal",
        "this is a fault in Forebay",
        "the service's log says more",
    )
