"""Which hosts a key may go to."""

from __future__ import annotations

import pytest

from forebay.errors import UsageError
from forebay.stores.hosts import is_local
from forebay.vendor.addresses import checked_address, origin


@pytest.mark.parametrize(
    "url",
    [
        "https://api.massive.com",
        "https://api.massive.com/",
        "http://localhost:8000",
        "http://127.0.0.1:1",
        "http://[::1]:80",
        "http://sandbox:8000",
        "http://192.168.1.7/base",
    ],
)
def test_good_addresses(url: str) -> None:
    """TLS anywhere, plain http at home; a closing slash is not part of it."""
    assert checked_address(url, "X").geturl() == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    ["", "api.massive.com", "ftp://host", "https://", "https://host:port", "http://[::1", "https://h?apiKey=K1",
     "https://user:K1@host", "http://api.massive.com", "http://8.8.8.8"],
)  # fmt: skip
def test_bad_addresses_are_the_users_mistake(url: str) -> None:
    """The setting is named, a key inside the address is not repeated."""
    with pytest.raises(UsageError, match="THE_SETTING") as caught:
        checked_address(url, "THE_SETTING")

    assert caught.value.remedy
    assert "K1" not in str(caught.value)


def test_origins_compare_with_their_ports() -> None:
    """A default port is the same as none; another scheme, host or port is another origin."""
    assert origin("https://a.b/x?y") == origin("https://A.b:443/z") == ("https", "a.b", 443)
    assert len({origin(url) for url in ("https://a", "http://a", "https://a:444", "https://b")}) == 4
    with pytest.raises(ValueError, match="address"):
        origin("/v2/aggs")


def test_local_hosts() -> None:
    """This machine, private networks and bare names are local; public names and numbers are not."""
    assert all(map(is_local, ("localhost", "127.0.0.9", "::1", "10.1.2.3", "sandbox", "nas.local")))
    assert not any(map(is_local, ("api.massive.com", "8.8.8.8", "localhost.evil.com")))
