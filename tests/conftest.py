"""What every test shares."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("forebay", deadline=None)  # a first example pays for imports and calendars
settings.load_profile("forebay")


@pytest.fixture(scope="session")
def kafka() -> Iterator[object]:
    """A running broker of Kafka's protocol, for the whole session: each test takes topics of its own."""
    from kafka_server import tansu

    with tansu() as broker:
        yield broker
