"""The registry over HTTP."""

from __future__ import annotations

import pytest

from forebay.service.figures import MOST_SYMBOLS

AAPL = {"symbol": "AAPL", "strategy": "flatpack_snapshot_stream", "enabled": True, "description": "Apple Inc."}


def test_a_symbol_is_added_once(client):
    """POST keeps a symbol and answers with it; a second time it is there already, and stays as it was."""
    added = client.post("/api/v1/symbols", json=AAPL)
    assert (201, {**AAPL, "status": "idle", "failures": 0}) == (
        added.status_code,
        _of(added, *AAPL, "status", "failures"),
    )
    again = client.post("/api/v1/symbols", json={**AAPL, "strategy": "stream"})
    assert (409, "known_symbol") == (again.status_code, again.json()["kind"])
    assert added.json() == client.get("/api/v1/symbols/AAPL").json()


def test_strategies_are_read_in_capitals(client):
    """A strategy is known by its name in capitals too, and shown in small letters."""
    assert (
        "flatpack_api" == client.post("/api/v1/symbols", json={**AAPL, "strategy": "FLATPACK_API"}).json()["strategy"]
    )


def test_symbols_are_listed_a_page_at_a_time(client):
    """Many symbols are added at once, and listed in byte order; `next` leads through all of them."""
    many = [{"symbol": name, "enabled": name != "AAp"} for name in ("NA", "AAp", "AAP")]
    assert {"added": 3, "known": 0} == client.post("/api/v1/symbols/bulk", json={"symbols": many}).json()
    assert {"added": 0, "known": 1} == client.post("/api/v1/symbols/bulk", json={"symbols": many[:1]}).json()
    first = client.get("/api/v1/symbols", params={"limit": 2}).json()
    second = client.get("/api/v1/symbols", params={"limit": 2, "after": first["next"]}).json()
    assert (["AAP", "AAp"], ["NA"], None) == (_names(first), _names(second), second["next"])
    assert ["AAP", "NA"] == _names(client.get("/api/v1/symbols", params={"enabled_only": True}).json())


def test_a_wrong_one_of_many_adds_none(client):
    """When one of many symbols is wrong none is added, and the answer says which."""
    many = [AAPL, {"symbol": "MSFT", "metadata": {"start": "yesterday"}}]
    refused = client.post("/api/v1/symbols/bulk", json={"symbols": many})
    assert 400 == refused.status_code
    assert "MSFT" in refused.json()["message"]
    assert [] == _names(client.get("/api/v1/symbols").json())


def test_the_status_is_set_by_hand(client):
    """PUT sets status and error message; `disabled` and `enabled: false` are one fact."""
    client.post("/api/v1/symbols", json=AAPL)
    body = {"status": "error", "error_message": "Rate limit exceeded"}
    assert body == _of(client.put("/api/v1/symbols/AAPL/status", json=body), *body)
    put = client.put("/api/v1/symbols/AAPL/status", json={"status": "disabled"})
    assert {"status": "disabled", "enabled": False} == _of(put, "status", "enabled")
    patched = client.patch("/api/v1/symbols/AAPL", json={"enabled": True, "strategy": "snapshot"})
    assert {"status": "idle", "strategy": "snapshot"} == _of(patched, "status", "strategy")


def test_a_change_leaves_the_rest(client):
    """PATCH changes what it names."""
    before = client.post("/api/v1/symbols", json=AAPL).json()
    after = client.patch("/api/v1/symbols/AAPL", json={"metadata": {"start": "2024-01-02"}}).json()
    assert {**before, "metadata": {"start": "2024-01-02"}, "updated_at": after["updated_at"]} == after


def test_a_change_is_made_as_a_whole(client):
    """When one thing of a PATCH is wrong none is changed."""
    before = client.post("/api/v1/symbols", json=AAPL).json()
    wrong = {"strategy": "stream", "enabled": False, "description": "x", "metadata": {"start": "yesterday"}}
    assert 400 == client.patch("/api/v1/symbols/AAPL", json=wrong).status_code
    assert before == client.get("/api/v1/symbols/AAPL").json()


