"""The vendor's events, letter for letter (vendor page on streaming, sections 1, 3 and 4). Fields not named are skipped.

Times are Unix milliseconds. The tag `ev` means another thing in each cluster: a decoder knows one cluster's only.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Millis = Annotated[int, Meta(ge=0, lt=10**13)]
Whole = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A number that a database's widest integer holds."""
Conditions = tuple[Whole, ...]


class Status(Struct, tag_field="ev", tag="status"):
    """What the server says of the connection, and of what was asked for."""

    status: str
    message: str = ""


class _Bar(Struct, tag_field="ev", kw_only=True, gc=False):
    o: float
    h: float
    l: float  # noqa: E741
    c: float
    s: Millis
    """When its window starts."""
    v: float | None = None
    vw: float | None = None
    dv: str | None = None
    """The volume to its last digit, where `v` has whole shares only."""


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


class Trade(Struct, tag_field="ev", tag="T", gc=False):
    """Stocks, options."""

    sym: str
    p: float
    s: float
    t: Millis
    x: Whole | None = None
    i: str | None = None
    c: Conditions | None = None
    q: Whole | None = None
    z: float | None = None
    """The tape; whole, but it may come as `3.0`."""
    pt: Millis | None = None
    ds: str | None = None
    """The size to its last digit."""


class CryptoTrade(Struct, tag_field="ev", tag="XT", gc=False):
    """`i` is a number in the published example, and text where an exchange has such ids."""

    pair: str
    p: float
    s: float
    t: Millis
    x: Whole | None = None
    i: str | int | None = None
    c: Conditions | None = None


class Quote(Struct, tag_field="ev", tag="Q", rename={"as_": "as"}, gc=False):
    """Stocks, options: the best bid and offer. A price of 0 is a side without a quote."""

    sym: str
    t: Millis
    bp: float | None = None
    ap: float | None = None
    bs: float | None = None
    as_: float | None = None
    bx: Whole | None = None
    ax: Whole | None = None
    q: Whole | None = None


class CryptoQuote(Struct, tag_field="ev", tag="XQ", rename={"as_": "as"}, gc=False):
    """Both sides are of exchange `x`."""

    pair: str
    t: Millis
    bp: float | None = None
    ap: float | None = None
    bs: float | None = None
    as_: float | None = None
    x: Whole | None = None


class ForexQuote(Struct, tag_field="ev", tag="C", gc=False):
    """`p` is the pair, not a price."""

    p: str
    t: Millis
    a: float | None = None
    b: float | None = None


class IndexValue(Struct, tag_field="ev", tag="V", gc=False):
    """`T` is the ticker, not a channel."""

    T: str
    val: float
    t: Millis
