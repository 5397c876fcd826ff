"""What the library is told of the settings."""

import pytest

from forebay.errors import UsageError
from forebay.settings import load
from forebay.sinks.kafka.client import configuration
from forebay.sinks.kafka.sink import KafkaSink

GIVEN = {
    "KAFKA_BOOTSTRAP_SERVERS": "a:9093,b:9093",
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "forebay",
    "KAFKA_SASL_PASSWORD": " a password ",
    "KAFKA_SSL_CA_LOCATION": "/etc/ca.pem",
    "KAFKA_SSL_CERTIFICATE_LOCATION": "/etc/client.pem",
    "KAFKA_SSL_KEY_LOCATION": "/etc/client.key",
    "KAFKA_SSL_KEY_PASSWORD": "another",
}


def test_each_setting_reaches_the_library():
    """Servers, user, files, and passwords character by character have the library's names; what is not set has none."""
    told = configuration(load(environ=GIVEN).kafka)
    names = {name.removeprefix("KAFKA_").lower().replace("_", "."): value for name, value in GIVEN.items()}
    assert names == {name: told[name] for name in names}
    without = configuration(load(environ={"KAFKA_BOOTSTRAP_SERVERS": "a:9092"}).kafka)
    assert "a:9092" == without["bootstrap.servers"]
    assert not without.keys() & (names.keys() - {"bootstrap.servers"})


def test_a_file_of_authorities_that_is_not_there_is_told():
    """The error says what the library found and that settings are to be corrected; no password is in it."""
    with pytest.raises(UsageError, match="library refuses the settings") as caught:
        KafkaSink(load(environ=GIVEN | {"KAFKA_SSL_CA_LOCATION": "/nowhere/ca.pem"}).kafka)
    assert "KAFKA_" in caught.value.remedy
    assert "password" not in f"{caught.value}"
