from __future__ import annotations

import pytest

from forebay.telemetry.redact import Redactor


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key is p/w+s&cret here", "key is *** here"),
        ("?apiKey=p%2Fw%2Bs%26cret&limit=2", "?apiKey=***&limit=2"),
        ("the longer p/w+s&cretest", "the longer ***"),
        ('{"a": "q\\"uoted"}', '{"a": "***"}'),
        ("pin abc stays", "pin abc stays"),
    ],
)
def test_known_secrets_are_replaced(text, expected):
    """Secrets go, as they are and as URLs and JSON spell them, the longer first; very short ones are left."""
    assert expected == Redactor(["p/w+s&cret", "p/w+s&cretest", 'q"uoted', "abc"])(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET /v2/aggs?apiKey=hunter2&sort=asc", "GET /v2/aggs?apiKey=***&sort=asc"),
        ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
        ("postgresql://me:hunter2@db/x", "postgresql://me:***@db/x"),
        ("rediss://:hunter2@cache:6379/0", "rediss://:***@cache:6379/0"),
        ("?X-Amz-Signature=0badc0de&X-Amz-Date=1", "?X-Amz-Signature=***&X-Amz-Date=1"),
        ("Credential=x, Signature=0123456789abcdef0123", "Credential=x, Signature=***"),
        ("https://api.test/v2/aggs/ticker/AAPL:1 at 09:30", "https://api.test/v2/aggs/ticker/AAPL:1 at 09:30"),
    ],
)
def test_what_looks_like_a_secret_is_replaced(text, expected):
    """Keys in URLs and headers go even when nobody named them; other words stay."""
    assert expected == Redactor()(text)


def test_a_redactor_does_not_print_what_it_knows():
    """Its own repr holds no secret."""
    assert "Redactor(...)" == repr(Redactor(["hunter2"]))
