from __future__ import annotations

import dataclasses

import pydantic
import pytest

from forebay.errors import UsageError
from forebay.settings import load

# variable, value, what the message says
REFUSED = [
    ("POLYGON_RATE_LIMIT", "fast", "POLYGON_RATE_LIMIT=fast (environment): it must be a whole number"),
    ("POLYGON_RATE_LIMIT", "-1", "greater than or equal to 0"),
    ("POLYGON_RATE_LIMIT", "5 per minute", "POLYGON_RATE_LIMIT=5 per minute"),
    ("MAX_RETRIES", "-1", "greater than or equal to 0"),
    ("WORKER_CONCURRENCY", "0", "greater than or equal to 1"),
    ("WORKER_POLL_SECONDS", "0", "greater than 0"),
    ("TASK_DELAY", "nan", "finite"),
    ("TASK_DELAY", "soon", "it must be a number"),
    ("TIMESCALE_PORT", "70000", "less than or equal to 65535"),
    ("LOG_LEVEL", "loud", "it must be 'DEBUG', 'INFO', 'WARNING', 'ERROR' or 'CRITICAL'"),
    ("LOG_FORMAT", "xml", "it must be 'text' or 'json'"),
    ("FOREBAY_REST_URL", "ftp://x", "not an address"),
    ("FOREBAY_REST_URL", "https://user:pw@api.test", "must not carry a user or password"),
    ("FOREBAY_REST_URL", "https://api.test:port", "not an address"),
    ("FOREBAY_STREAM_URL", "https://x", "wss://host"),
    ("KAFKA_SECURITY_PROTOCOL", "TLS", "'PLAINTEXT', 'SSL'"),
    ("KAFKA_TOPICS", "table", "'symbol' or 'channel'"),
    ("KAFKA_TOPIC_PREFIX", "a b", "letters, digits"),
    ("KAFKA_BUFFER", "10kB", "greater than or equal to 1000000"),
    ("REDIS_URL", "amqp://guest@rabbit", "only Redis is spoken"),
]


def database(environ):
    return load(environ=environ).ledger.url.get_secret_value()


@pytest.mark.parametrize(("name", "value", "expected"), REFUSED, ids=[f"{row[0]}={row[1]}" for row in REFUSED])
def test_a_wrong_value_is_refused_with_its_name(name, value, expected):
    """The error names the variable, where it came from and what it may be; the remedy says what it is for."""
    with pytest.raises(UsageError) as caught:
        load(environ={name: value})
    assert str(caught.value).startswith(name)
    assert expected in str(caught.value)
    assert caught.value.remedy.startswith(f"Correct {name}. ")


@pytest.mark.parametrize("url", ["mysql://me:hunter2@db/x", "mongodb://db/x", "data/tracker.db", "oracle"])
def test_other_databases_are_refused_naming_the_two(url):
    """A ledger lives in SQLite or PostgreSQL; a password in the refused URL is not shown."""
    with pytest.raises(UsageError, match=r"neither SQLite \(.*\) nor PostgreSQL \(.*\)") as caught:
        load(environ={"DATABASE_URL": url})
    assert "hunter2" not in str(caught.value) + str(caught.value.__cause__)


@pytest.mark.parametrize(
    "url", ["sqlite:////abs/x.db", "postgresql://u:p@h/d", "postgresql+psycopg://h/d", "postgres://h/d"]
)
def test_both_databases_are_accepted(url):
    """The spellings that people use for the two."""
    assert url == database({"DATABASE_URL": url})


def test_one_root_for_all_folders():
    """FOREBAY_HOME moves ledger, lake, archive, quarantine and temporary files together."""
    settings = load(environ={"FOREBAY_HOME": "/srv/forebay"})
    folders = settings.folders
    assert [
        "/srv/forebay/archive",
        "/srv/forebay/quarantine",
        "/srv/forebay/tmp",
        "/srv/forebay/lake",
        "sqlite:////srv/forebay/download_tracker.db",
    ] == [
        str(folders.archive),
        str(folders.quarantine),
        str(folders.tmp),
        settings.lake.uri,
        settings.ledger.url.get_secret_value(),
    ]