def test_a_list_is_told_by_its_tag(client):
    """Whoever has a page of the list is told by 304 that it stays; a change through the service is another page."""
    client.post("/api/v1/symbols", json=AAPL)
    tag = client.get("/api/v1/symbols").headers["etag"]
    assert 304 == client.get("/api/v1/symbols", headers={"If-None-Match": tag}).status_code
    client.patch("/api/v1/symbols/AAPL", json={"strategy": "stream"})
    changed = client.get("/api/v1/symbols", headers={"If-None-Match": tag})
    assert (200, "stream") == (changed.status_code, changed.json()["symbols"][0]["strategy"])


def test_a_deleted_symbol_is_gone(client):
    """DELETE forgets a symbol; a second time, and for every other order, there is none."""
    client.post("/api/v1/symbols", json=AAPL)
    assert [204, 404] == [client.delete("/api/v1/symbols/AAPL").status_code for _ in range(2)]
    unknown = [
        client.get("/api/v1/symbols/AAPL"),
        client.patch("/api/v1/symbols/AAPL", json={}),
        client.put("/api/v1/symbols/AAPL/status", json={"status": "idle"}),
    ]
    assert [(404, "unknown_symbol")] * 3 == [(answer.status_code, answer.json()["kind"]) for answer in unknown]


def test_a_body_says_nothing_else(client):
    """A word that is not known is refused rather than overlooked, and what was sent is not repeated."""
    refused = client.post("/api/v1/symbols", json={**AAPL, "stratagy": "secret-stream"})
    assert 422 == refused.status_code
    assert "stratagy" in refused.json()["message"]
    assert "secret-stream" not in refused.text


def test_a_monitor_sees_how_symbols_fare(client):
    """Symbols are counted by status, and the first of them in byte order have figures of their own."""
    many = [{"symbol": f"T{number:03}"} for number in range(MOST_SYMBOLS + 1)]
    client.post("/api/v1/symbols/bulk", json={"symbols": many})
    client.put("/api/v1/symbols/T007/status", json={"status": "error", "error_message": "Rate limit exceeded"})
    text = client.get("/metrics").text
    assert f'forebay_symbols{{status="idle"}} {MOST_SYMBOLS}.0' in text
    assert 'forebay_symbols{status="error"} 1.0' in text
    assert MOST_SYMBOLS == text.count("\nforebay_symbol_failures{")


def _of(answer, *names):
    return {name: answer.json()[name] for name in names}


def _names(page):
    return [each["symbol"] for each in page["symbols"]]


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "step"),
    [
        ("GET", "/nothing", {}, 404, "openapi.json"),
        ("PUT", "/health", {}, 405, "openapi.json"),
        ("POST", "/api/v1/symbols", {"content": '{"symbol": "KO"}'}, 422, "Content-Type: application/json"),
        ("GET", "/api/v1/snapshots/KO", {}, 404, "strategy"),
        ("GET", "/api/v1/tasks/7", {}, 404, "/api/v1/tasks"),
        ("GET", "/api/v1/bars/KO", {"headers": {"Accept": "image/png"}}, 406, "Accept"),
    ],
)
def test_every_refusal_names_the_next_step(client, method, path, sent, status, step):
    """Also those that the framework makes, and the body that curl sends as a form."""
    answer = client.request(method, path, **sent)
    assert status == answer.status_code
    assert step in answer.json()["remedy"]


def test_a_filter_that_is_misspelled_is_refused(client):
    """It would otherwise mean that there is none, and everything would be listed."""
    for question in ({"enabled": "true"}, {"": "0"}, {"limit": 5, "strategies": "stream"}):
        refused = client.get("/api/v1/symbols", params=question)
        assert (422, "invalid") == (refused.status_code, refused.json()["kind"]), question
    assert "mean 'enabled_only'" in client.get("/api/v1/symbols", params={"enabled": "true"}).json()["message"]
    assert 422 == client.get("/api/v1/scheduler/status", params={"x": 1}).status_code
