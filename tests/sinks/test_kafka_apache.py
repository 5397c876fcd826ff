"""What Apache Kafka refuses, and that it may be killed; where it can be had."""

import msgspec
import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from kafka_bars import Place, bars, once
from kafka_server import USERS, apache_kafka

from forebay.errors import SinkRefused
from forebay.sinks.kafka.reader import Reader
from forebay.sinks.kafka.sink import KafkaSink


@pytest.fixture(scope="module")
def apache():
    """Apache Kafka that takes batches of 20 kB, and lets `writer` write to topics that are there."""
    with apache_kafka(message_max_bytes=20_000) as broker:
        ours, allow = (ResourceType.TOPIC, "t", ResourcePatternType.PREFIXED), AclPermissionType.ALLOW
        broker.ask("create_acls", [AclBinding(*ours, "User:writer", "*", AclOperation.WRITE, allow)])
        yield broker


def user(name, password=None):
    """Settings of one of the broker's users."""
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_username": name,
        "sasl_password": password or USERS[name],
    }


def test_a_topic_that_must_not_be_created_is_named(apache):
    """Where the user may write and not create, the error names the topic and the way out, which works."""
    place = Place(apache)
    topic = f"{place.prefix}.stream.BRK.B"
    sink = KafkaSink(place.settings(**user("writer")))
    with pytest.raises(SinkRefused, match=f"was asked to create topic {topic}") as caught:
        sink.send(bars("BRK.B", 3))
    assert "kafka-topics.sh --create" in caught.value.remedy
    assert {} == apache.topics(place.prefix)
    apache.ask("create_topics", [NewTopic(topic, 1, 1)])
    sink.send(bars("BRK.B", 3))
    sink.close()
    assert bars("BRK.B", 3) == place.held("BRK.B")


def over_tls(apache, **more):
    """Settings of the broker's other port."""
    return user("admin") | {"security_protocol": "SASL_SSL", "bootstrap_servers": apache.tls_address, **more}


def test_over_tls_it_is_sent_and_read(apache):
    """With the authority that vouches for the broker, bars arrive, and a reader finds their topic."""
    place = Place(apache)
    own = over_tls(apache, ssl_ca_location=apache.authority)
    with KafkaSink(place.settings(**own)) as sink:
        sink.send(bars("A", 3))
    assert bars("A", 3) == place.held("A")
    reader = Reader(place.settings(**own), "tls", alone=True)
    assert 1 == reader.look()
    reader.close()


@pytest.mark.parametrize("sends", [True, False], ids=["sink", "reader"])
@pytest.mark.parametrize(
    ("wrong", "says", "setting"),
    [
        (over_tls, "certificate verify failed", "KAFKA_SSL_"),
        (lambda _: user("admin", "not-the-password"), "Authentication failed", "KAFKA_SASL_PASSWORD"),
    ],
    ids=["authority", "password"],
)
def test_a_connection_that_is_refused_is_no_broker_that_is_away(apache, sends, wrong, says, setting):
    """Who sends and who reads is told why in a sentence, soon, with the setting; nothing is waited for in vain."""
    settings = Place(apache).settings(**wrong(apache))
    with pytest.raises(SinkRefused, match=says) as caught:
        KafkaSink(settings).send(bars("A", 1)) if sends else Reader(settings, "refused").look()
    assert setting in caught.value.remedy
    assert "not-the-password" not in f"{caught.value} {caught.value.remedy}"


def test_more_replicas_than_brokers_are_refused(apache):
    """KAFKA_REPLICATION beyond the cluster is told as that."""
    sink = KafkaSink(Place(apache).settings(replication=3, **user("admin")))
    with pytest.raises(SinkRefused) as caught:
        sink.send(bars("A", 1))
    assert "Set KAFKA_REPLICATION" in caught.value.remedy


def test_only_the_message_that_the_broker_finds_too_large_is_lost(apache):
    """A batch that the broker refuses is sent again one by one: only what is too large itself is refused."""
    place = Place(apache)
    sent = bars("A", 40)
    sent[17] = msgspec.structs.replace(sent[17], timeframe="1m" + " " * 30_000)
    sink = KafkaSink(place.settings(compression="none", **user("admin")))
    sink.send(sent)
    sink.close()
    assert (40, 1) == (sink.sent, sink.refused)
    assert sorted([*sent[:17], *sent[18:]], key=lambda bar: bar.timestamp) == sorted(
        once(place.held("A")), key=lambda bar: bar.timestamp
    )


def test_a_topic_that_is_removed_is_created_again(apache):
    """A topic deleted under a running sink comes back with the next messages, and none of those is lost."""
    place = Place(apache)
    sink = KafkaSink(place.settings(**user("admin")))
    sink.send(bars("A", 3))
    sink.flush(20)
    apache.ask("delete_topics", [f"{place.prefix}.stream.A"])
    sink.send(bars("A", 3, 3))
    sink.flush(20)
    sink.close()
    assert bars("A", 3, 3) == place.held("A")


def test_apache_kafka_killed_while_messages_flow(apache):
    """Killed and started again, it has every bar, in order, once repeats are taken out."""
    place = Place(apache)
    sink = KafkaSink(place.settings(timeout=60, **user("admin")))
    expected = bars("A", 2000)
    for number in range(0, 2000, 100):
        sink.send(expected[number : number + 100])
        if number == 1000:
            apache.kill()
            apache.start(wait=False)
    sink.flush(90)
    assert (2000, 0, 0) == (sink.sent, sink.refused, sink.waiting)
    sink.close()
    assert expected == once(place.held("A"))