def test_what_is_named_stays_where_it_is_named():
    """DATABASE_URL and LAKE_URI win over the root."""
    environ = {"FOREBAY_HOME": "/srv", "DATABASE_URL": "sqlite:///x.db", "LAKE_URI": "s3://b/lake"}
    settings = load(environ=environ)
    assert ("sqlite:///x.db", "s3://b/lake") == (settings.ledger.url.get_secret_value(), settings.lake.uri)


def test_a_tilde_is_the_home_folder(monkeypatch):
    """No shell reads a .env file, so `~` is spelled out here."""
    monkeypatch.setenv("HOME", "/home/ada")
    settings = load(environ={"FOREBAY_HOME": "~/bars", "LOG_FILE": "~/f.log", "LAKE_URI": "~/lake"})
    assert ["/home/ada/bars", "/home/ada/f.log", "/home/ada/lake"] == [
        str(settings.folders.home),
        str(settings.log.file),
        settings.lake.uri,
    ]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"REDIS_HOST": "cache"}, "redis://cache:6379/0"),
        ({"REDIS_HOST": "cache", "REDIS_PORT": "6380"}, "redis://cache:6380/0"),
        ({"REDIS_HOST": "cache", "REDIS_PASSWORD": "p@ss/w"}, "redis://:p%40ss%2Fw@cache:6379/0"),
        ({"REDIS_HOST": "redis", "REDIS_PORT": "tcp://10.0.0.1:6379"}, "redis://redis:6379/0"),
        ({"REDIS_HOST": "r", "CELERY_BROKER_URL": "redis://:p@r:6379/1"}, "redis://:p@r:6379/1"),
        ({"REDIS_PORT": "6379"}, None),
    ],
)
def test_redis_by_host(environ, expected):
    """REDIS_HOST and REDIS_PORT make the URL where no URL is given, whatever Kubernetes puts into REDIS_PORT."""
    url = load(environ=environ).queue.url
    assert expected == (url and url.get_secret_value())


def test_results_may_be_kept_in_a_database_of_their_own():
    """CELERY_RESULT_BACKEND beside CELERY_BROKER_URL, as Celery's users write them, is no contradiction."""
    queue = load(
        environ={"CELERY_BROKER_URL": "redis://redis:6379/0", "CELERY_RESULT_BACKEND": "redis://redis:6379/1"}
    ).queue
    assert ("redis://redis:6379/0", "redis://redis:6379/1") == (queue.require_url(), queue.results_url)
    assert "redis://r:6379/0" == load(environ={"REDIS_URL": "redis://r:6379/0"}).queue.results_url


def test_redis_twice_with_different_servers():
    """A host and a URL that name two servers are refused like two names of one setting."""
    with pytest.raises(UsageError, match=r"REDIS_HOST .* and CELERY_BROKER_URL .* two different Redis servers"):
        load(environ={"REDIS_HOST": "cache", "CELERY_BROKER_URL": "redis://redis:6379/0"})


def test_a_wrong_redis_port_is_named():
    """The port is to blame, not the URL that would be made of it."""
    with pytest.raises(UsageError, match="REDIS_PORT=x"):
        load(environ={"REDIS_HOST": "cache", "REDIS_PORT": "x"})


def test_the_ledger_lives_at_timescale_when_only_that_is_named():
    """With TIMESCALE_HOST and without DATABASE_URL the ledger is in that database; with both it is not."""
    environ = {"TIMESCALE_HOST": "tsdb", "TIMESCALE_PASSWORD": "p@ss:1", "FOREBAY_HOME": "/srv"}
    assert "postgresql://chronox:p%40ss%3A1@tsdb:5432/chronox" == database(environ)
    assert "sqlite:///x.db" == database({**environ, "DATABASE_URL": "sqlite:///x.db"})


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("/run/postgresql", "postgresql://chronox@/chronox?host=/run/postgresql&port=5432"),
        ("::1", "postgresql://chronox@[::1]:5432/chronox"),
    ],
)
def test_the_ledger_at_timescale_is_found_by_socket_and_by_number(host, address):
    """A host that PostgreSQL's own programs take, a socket's folder or an IPv6 number, makes an address that works."""
    assert address == database({"TIMESCALE_HOST": host, "FOREBAY_HOME": "/srv"})


