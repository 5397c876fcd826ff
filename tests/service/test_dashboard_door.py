"""Who may look at the pages, who may act on them, and what a browser is told to keep out."""

from __future__ import annotations

import re
from functools import partial

import pytest
from starlette.testclient import TestClient

from forebay.service.dashboard.session import COOKIE, Role, Sessions, Tokens
from forebay.service.factory import create_app
from forebay.settings import load
from forebay.testing import FakeClock

HERE = "http://127.0.0.1:8000"
OWNER, READER = "a-token-of-some-length", "another-for-looking-only"
PAGE = {"Accept": "text/html"}
SET = {"FOREBAY_API_TOKEN": OWNER, "FOREBAY_API_READ_TOKEN": READER}


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    """A service with both tokens and one without, each made once: visitors come with cookies of their own."""
    made = {}
    for name, settings in {"guarded": SET, "open": {}}.items():
        home = str(tmp_path_factory.mktemp(name))
        made[name] = create_app(load(environ={"FOREBAY_HOME": home, **settings}))
    yield made
    for app in made.values():
        app.state.desk.close()


def _visitor(app, base_url=HERE, peer="127.0.0.1"):
    return TestClient(app, base_url, raise_server_exceptions=False, client=(peer, 40000))


@pytest.fixture
def guarded(houses):
    """Visitors of the service with tokens."""
    return partial(_visitor, houses["guarded"])


@pytest.fixture
def client(houses):
    """A visitor of the service without one."""
    return _visitor(houses["open"])


def mark(page):
    """The mark that the forms of a page carry."""
    return re.search(r'name="csrf" value="(\w+)"', page.text)[1]


def log_in(client, token, **more):
    """What showing a token on the login page is answered with."""
    form = {"csrf": mark(client.get("/login", headers=PAGE)), "token": token, **more}
    return client.post("/login", data=form, headers=PAGE, follow_redirects=False)


def test_a_page_leads_to_the_login_and_back(guarded):
    """A person without a session is asked for the token, and comes to the page that was wanted."""
    client = guarded()
    sent = client.get("/queue?state=pending", headers=PAGE, follow_redirects=False)
    assert (303, "/login?next=/queue%3Fstate%3Dpending") == (sent.status_code, sent.headers["location"])
    assert (303, "/queue?state=pending") == _landing(log_in(client, OWNER, next="/queue?state=pending"))


def _landing(answer):
    return answer.status_code, answer.headers["location"]


def test_the_cookie_is_for_this_site_and_no_script(guarded):
    """The session's cookie cannot be read by a script, is not sent for another site, ends, and holds no token."""
    client = guarded()
    given = log_in(client, OWNER).headers["set-cookie"]
    assert all(word in given for word in ("HttpOnly", "SameSite=strict", "Max-Age=604800", "Path=/"))
    assert OWNER not in given
    client = guarded(base_url="https://bars.example.org", peer="203.0.113.7")
    assert "Secure" in log_in(client, OWNER).headers["set-cookie"]


def test_a_wrong_token_opens_no_session(guarded):
    """A wrong token is said to be wrong, and the next page is still the login."""
    client = guarded(peer="203.0.113.9")
    for token in ("", "wrong", OWNER + "x", OWNER.upper()):
        refused = log_in(client, token)
        assert (403, True) == (refused.status_code, "That is not the token" in refused.text)
    assert 303 == client.get("/queue", headers=PAGE, follow_redirects=False).status_code


def test_the_login_leads_nowhere_else(guarded):
    """Whatever a link to the login says, it ends on a page of this service."""
    elsewhere = ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\tx", "")
    client = guarded()
    for target in elsewhere:
        client.cookies.clear()
        assert (303, "/") == _landing(log_in(client, OWNER, next=target))
        assert (303, "/") == _landing(client.get("/login", params={"next": target}, follow_redirects=False))


def test_an_action_without_the_mark_is_refused(guarded):
    """A form that another page made up, with the browser's own cookie, does nothing."""
    client = guarded()
    log_in(client, OWNER)
    for form in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": "ä"}):
        assert 403 == client.post("/logout", data=form).status_code
    assert 404 == client.get("/nothing", headers=PAGE).status_code


def test_a_mark_is_of_one_session(guarded):
    """The mark of one visitor's form is of no use with the cookie of another; the login's own form has one, too."""
    client, other = guarded(), guarded()
    log_in(client, OWNER)
    log_in(other, OWNER)
    assert 403 == client.post("/logout", data={"csrf": mark(other.get("/nothing", headers=PAGE))}).status_code
    stranger = guarded()
    assert 403 == stranger.post("/login", data={"token": OWNER}).status_code


def test_logging_out_ends_the_session_itself(guarded):
    """After logging out the cookie opens nothing, even where somebody kept a copy."""
    client = guarded()
    log_in(client, OWNER)
    kept = client.cookies["forebay_session"]
    assert (303, "/login") == _landing(_log_out(client))
    client.cookies.set("forebay_session", kept)
    assert 303 == client.get("/queue", headers=PAGE, follow_redirects=False).status_code


