"""The way in and out: a token is shown once, and a cookie stands for it from then on."""

from __future__ import annotations

from http import HTTPStatus
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from forebay.service.dashboard.attempts import Attempts
from forebay.service.dashboard.pages import THEME, THEMES, back_to, give_cookie, own_path, render
from forebay.service.dashboard.session import COOKIE, Role, Sessions, Tokens, visitor_of

routes = APIRouter()
_A_YEAR = 31_536_000
Next = Annotated[str, Form(alias="next", max_length=2_000)]


@routes.get("/login")
def login(request: Request, next: str = "/") -> Response:  # noqa: A002 - a word of the address
    """Asks for the token; whoever needs none goes on."""
    if visitor_of(request).role is not Role.NOBODY:
        return back_to(next)
    return _asking(request, next)


@routes.post("/login")
def show_token(request: Request, token: Annotated[str, Form(max_length=2_000)] = "", to: Next = "/") -> Response:
    """Looks at the token, and begins a session of its own for it; not for an address that has guessed too often."""
    tokens: Tokens = request.app.state.tokens
    sessions: Sessions = request.app.state.sessions
    attempts: Attempts = request.app.state.attempts
    address = request.client.host if request.client else ""
    if wait := ceil(attempts.begin(address)):
        said = f"Too many wrong tokens came from {address}. Try again in {wait} s."
        refused = _asking(request, to, said, HTTPStatus.TOO_MANY_REQUESTS)
        refused.headers["Retry-After"] = str(wait)
        return refused
    role = tokens.role(token.strip().encode())
    if role is Role.NOBODY:
        return _asking(request, to, "That is not the token of this service.", HTTPStatus.FORBIDDEN)
    attempts.take_back(address)
    answer = back_to(to)
    give_cookie(request, answer, sessions.begin(role)[1])
    return answer


def _asking(request: Request, to: str, fault: str = "", status: int = HTTPStatus.OK) -> Response:
    return render(request, "login.html", status=status, next=own_path(to), fault=fault)


@routes.post("/logout")
def logout(request: Request) -> Response:
    """Ends the session, and not in this browser alone."""
    sessions: Sessions = request.app.state.sessions
    if name := visitor_of(request).id:
        sessions.end(name)
    answer = back_to("/login")
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


@routes.post("/theme")
def theme(to: Next = "/", name: Annotated[str, Form(max_length=10)] = "") -> Response:
    """Light or dark from now on; anything else follows the system."""
    answer = back_to(to)
    if name in THEMES:
        answer.set_cookie(THEME, name, max_age=_A_YEAR, httponly=True, samesite="strict")
    else:
        answer.delete_cookie(THEME, httponly=True, samesite="strict")
    return answer
