"""Names of topics: reversible, free of collisions, and legal."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_kafka_codec import BAR

from forebay.errors import CheckFailed
from forebay.model.instrument import AssetClass
from forebay.model.message import QuoteMessage, SnapshotMessage, TradeMessage, ValueMessage
from forebay.model.registry import Phase
from forebay.sinks.kafka.topics import Topics

MANUAL = (Path(__file__).parents[2] / "docs" / "kafka.md").read_text()
TOPICS = Topics()

tickers = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@pytest.mark.parametrize(("ticker", "topic"), re.findall(r"\| `(\S+)` \| `(chronox\.stream\.\S+)` \|", MANUAL))
def test_the_manuals_topics(ticker, topic):
    """A ticker's topic is the one that docs/kafka.md shows, and the ticker is read back from it."""
    assert topic == TOPICS.of_symbol(Phase.STREAM, ticker)
    assert ticker == TOPICS.symbol_of(topic)


@given(tickers)
def test_a_name_is_legal_and_reversible(ticker):
    """Whatever a ticker is made of, its topic has Kafka's letters, no underscore, and gives the ticker back."""
    topic = TOPICS.of_symbol(Phase.STREAM, ticker)
    assert re.fullmatch(r"[A-Za-z0-9.-]{1,249}", topic)
    assert ticker == TOPICS.symbol_of(topic)


@given(tickers, tickers)
def test_no_two_tickers_share_a_topic(one, other):
    """Topics are the same where tickers are, also once Kafka's metrics have made `_` of each dot."""
    mangled = [TOPICS.of_symbol(Phase.STREAM, ticker).replace(".", "_") for ticker in (one, other)]
    assert (one == other) == (mangled[0] == mangled[1])


def test_topics_by_channel_are_no_tickers():
    """A topic of a kind of data is never the topic of a ticker, and both match what consumers subscribe to."""
    other = {"symbol": "I:SPX", "asset_class": AssetClass.INDICES, "timestamp": 0}
    messages = [
        BAR,
        TradeMessage(price=1, size=1, **other),
        QuoteMessage(bid=1, ask=None, **other),
        ValueMessage(value=1, **other),
        SnapshotMessage(verdict="ok", fields={}, **other),
    ]
    named = [Topics(by_symbol=False).of(message) for message in messages]
    assert named == [
        "chronox.stream.stocks-bars-1m",
        "chronox.stream.indices-trades",
        "chronox.stream.indices-quotes",
        "chronox.stream.indices-values",
        "chronox.snapshot.indices-snapshots",
    ]
    assert [None] * 5 == [TOPICS.symbol_of(name) for name in named]
    assert all(re.match(TOPICS.pattern(), name) for name in [*named, TOPICS.of(BAR)])


def test_what_a_consumer_subscribes_to():
    """A pattern of phases leaves the other phases, other prefixes and dead letters out."""
    streams = TOPICS.pattern([Phase.STREAM])
    assert re.match(streams, "chronox.stream.BRK.B")
    for other in ("chronox.backfill.BRK.B", "xchronox.stream.A", "chronoxXstream.A", TOPICS.dead_letters):
        assert not re.match(streams, other)
        assert TOPICS.symbol_of(other) is None or other.startswith("chronox.backfill")
    assert not re.match(TOPICS.pattern(), TOPICS.dead_letters)


def test_too_long_a_name_is_refused():
    """A ticker that makes a name beyond Kafka's limit is refused by name; one at the limit is not."""
    room = 249 - len("chronox.stream.")
    assert len(TOPICS.of_symbol(Phase.STREAM, "A" * room)) == 249
    with pytest.raises(CheckFailed, match=f"{'A' * room}B makes a topic of 250 characters") as caught:
        TOPICS.of_symbol(Phase.STREAM, "A" * room + "B")
    assert "KAFKA_TOPIC_PREFIX" in caught.value.remedy


def test_no_ticker_no_topic():
    """A message without a ticker has no topic."""
    with pytest.raises(CheckFailed, match="without a ticker"):
        TOPICS.of_symbol(Phase.STREAM, "")
