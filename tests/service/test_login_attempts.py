"""How often an address may guess the token of a service."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient
from test_dashboard_door import HERE, OWNER, PAGE, READER, SET, log_in

from forebay.service.dashboard.attempts import MOST, Attempts
from forebay.service.factory import create_app
from forebay.settings import load
from forebay.testing import FakeClock

SOMEBODY, ANOTHER = "203.0.113.7", "203.0.113.8"


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def visit(tmp_path, clock):
    """Visitors of a service with both tokens, by their addresses."""
    app = create_app(load(environ={"FOREBAY_HOME": str(tmp_path), **SET}), clock)
    yield lambda peer: TestClient(app, HERE, client=(peer, 40000))
    app.state.desk.close()


def test_who_guesses_has_to_wait(visit, clock):
    """After five wrong tokens even the right one is refused, with the seconds to wait; then it opens the service."""
    client = visit(SOMEBODY)
    assert [403] * 5 == [log_in(client, "wrong").status_code for _ in range(5)]
    clock.advance(17)
    for token in ("wrong", OWNER, READER):
        refused = log_in(client, token)
        assert (429, "43") == (refused.status_code, refused.headers["retry-after"])
        assert "Try again in 43 s." in refused.text
    assert 303 == client.get("/queue", headers=PAGE, follow_redirects=False).status_code
    clock.advance(43)
    assert 303 == log_in(client, OWNER).status_code
    assert 200 == client.get("/schedule", headers=PAGE).status_code


def test_others_are_not_kept_out(visit):
    """Whoever comes from another address, and whoever has a session already, notices nothing."""
    inside, client = visit(SOMEBODY), visit(SOMEBODY)
    log_in(inside, OWNER)
    for _ in range(6):
        refused = log_in(client, "wrong")
    assert 429 == refused.status_code
    assert 303 == log_in(visit(ANOTHER), OWNER).status_code
    assert 200 == inside.get("/schedule", headers=PAGE).status_code


def test_the_right_token_is_no_guess(visit):
    """It may be shown as often as one likes, and takes nothing back of what was guessed."""
    client = visit(SOMEBODY)
    for _ in range(4):
        assert 403 == log_in(visit(SOMEBODY), "wrong").status_code
        assert 303 == log_in(visit(SOMEBODY), READER).status_code
    assert [403, 429] == [log_in(client, "wrong").status_code for _ in range(2)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::7", "2001:db8:1:2:ffff::8", True),
        ("2001:db8:1:2::7", "2001:db8:1:3::7", False),
        ("::ffff:203.0.113.7", SOMEBODY, True),
        (SOMEBODY, ANOTHER, False),
        ("", "unix", False),
    ],
)
def test_a_network_of_ipv6_is_one_address(clock, one, other, same):
    """One house has a whole network of IPv6, and would guess from another address of it each time."""
    attempts = Attempts(clock)
    for _ in range(MOST):
        assert 0 == attempts.begin(one)
    assert same is (attempts.begin(other) > 0)


def test_guesses_at_once_are_counted(clock):
    """A hundred guesses in threads are five: each counts before it is looked at."""
    attempts = Attempts(clock)
    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(attempts.begin, [SOMEBODY] * 100))
    assert MOST == waits.count(0)


def test_what_is_remembered_is_bounded(clock):
    """However many addresses guess, the memory for them does not grow on; whoever goes on guessing is not forgotten."""
    attempts = Attempts(clock)
    for number in range(MOST * 5_000):
        attempts.begin(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        if number % 5_000 == 0:
            assert 0 == attempts.begin(SOMEBODY)
    assert attempts.begin(SOMEBODY) > 0
    assert 10_000 == len(attempts._tries)