def test_rest_needs_only_the_api_key():
    """With the API key alone REST works, and flat files say which variables are missing."""
    settings = load(environ={"POLYGON_API_KEY": "key-1"})
    assert "key-1" == settings.vendor.require_api_key()
    with pytest.raises(UsageError, match="POLYGON_S3_ACCESS_KEY_ID is not set"):
        settings.flatfiles.require_keys()


def test_flat_files_need_only_the_s3_keys():
    """With both S3 keys flat files work, and REST says what is missing."""
    environ = {"POLYGON_S3_ACCESS_KEY_ID": "id-1", "POLYGON_S3_SECRET_ACCESS_KEY": "secret-1"}
    settings = load(environ=environ)
    assert ("id-1", "secret-1") == settings.flatfiles.require_keys()
    with pytest.raises(UsageError, match="no API key: REST needs POLYGON_API_KEY"):
        settings.vendor.require_api_key()


def test_half_of_the_s3_keys():
    """A key id without its secret is named as what it is."""
    with pytest.raises(UsageError, match="POLYGON_S3_SECRET_ACCESS_KEY is not set"):
        load(environ={"POLYGON_S3_ACCESS_KEY": "id-1"}).flatfiles.require_keys()


@pytest.mark.parametrize(
    "environ",
    [
        {"POLYGON_S3_ACCESS_KEY_ID": "k9_" * 10 + "xy"},
        {
            "POLYGON_API_KEY": "any-key",
            "POLYGON_S3_ACCESS_KEY": "any-key",
            "FOREBAY_FLATFILES_URL": "http://127.0.0.1:1",
        },
    ],
    ids=["by its form", "by its value"],
)
def test_an_api_key_as_an_s3_key_is_recognised(environ):
    """The API key in the place of the S3 key id is said, without showing it."""
    with pytest.raises(UsageError, match="POLYGON_S3_ACCESS_KEY_ID holds an API key") as caught:
        load(environ=environ)
    assert not any(value in str(caught.value) + caught.value.remedy for value in environ.values())


def test_the_api_key_may_be_the_s3_secret():
    """Some accounts have one value for both; other servers may give out key ids of any form."""
    environ = {
        "POLYGON_API_KEY": "k9_" * 10 + "xy",
        "POLYGON_S3_ACCESS_KEY_ID": "a" * 32,
        "POLYGON_S3_SECRET_ACCESS_KEY": "k9_" * 10 + "xy",
        "FOREBAY_FLATFILES_URL": "http://127.0.0.1:8010",
    }
    assert ("a" * 32, "k9_" * 10 + "xy") == load(environ=environ).flatfiles.require_keys()


def test_the_destinations_keys_are_not_the_vendors():
    """AWS_ and B2_ keys never become the keys that the vendor is sent."""
    environ = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "B2_KEY_ID": "c", "B2_APPLICATION_KEY": "d"}
    flatfiles = load(environ=environ).flatfiles
    assert (None, None) == (flatfiles.access_key_id, flatfiles.secret_access_key)


def test_secrets_show_nowhere():
    """No repr, string or entry of the settings holds a secret; `secrets()` names each for the log's filter."""
    environ = {
        "POLYGON_API_KEY": "hunter1",
        "POLYGON_S3_SECRET_KEY": "hunter2",
        "DATABASE_URL": "postgresql://me:hunter%33@db/x",
        "REDIS_URL": "rediss://:hunter4@cache:6380/0",
        "TIMESCALE_PASSWORD": "hunter5",
    }
    settings = load(environ=environ)
    shown = "\n".join([repr(settings), str(settings), *map(str, settings.entries())])
    assert "hunter" not in shown
    assert "postgresql://me:***@db/x" in shown
    assert {"hunter1", "hunter2", "hunter%33", "hunter3", "hunter4", "hunter5"} == settings.secrets()


def test_settings_do_not_change():
    """Neither the groups nor the whole can be assigned to."""
    settings = load(environ={})
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        settings.worker.max_retries = 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.worker = None
