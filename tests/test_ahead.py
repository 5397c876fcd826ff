"""Items made ahead of their use: the same ones, never more than were asked for, and errors in their place."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from forebay.ahead import ahead


@pytest.mark.parametrize("most", [1, 3])
def test_the_same_items_come_and_no_more_are_made(most: int) -> None:
    """Who stops after two has had no more than `most` made beyond them, and leaves no thread."""
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    assert list(range(100)) == list(ahead(numbers(), "early", most))
    made.clear()
    coming = ahead(numbers(), "early", most)
    assert [0, 1] == [next(coming), next(coming)]
    coming.close()  # type: ignore[attr-defined]

    assert len(made) <= 2 + most
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("early")]


def test_an_error_comes_after_what_was_made_before_it() -> None:
    """None of the items before it is lost, and it is the error itself."""

    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("gone")

    coming = ahead(broken(), "broken", 3)

    assert [1, 2] == [next(coming), next(coming)]
    with pytest.raises(OSError, match="gone"):
        next(coming)
