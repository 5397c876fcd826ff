"""What every test shares."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("forebay", deadline=None)  # a first example pays for imports and calendars
settings.load_profile("forebay")

_NATIVE = os.putenv, os.unsetenv
_KEPT = (lambda *_: None,) * 2
os.putenv, os.unsetenv = _KEPT
"""What tests set stays in `os.environ`, and is handed to programs from there.

Once Polars has read from a bucket, a thread of its own calls getenv ten times a second, for ever. A setenv that makes
the environment longer may free the array under it: the process dies by a segmentation fault, rarely, and anywhere.
"""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more process than cores: many tests wait for a server or a program now and then."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture
def native_environment() -> Iterator[pytest.MonkeyPatch]:
    """For a test whose promise is about what native libraries read of the environment."""
    os.putenv, os.unsetenv = _NATIVE
    with pytest.MonkeyPatch.context() as patch:
        yield patch
    os.putenv, os.unsetenv = _KEPT


@pytest.fixture(scope="session")
def kafka() -> Iterator[object]:
    """A running broker of Kafka's protocol, for the whole session: each test takes topics of its own."""
    from kafka_server import tansu

    with tansu() as broker:
        yield broker
