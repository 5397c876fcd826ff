"""The pages that are kept encoded."""

from __future__ import annotations

from forebay.service.pages import Encoded, Pages


def test_the_oldest_page_makes_room():
    """What was not asked for longest goes first, so that all pages stay within the room."""
    pages = Pages(room=80)
    for tag in "abcdefgh":
        pages.put(tag, Encoded(b"x" * 10, {}))
    assert pages.get("a")
    pages.put("i", Encoded(b"x" * 10, {}))
    assert [True, False, True] == [pages.get(tag) is not None for tag in "abi"]


def test_one_page_does_not_take_the_room():
    """A page that would drive most others out is not kept."""
    pages = Pages(room=80)
    pages.put("small", Encoded(b"x" * 10, {}))
    pages.put("large", Encoded(b"x" * 11, {}))
    assert (True, False) == (pages.get("small") is not None, pages.get("large") is not None)
