"""Signals while a command runs."""

from __future__ import annotations

import signal

import pytest

from forebay.cli.signals import handling, stopping


def test_the_first_signal_stops_and_the_second_ends() -> None:
    """Whoever presses Ctrl-C twice is not made to wait."""
    stops: list[str] = []
    with stopping(lambda: stops.append("stop")):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert ["stop"] == stops


def test_signals_are_given_back() -> None:
    """Those that are not named stay as they are."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with handling(lambda *_: None, [signal.SIGTERM]):
        during = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    assert before[1] is during[1]
    assert before[0] is not during[0]
    assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