def _log_out(client):
    return client.post("/logout", data={"csrf": mark(client.get("/nothing", headers=PAGE))}, follow_redirects=False)


def test_a_cookie_ends_with_its_token(guarded, serve):
    """When a token is changed, sessions that were begun with the one before are over."""
    client = guarded()
    log_in(client, OWNER)
    kept = client.cookies["forebay_session"]
    with serve(FOREBAY_API_TOKEN=OWNER, FOREBAY_API_READ_TOKEN="another") as client:
        client.cookies.set("forebay_session", kept)
        assert 303 == client.get("/queue", headers=PAGE, follow_redirects=False).status_code


def test_a_forged_cookie_opens_nothing(guarded):
    """A cookie that this service has not signed is nobody's."""
    client = guarded()
    for cookie in ("x", "W10.x", "a" * 22, "a.b.c", "%00", "WyJhIiwib3duZXIiLDllOV0.sig"):
        client.cookies.set("forebay_session", cookie)
        assert 303 == client.get("/queue", headers=PAGE, follow_redirects=False).status_code
        assert 401 == client.get("/queue").status_code


def test_a_session_ends_after_a_week():
    """A cookie that somebody kept opens nothing for longer, whatever the browser was told."""
    clock = FakeClock()
    sessions = Sessions(Tokens(OWNER.encode(), None), clock)
    cookies = {COOKIE: sessions.begin(Role.OWNER)[1]}
    clock.advance(7 * 86_400 - 1)
    assert Role.OWNER is sessions.visitor(cookies).role
    clock.advance(1)
    assert Role.NOBODY is sessions.visitor(cookies).role


def test_a_cookie_opens_no_endpoint_for_programs(guarded):
    """What programs ask takes the token in its header: no page can have a browser order something there."""
    client = guarded()
    log_in(client, OWNER)
    assert [401] * 3 == [client.get(path).status_code for path in ("/api/v1/symbols", "/metrics", "/api/v1/runs")]
    assert 401 == client.post("/api/v1/registry/execute").status_code


def test_the_read_token_looks_and_does_nothing(guarded):
    """With the token for looking every answer can be read, and every action is refused with the way to be allowed."""
    shown = {"Authorization": f"Bearer {READER}"}
    client = guarded()
    assert [200] * 3 == [
        client.get(each, headers=shown).status_code for each in ("/api/v1/symbols", "/api/v1/runs", "/api/v1/tasks")
    ]
    refused = client.post("/api/v1/symbols", json={"symbol": "AAPL"}, headers=shown)
    assert (403, "read_only") == (refused.status_code, refused.json()["kind"])
    assert "FOREBAY_API_TOKEN" in refused.json()["remedy"]
    assert 403 == client.delete("/api/v1/symbols/AAPL", headers=shown).status_code
    log_in(client, READER)
    page = client.get("/nothing", headers=PAGE)
    assert "read only" in page.text
    assert 403 == client.post("/repair", data={"csrf": mark(page)}, headers=PAGE).status_code
    assert (303, "/login") == _landing(_log_out(client))


def test_a_read_token_alone_makes_a_service_for_looking(serve):
    """Where only that token is set it must be shown, and nobody may act."""
    with serve(FOREBAY_API_READ_TOKEN=READER) as client:
        assert 401 == client.get("/api/v1/symbols").status_code
        assert 403 == client.post("/api/v1/registry/execute", headers={"Authorization": f"Bearer {READER}"}).status_code


def test_without_a_token_pages_need_no_login(client):
    """A service of this machine alone shows its pages at once, and still refuses a form that is not its own."""
    assert (303, "/") == _landing(client.get("/login", headers=PAGE, follow_redirects=False))
    assert 403 == client.post("/theme", data={"name": "dark"}).status_code
    page = client.get("/nothing", headers=PAGE)
    assert (404, False) == (page.status_code, "Log out" in page.text)
    dark = client.post("/theme", data={"name": "dark", "next": "/nothing", "csrf": mark(page)}, headers=PAGE)
    assert 'data-theme="dark"' in dark.text


def test_a_browser_loads_nothing_from_elsewhere(client):
    """Every answer forbids scripts, styles and frames that are not this service's own files."""
    for path in ("/nothing", "/static/app.css", "/api/v1/symbols"):
        headers = client.get(path, headers=PAGE).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert ("nosniff", "DENY") == (headers["x-content-type-options"], headers["x-frame-options"])
    assert "no-store" == client.get("/nothing", headers=PAGE).headers["cache-control"]


def test_pages_are_no_part_of_the_description(client):
    """`/openapi.json` describes what is for programs, and no page."""
    assert {"/health", "/ready", "/metrics"} == {
        path for path in client.get("/openapi.json").json()["paths"] if not path.startswith("/api/")
    }


def test_a_fault_is_a_page_to_a_person(client):
    """A browser gets a page that says what is wrong and the next step, a program the same as JSON."""
    page = client.get("/nothing", headers=PAGE)
    assert (404, True) == (page.status_code, "text/html" in page.headers["content-type"])
    assert {"kind", "message", "remedy"} == client.get("/nothing").json().keys()
