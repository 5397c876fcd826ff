"""The service as a user starts it: a process on a port."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import httpx2
import pytest

from forebay.service import server

TOKEN = "a-token-of-some-length"


def test_the_service_answers_until_it_is_stopped(home):
    """`forebay serve` says where it listens, answers there, and ends when it is told to, without a traceback."""
    command = [sys.executable, "-m", "forebay", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=home.folder, env=home.env, stderr=subprocess.PIPE, text=True) as running:
        try:
            url = running.stderr.readline().split()[4]
            added = httpx2.post(f"{url}/api/v1/symbols", json={"symbol": "AAPL", "strategy": "flatpack"}, timeout=30)
            assert (201, "AAPL") == (added.status_code, added.json()["symbol"])
            assert "server" not in added.headers
        finally:
            running.send_signal(signal.SIGINT)
            said = running.communicate(timeout=30)[1]
    assert 130 == running.returncode
    assert "Traceback" not in said


@pytest.mark.parametrize(("believed", "secure"), [("127.0.0.1", True), ("192.0.2.1", False)])
def test_a_proxy_that_is_believed_says_that_the_browser_came_by_tls(home, believed, secure):
    """Only then is the session's cookie kept from clear text: a browser would not send it back there."""
    with home.start("serve", "--port", "0", FOREBAY_API_TOKEN=TOKEN, FORWARDED_ALLOW_IPS=believed) as running:
        try:
            url = running.stderr.readline().split()[4]
            page = httpx2.get(f"{url}/login", headers={"X-Forwarded-Proto": "https", "Accept": "text/html"}, timeout=60)
        finally:
            running.terminate()
            running.wait(60)
    assert 200 == page.status_code
    assert secure == ("Secure" in page.headers["set-cookie"])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_who_comes_before_the_service_answers_waits(host):
    """The address is told before the service is built: a connection is taken from then on."""
    with server.listening(host, 0) as found, socket.create_connection(found.getsockname()[:2], timeout=5) as early:
        assert found.getsockname()[:2] == early.getpeername()[:2]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "203.0.113.7", "bars.example.org"])
def test_other_machines_are_refused_without_a_token(shell, host):
    """Without a token no address is listened on that other machines can reach."""
    shell.refuses("serve", "--host", host, says=host, next_step="FOREBAY_API_TOKEN")


def test_a_taken_port_is_named(shell):
    """A port that somebody else has is an error that names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        shell.refuses("serve", "--port", port, says=port, next_step="--port", FOREBAY_API_TOKEN=TOKEN)
