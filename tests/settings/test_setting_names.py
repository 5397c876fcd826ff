from __future__ import annotations

import itertools

import pytest

from forebay.errors import UsageError
from forebay.settings import load
from forebay.settings.settings import DECLARED

# variable, value given, group, field, value expected
NAMES = [
    ("POLYGON_API_KEY", "key-1", "vendor", "api_key", "key-1"),
    ("MASSIVE_API_KEY", "key-1", "vendor", "api_key", "key-1"),
    ("POLYGON_S3_ACCESS_KEY_ID", "id-1", "flatfiles", "access_key_id", "id-1"),
    ("POLYGON_S3_ACCESS_KEY", "id-1", "flatfiles", "access_key_id", "id-1"),
    ("MASSIVE_S3_ACCESS_KEY_ID", "id-1", "flatfiles", "access_key_id", "id-1"),
    ("MASSIVE_S3_ACCESS_KEY", "id-1", "flatfiles", "access_key_id", "id-1"),
    ("POLYGON_S3_SECRET_ACCESS_KEY", "s", "flatfiles", "secret_access_key", "s"),
    ("POLYGON_S3_SECRET_KEY", "s", "flatfiles", "secret_access_key", "s"),
    ("MASSIVE_S3_SECRET_ACCESS_KEY", "s", "flatfiles", "secret_access_key", "s"),
    ("MASSIVE_S3_SECRET_KEY", "s", "flatfiles", "secret_access_key", "s"),
    ("FOREBAY_REST_URL", "http://127.0.0.1:8010/", "vendor", "rest_url", "http://127.0.0.1:8010"),
    ("FOREBAY_STREAM_URL", "ws://127.0.0.1:8010", "vendor", "stream_url", "ws://127.0.0.1:8010"),
    ("FOREBAY_FLATFILES_URL", "http://127.0.0.1:8010", "flatfiles", "url", "http://127.0.0.1:8010"),
    ("POLYGON_RATE_LIMIT", "1000", "vendor", "rate_limit", 1000),
    ("HYBRID_BOUNDARY_DAYS", "7", "plan", "hybrid_boundary_days", 7),
    ("B2_KEY_ID", "k", "archive", "key_id", "k"),
    ("B2_APPLICATION_KEY", "a", "archive", "application_key", "a"),
    ("B2_BUCKET_NAME", "bucket", "archive", "bucket", "bucket"),
    ("B2_ENDPOINT_URL", "s3.example.test", "archive", "endpoint_url", "https://s3.example.test"),
    ("AWS_ACCESS_KEY_ID", "k", "aws", "access_key_id", "k"),
    ("AWS_SECRET_ACCESS_KEY", "s", "aws", "secret_access_key", "s"),
    ("AWS_SESSION_TOKEN", "t", "aws", "session_token", "t"),
    ("AWS_REGION", "eu-central-1", "aws", "region", "eu-central-1"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000", "aws", "endpoint_url", "http://127.0.0.1:9000"),
    ("AWS_PROFILE", "research", "aws", "profile", "research"),
    ("DATABASE_URL", "sqlite:///data/other.db", "ledger", "url", "sqlite:///data/other.db"),
    ("LAKE_URI", "s3://bucket/lake", "lake", "uri", "s3://bucket/lake"),
    ("LAKE_GRACE_DAYS", "30", "lake", "grace_days", 30),
    ("MAX_RETRIES", "0", "worker", "max_retries", 0),
    ("WORKER_CONCURRENCY", "4", "worker", "concurrency", 4),
    ("WORKER_MAX_TASKS_PER_CHILD", "50", "worker", "max_tasks_per_child", 50),
    ("WORKER_POLL_SECONDS", "0.5", "worker", "poll_seconds", 0.5),
    ("BATCH_SIZE", "100", "worker", "batch_size", 100),
    ("TASK_DELAY", "1.5", "worker", "task_delay", 1.5),
    ("REDIS_URL", "redis://r:6379/0", "queue", "url", "redis://r:6379/0"),
    ("CELERY_BROKER_URL", "redis://r:6379/0", "queue", "url", "redis://r:6379/0"),
    ("CELERY_RESULT_BACKEND", "rediss://:p@r:6380/1", "queue", "url", "rediss://:p@r:6380/1"),
    ("KAFKA_BOOTSTRAP_SERVERS", "a:9092,b:9092", "kafka", "bootstrap_servers", "a:9092,b:9092"),
    ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "kafka", "security_protocol", "SASL_SSL"),
    ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512", "kafka", "sasl_mechanism", "SCRAM-SHA-512"),
    ("KAFKA_SASL_USERNAME", "u", "kafka", "sasl_username", "u"),
    ("KAFKA_SASL_PASSWORD", "p", "kafka", "sasl_password", "p"),
    ("KAFKA_PARTITIONS", "12", "kafka", "partitions", 12),
    ("KAFKA_REPLICATION", "3", "kafka", "replication", 3),
    ("KAFKA_TOPICS", "channel", "kafka", "topics", "channel"),
    ("KAFKA_TOPIC_PREFIX", "md.prod", "kafka", "prefix", "md.prod"),
    ("KAFKA_BUFFER", "128MB", "kafka", "buffer", 128_000_000),
    ("KAFKA_TIMEOUT", "2.5", "kafka", "timeout", 2.5),
    ("KAFKA_COMPRESSION", "zstd", "kafka", "compression", "zstd"),
    ("TIMESCALE_HOST", "db", "timescale", "host", "db"),
    ("TIMESCALE_PORT", "5433", "timescale", "port", 5433),
    ("TIMESCALE_DB", "ticks", "timescale", "database", "ticks"),
    ("TIMESCALE_USER", "me", "timescale", "user", "me"),
    ("TIMESCALE_PASSWORD", "p", "timescale", "password", "p"),
    ("LOG_LEVEL", "warn", "log", "level", "WARNING"),
    ("LOG_FORMAT", "json", "log", "format", "json"),
]

