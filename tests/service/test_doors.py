"""Who is answered, and what is too much."""

from __future__ import annotations

import pytest

TOKEN = "a-token-of-some-length"
AAPL = {"symbol": "AAPL", "strategy": "flatpack_snapshot_stream", "enabled": True, "description": "Apple Inc."}
SHOWN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": TOKEN}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Basic {TOKEN}"}],
)
def test_a_wrong_token_is_refused(serve, headers):
    """With a token set, a request that does not show it is told so, and is not carried out."""
    with serve(FOREBAY_API_TOKEN=TOKEN) as client:
        refused = client.post("/api/v1/symbols", json=AAPL, headers=headers)
        assert (401, "Bearer") == (refused.status_code, refused.headers["www-authenticate"])
        assert [] == client.get("/api/v1/symbols", headers=SHOWN).json()["symbols"]


def test_the_token_opens_from_anywhere(serve):
    """With the token, a client of another machine is answered under whatever name it asks."""
    with serve(FOREBAY_API_TOKEN=TOKEN, base_url="http://bars.example.org", peer="203.0.113.7") as client:
        assert 200 == client.get("/api/v1/symbols", headers=SHOWN).status_code
        assert [200, 200] == [client.get(path).status_code for path in ("/health", "/ready")]
        assert 401 == client.get("/metrics").status_code


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ({"peer": "203.0.113.7"}, {}),
        ({"base_url": "http://rebound.example.org"}, {}),
        ({}, {"Origin": "https://page.example.org"}),
        ({}, {"Origin": "null"}),
    ],
    ids=["another machine", "another name", "a web page", "a sandboxed page"],
)
def test_without_a_token_strangers_are_refused(serve, address, headers):
    """Without a token only programs of this machine are answered: no other machine, and no web page in its browser."""
    with serve(**address) as client:
        refused = client.get("/api/v1/symbols", headers=headers)
        assert (403, "forbidden") == (refused.status_code, refused.json()["kind"])
        assert "FOREBAY_API_TOKEN" in refused.json()["remedy"]


def test_a_body_that_is_too_large_is_refused(client):
    """More than a megabyte is refused, whether its size is announced or not."""
    said = client.post("/api/v1/symbols", content=b"x" * 1_000_001)
    unsaid = client.post("/api/v1/symbols", content=iter([b"x" * 600_000] * 2), headers=JSON)
    assert [413, 413] == [said.status_code, unsaid.status_code]


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "path", ["..%2f..%2fetc", "%2e%2e%2fetc%2fpasswd", "A%2FB", "A%00B", "A" * 10_000, "..", "%0a", "%5c%5chost"]
)
@pytest.mark.parametrize("room", ["bars", "symbols"])
def test_a_symbol_is_no_path(client, room, path):
    """What would name another path, or nothing at all, is refused as no symbol; nothing is looked up."""
    answer = client.get(f"/api/v1/{room}/{path}")
    assert answer.status_code in (400, 404, 422)
    assert {"kind", "message", "remedy"} == answer.json().keys()
    assert "no_such_table" != answer.json()["kind"]


def test_sql_is_only_a_name(client):
    """SQL in a parameter is the name of a symbol that is not there, or no word of the question."""
    client.post("/api/v1/symbols", json=AAPL)
    assert 422 == client.get("/api/v1/symbols/x';DROP TABLE x").status_code
    assert 404 == client.get("/api/v1/symbols/x';drop--").status_code
    assert [] == client.get("/api/v1/coverage", params={"symbol": "x'or'1'='1"}).json()["coverage"]
    assert 422 == client.get("/api/v1/symbols", params={"status": "idle' or 1=1"}).status_code
    assert 1 == len(client.get("/api/v1/symbols").json()["symbols"])


def test_no_page_elsewhere_is_let_in(client):
    """No answer carries a header that lets a page of another site read it."""
    answer = client.options("/api/v1/symbols", headers={"Access-Control-Request-Method": "POST"})
    assert 405 == answer.status_code
    assert [] == [name for name in answer.headers if name.startswith("access-control")]
