"""How a page is made: a template, what every page shows around it, and the session's cookie."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from forebay import __version__
from forebay.service.dashboard.session import COOKIE, LASTS, Role, form_mark, new_id, visitor_of

THEME = "forebay_theme"
THEMES = ("light", "dark")
NAVIGATION = (
    ("/", "Coverage"),
    ("/symbols", "Symbols"),
    ("/queue", "Queue"),
    ("/gaps", "Gaps"),
    ("/streams", "Streams"),
    ("/quarantine", "Quarantine"),
    ("/schedule", "Schedule"),
    ("/plan", "Plan"),
)


def render(request: Request, template: str, *, status: int = HTTPStatus.OK, **values: Any) -> HTMLResponse:
    """The page that `template` makes of `values`; beside them `visitor`, `may_act`, `now` and the forms' `mark`."""
    visitor = visitor_of(request)
    session = visitor.id or new_id()
    around = {
        "visitor": visitor,
        "may_act": visitor.role is Role.OWNER,
        "mark": form_mark(session),
        "here": request.url.path,
        "theme": request.cookies.get(THEME) if request.cookies.get(THEME) in THEMES else "",
        "navigation": NAVIGATION,
        "version": __version__,
        "now": request.app.state.desk.app.clock.now(),
        "redact": request.app.state.desk.redact,
        "logs_out": visitor.role is not Role.NOBODY and request.app.state.tokens.any,
    }
    page = HTMLResponse(templates().get_template(template).render(around | values), status)
    if visitor.id is None and visitor.by_cookie:
        give_cookie(request, page, session)
    return page


def give_cookie(request: Request, page: HTMLResponse | RedirectResponse, value: str) -> None:
    """Have the browser keep a session: no script reads it, no other site's page sends it."""
    page.set_cookie(
        COOKIE,
        value,
        max_age=round(LASTS.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def back_to(target: str) -> RedirectResponse:
    """To a page of this service, whatever `target` says; by GET."""
    return RedirectResponse(own_path(target), HTTPStatus.SEE_OTHER)


def own_path(target: str) -> str:
    """`target` where it is a path of this service, else the first page."""
    plain = target.isprintable() and "\\" not in target and target.startswith("/") and not target.startswith("//")
    return target if plain and not urlsplit(target).netloc else "/"


@cache
def templates() -> Environment:
    """The templates. A name that was not handed to one is an error, not an empty place."""
    made = Environment(
        loader=PackageLoader("forebay.service.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update({"number": number, "size": size, "duration": duration})
    made.globals["shape"] = lambda verdict: _SHAPES.get(str(verdict), "·")
    return made


_SHAPES: Mapping[str, str] = {
    "complete": "●",
    "known_empty": "○",
    "pending_upstream": "◔",
    "missing_upstream": "✕",
    "suspect": "▲",
    "missing": "✕",
    "drift": "◆",
    "replaced": "↻",
    "not_wanted": "·",
    "queued": "◌",
    "pending": "◌",
    "processing": "▶",
    "downloading": "▶",
    "downloaded": "▶",
    "uploading": "▶",
    "completed": "●",
    "done": "●",
    "failed_download": "▲",
    "failed_upload": "▲",
    "permanent_failure": "✕",
    "streaming": "●",
    "consuming": "●",
    "connecting": "◌",
    "waiting": "▲",
    "stopped": "✕",
    "running": "▶",
    "failed": "✕",
    "open": "▲",
    "ok": "●",
    "replayed": "●",
    "dismissed": "·",
    "closed": "●",
    "idle": "○",
    "error": "✕",
    "disabled": "·",
}
"""A shape for each word, beside its colour: not everybody tells colours apart."""


_NONE = "\N{EN DASH}"


def number(value: float | None) -> str:
    """Digits in groups of three; a dash for none."""
    if value is None:
        return _NONE
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def size(value: float | None) -> str:
    """Bytes for people: 1.4 GB."""
    if value is None:
        return _NONE
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < _KILO:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= _KILO
    return f"{value:.1f} TB"


_KILO = 1000


def duration(seconds: float | None) -> str:
    """Seconds for people: 3 h 12 min."""
    if seconds is None:
        return _NONE
    whole = round(abs(seconds))
    for unit, length, smaller, part in _UNITS:
        if whole >= length:
            return f"{whole // length} {unit} {whole % length // part} {smaller}"
    return f"{whole} s"


_UNITS = (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1))
