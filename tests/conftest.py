"""What every test shares."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("forebay", deadline=None)  # a first example pays for imports and calendars
settings.load_profile("forebay")

_MOST_CRASHES = 2
_crashed: list[str] = []


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem, report, sched):
    """A process that dies in a native library fails whichever test it is at: that test is run once more.

    The crash is still printed, and counted as a rerun; more than two of them, or one test twice, are failures.
    """
    _crashed.append(crashitem)
    if len(_crashed) <= _MOST_CRASHES and _crashed.count(crashitem) == 1:
        sched.mark_test_pending(crashitem)
        report.outcome = "rerun"


@pytest.fixture(scope="session")
def kafka() -> Iterator[object]:
    """A running broker of Kafka's protocol, for the whole session: each test takes topics of its own."""
    from kafka_server import tansu

    with tansu() as broker:
        yield broker