DEFAULTS = [
    ("ledger", "url", "sqlite:///data/download_tracker.db"),
    ("lake", "uri", "data/lake"),
    ("log", "level", "INFO"),
    ("log", "file", None),
    ("vendor", "api_key", None),
    ("vendor", "rate_limit", 5),
    ("plan", "hybrid_boundary_days", 30),
    ("worker", "max_retries", 2),
    ("worker", "concurrency", 2),
    ("worker", "max_tasks_per_child", 200),
    ("worker", "batch_size", 10),
    ("worker", "task_delay", 0.0),
    ("worker", "poll_seconds", 5.0),
    ("queue", "url", None),
    ("timescale", "host", "localhost"),
    ("timescale", "port", 5432),
    ("timescale", "user", "chronox"),
    ("timescale", "password", ""),
]


def value_of(settings, group, field):
    value = getattr(getattr(settings, group), field)
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


@pytest.mark.parametrize(("name", "given", "group", "field", "expected"), NAMES, ids=[row[0] for row in NAMES])
def test_every_name_is_read(name, given, group, field, expected):
    """Each variable of the earlier systems, and each new one, reaches its setting."""
    assert expected == value_of(load(environ={name: given}), group, field)


@pytest.mark.parametrize(("group", "field", "expected"), DEFAULTS)
def test_defaults_are_those_of_the_earlier_systems(group, field, expected):
    """Without any variable, each setting has the default its users know."""
    assert expected == value_of(load(environ={}), group, field)


@pytest.mark.parametrize(
    ("one", "other"),
    [pair for item in DECLARED for pair in itertools.combinations(item.names, 2)],
)
def test_two_names_with_different_values_are_refused(one, other):
    """Two names of one setting that disagree are an error that names both, and shows neither value."""
    given = {one: "redis://first:1/0", other: "redis://second:1/0"}
    with pytest.raises(UsageError) as caught:
        load(environ=given)
    assert one in str(caught.value)
    assert other in str(caught.value)
    assert "first" not in str(caught.value)


def test_two_names_with_one_value_are_fine():
    """A .env file made for two programs may say the same thing twice."""
    given = {"POLYGON_API_KEY": "key-1", "MASSIVE_API_KEY": "key-1"}
    assert "key-1" == load(environ=given).vendor.require_api_key()


def test_two_names_in_two_places_are_refused(working_folder):
    """A name in .env and another name of the same setting in the environment must agree as well."""
    (working_folder / ".env").write_text("MASSIVE_API_KEY=key-1\n")
    with pytest.raises(UsageError, match=r"POLYGON_API_KEY \(environment\) and MASSIVE_API_KEY \(\.env line 1\)"):
        load(environ={"POLYGON_API_KEY": "key-2"})


@pytest.mark.parametrize("name", ["DOCKER_ENV", "C_FORCE_ROOT"])
def test_names_without_effect_are_accepted(name, working_folder):
    """Variables of the earlier systems that mean nothing here raise neither error nor warning."""
    (working_folder / ".env").write_text(f"{name}=true\n")
    settings = load(environ={name: "true"})
    assert () == settings.notes
    assert {} == settings.origins


def test_a_slip_in_a_name_is_noted(working_folder):
    """An unknown name in .env that is close to a known one is pointed out; names of other programs are left alone."""
    (working_folder / ".env").write_text("POSTGRES_DB=x\nPOLYGON_RATELIMIT=3\n")
    assert (".env line 2: POLYGON_RATELIMIT is not a setting; is POLYGON_RATE_LIMIT meant?",) == load(environ={}).notes
