"""The vendor's events, letter for letter (vendor page on streaming, sections 1, 3 and 4). Fields not named are skipped.

Times are Unix milliseconds. The tag `ev` means another thing in each cluster: a decoder knows one cluster's only.
Fields stand in the order in which they are sent: they are found soonest so.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Millis = Annotated[int, Meta(ge=0, lt=10**13)]
Whole = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A number that a database's widest integer holds."""
Price = Annotated[float, Meta(ge=-1e300, le=1e300)]
"""Any number but those that are none: a spread, and once a barrel of oil, cost less than nothing."""
Size = Annotated[float, Meta(ge=0, le=1e300)]
Conditions = tuple[Whole, ...]


class Status(Struct, tag_field="ev", tag="status"):
    """What the server says of the connection, and of what was asked for."""

    status: str
    message: str = ""


class _Bar(Struct, tag_field="ev", kw_only=True, gc=False):
    v: Size | None = None
    dv: Size | None = None
    """The volume to its last digit, sent as text, where `v` has whole shares only."""
    vw: Price | None = None
    o: Price
    c: Price
    h: Price
    l: Price  # noqa: E741
    s: Millis
    """When its window starts."""


class SecondBar(_Bar, tag="A", kw_only=True, gc=False):
    """Stocks, options; an index has no volume."""

    sym: str


class MinuteBar(_Bar, tag="AM", kw_only=True, gc=False):
    """Stocks, options; an index has no volume."""

    sym: str


class ForexSecondBar(_Bar, tag="CAS", kw_only=True, gc=False):
    """Of quotes; `v` counts them."""

    pair: str


class ForexMinuteBar(_Bar, tag="CA", kw_only=True, gc=False):
    """Of quotes; `v` counts them."""

    pair: str


class CryptoSecondBar(_Bar, tag="XAS", kw_only=True, gc=False):
    """Of one pair on all exchanges."""

    pair: str


class CryptoMinuteBar(_Bar, tag="XA", kw_only=True, gc=False):
    """Of one pair on all exchanges."""

    pair: str


class Trade(Struct, tag_field="ev", tag="T", kw_only=True, gc=False):
    """Stocks, options."""

    sym: str
    x: Whole | None = None
    i: str | None = None
    z: Whole | Size | None = None
    """The tape; whole, but it may come as `3.0`."""
    p: Price
    s: Size
    ds: Size | None = None
    """The size to its last digit, sent as text."""
    c: Conditions | None = None
    t: Millis
    pt: Millis | None = None
    q: Whole | None = None


class CryptoTrade(Struct, tag_field="ev", tag="XT", kw_only=True, gc=False):
    """`i` is a number in the published example, and text where an exchange has such ids."""

    pair: str
    p: Price
    t: Millis
    s: Size
    c: Conditions | None = None
    i: str | int | None = None
    x: Whole | None = None


class Quote(Struct, tag_field="ev", tag="Q", rename={"as_": "as"}, kw_only=True, gc=False):
    """Stocks, options: the best bid and offer. A price of 0 is a side without a quote."""

    sym: str
    bx: Whole | None = None
    bp: Price | None = None
    bs: Size | None = None
    ax: Whole | None = None
    ap: Price | None = None
    as_: Size | None = None
    t: Millis
    q: Whole | None = None


class CryptoQuote(Struct, tag_field="ev", tag="XQ", rename={"as_": "as"}, kw_only=True, gc=False):
    """Both sides are of exchange `x`."""

    pair: str
    bp: Price | None = None
    bs: Size | None = None
    ap: Price | None = None
    as_: Size | None = None
    t: Millis
    x: Whole | None = None


class ForexQuote(Struct, tag_field="ev", tag="C", kw_only=True, gc=False):
    """`p` is the pair, not a price."""

    p: str
    a: Price | None = None
    b: Price | None = None
    t: Millis


class IndexValue(Struct, tag_field="ev", tag="V", kw_only=True, gc=False):
    """`T` is the ticker, not a channel."""

    val: Price
    T: str
    t: Millis
