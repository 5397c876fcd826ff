"""What SIGTERM and Ctrl-C mean while a command runs."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

_BOTH = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def handling(handle: Callable[[int, object], object], numbers: Sequence[int] = _BOTH) -> Iterator[None]:
    """Have `handle` called at these signals, and give them back."""
    previous = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def stopping(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` at the first SIGTERM or SIGINT; a second one is what it always is."""
    with ExitStack() as handlers:

        def handle(*_: object) -> None:
            handlers.close()
            stop()

        handlers.enter_context(handling(handle))
        yield
