from __future__ import annotations

import pytest

from forebay.errors import UsageError
from forebay.settings import load


def test_file_below_secrets_below_environment_below_flag(tmp_path):
    """The later place wins: .env file, secrets folder, environment, flag."""
    (tmp_path / ".env").write_text("MAX_RETRIES=1\nWORKER_CONCURRENCY=1\nBATCH_SIZE=1\nTASK_DELAY=1\n")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("WORKER_CONCURRENCY", "BATCH_SIZE", "TASK_DELAY"):
        (secrets / name).write_text("2\n")
    environ = {"FOREBAY_SECRETS_DIR": str(secrets), "BATCH_SIZE": "3", "TASK_DELAY": "3"}
    worker = load(environ=environ, overrides={"TASK_DELAY": 4, "BATCH_SIZE": None}).worker
    assert (1, 2, 3, 4) == (worker.max_retries, worker.concurrency, worker.batch_size, worker.task_delay)


def test_every_value_knows_where_it_came_from(tmp_path):
    """File with line, secrets file, environment, flag, another name, and default are told apart."""
    file = tmp_path / "prod.env"
    file.write_text("# first\n\nMAX_RETRIES=1\nMASSIVE_API_KEY=key-1\n")
    (tmp_path / "batch_size").write_text("7")
    environ = {"FOREBAY_SECRETS_DIR": str(tmp_path), "TASK_DELAY": "3", "FOREBAY_HOME": "/srv/forebay"}
    settings = load(file, environ, {"LOG_LEVEL": "DEBUG"})
    expected = {
        "MAX_RETRIES": f"{file} line 3",
        "POLYGON_API_KEY": f"{file} line 4, as MASSIVE_API_KEY",
        "BATCH_SIZE": f"secrets file {tmp_path / 'batch_size'}",
        "TASK_DELAY": "environment",
        "LOG_LEVEL": "flag",
        "DATABASE_URL": "default, under FOREBAY_HOME",
        "WORKER_CONCURRENCY": "default",
    }
    assert expected == {entry.name: entry.origin for entry in settings.entries() if entry.name in expected}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("POLYGON_RATE_LIMIT=7  # calls per minute", 7),
        ("POLYGON_RATE_LIMIT=7\t# calls", 7),
        ('POLYGON_RATE_LIMIT="7" # calls', 7),
        ("export POLYGON_RATE_LIMIT='7'", 7),
        ("POLYGON_RATE_LIMIT = 7", 7),
        ("POLYGON_RATE_LIMIT= # none", 5),
        ("POLYGON_RATE_LIMIT=", 5),
        ("# POLYGON_RATE_LIMIT=7", 5),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_of_an_env_file(tmp_path, line, expected, newline):
    """Trailing comments are cut, quotes taken off, `export` and spaces accepted; an empty value means not set."""
    (tmp_path / ".env").write_text(f"\ufeff# head{newline}{newline}{line}{newline}MAX_RETRIES=9{newline}", newline="")
    settings = load(environ={})
    assert (expected, 9) == (settings.vendor.rate_limit, settings.worker.max_retries)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5  # calls per minute", 5),
        ('"6"', 6),
        ("'6' # calls", 6),
        (" 6 ", 6),
        ("# only a comment", 5),
        ("", 5),
    ],
)
def test_the_environment_as_container_tools_pass_it_on(text, expected):
    """A line of an env file that a container tool hands over unread means the same as in the file."""
    assert expected == load(environ={"POLYGON_RATE_LIMIT": text}).vendor.rate_limit


def test_a_hash_inside_a_value_stays():
    """Only a hash after space starts a comment."""
    assert "ab#cd" == load(environ={"POLYGON_API_KEY": "ab#cd"}).vendor.require_api_key()


def test_a_quoted_value_may_hold_a_hash(tmp_path):
    """Quotes keep ` #` inside a value, in the file and in the environment."""
    (tmp_path / ".env").write_text('TIMESCALE_PASSWORD="a #b"\n')
    settings = load(environ={"B2_BUCKET_NAME": "'x #y'  # which"})
    assert ("a #b", "x #y") == (settings.timescale.password.get_secret_value(), settings.archive.bucket)


def test_passwords_in_the_environment_are_taken_as_they_are():
    """A shell has already read the quotes of an exported password: nothing of it is cut."""
    environ = {"TIMESCALE_PASSWORD": '"a" #b '}
    assert '"a" #b ' == load(environ=environ).timescale.password.get_secret_value()


def test_no_value_is_interpolated(tmp_path):
    """A dollar sign in a secret is a dollar sign."""
    (tmp_path / ".env").write_text("POLYGON_API_KEY=a${HOME}$b\n")
    assert "a${HOME}$b" == load(environ={}).vendor.require_api_key()


def test_secrets_as_files(tmp_path):
    """A folder of files named like the settings, in capitals or small letters, one value each, named in .env."""
    secrets = tmp_path / "run" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "POLYGON_API_KEY").write_text("key-1\n")
    (secrets / "timescale_password").write_text("a b#c\r\n")
    (secrets / "unrelated").write_bytes(b"\xff\xfe")
    (tmp_path / ".env").write_text(f"FOREBAY_SECRETS_DIR={secrets}\n")
    settings = load(environ={})
    assert ("key-1", "a b#c") == (settings.vendor.require_api_key(), settings.timescale.password.get_secret_value())


def test_a_secrets_folder_that_is_none(tmp_path):
    """A wrong FOREBAY_SECRETS_DIR is said, not taken for an empty one."""
    with pytest.raises(UsageError, match=r"FOREBAY_SECRETS_DIR=.*/nowhere is not a folder"):
        load(environ={"FOREBAY_SECRETS_DIR": str(tmp_path / "nowhere")})


def test_a_named_env_file_must_exist(tmp_path):
    """--env-file with a wrong name is an error; a missing .env is none."""
    assert {} == load(environ={}).origins
    with pytest.raises(UsageError, match=r"there is no file .*prod\.env") as caught:
        load(tmp_path / "prod.env", environ={})
    assert caught.value.remedy


def test_an_env_file_that_cannot_be_read(tmp_path):
    """A folder, or bytes that are no text, are named as what they are."""
    with pytest.raises(UsageError, match=f"{tmp_path} cannot be read"):
        load(tmp_path, environ={})
    (tmp_path / ".env").write_bytes(b"POLYGON_API_KEY=\xff\xfe\n")
    with pytest.raises(UsageError, match=r"\.env is not text in UTF-8"):
        load(environ={})


def test_a_line_that_is_no_setting_is_named(tmp_path):
    """A line of another form is an error with its number; its text is not shown, for it may be a secret."""
    (tmp_path / ".env").write_text("MAX_RETRIES=1\n\nPOLYGON_API_KEY hunter2secret\n")
    with pytest.raises(UsageError, match=r"\.env, line 3: not of the form NAME=value") as caught:
        load(environ={})
    assert "hunter2" not in str(caught.value) + caught.value.remedy


def test_the_machine_environment_is_the_default(monkeypatch):
    """Without `environ`, the process's own environment is read."""
    monkeypatch.setenv("MAX_RETRIES", "17")
    assert 17 == load().worker.max_retries


def test_a_slip_in_an_override_is_an_error():
    """A command that overrides a setting that does not exist is broken, and says so."""
    with pytest.raises(KeyError, match="MAX_RETRY"):
        load(environ={}, overrides={"MAX_RETRY": 1})


@pytest.mark.parametrize(
    ("profile", "expected"), [("free", (2, 1, 5)), ("standard", (6, 2, 300)), ("high", (10, 4, 1000))]
)
def test_a_profile_is_three_settings(profile, expected):
    """PROFILE decides how many workers there are, what each does at a time and how many calls they make."""
    settings = load(environ={"PROFILE": profile})

    assert expected == (settings.worker.workers, settings.worker.concurrency, settings.vendor.rate_limit)
    assert settings.origins["WORKERS"] == f"PROFILE={profile}"


def test_what_is_set_goes_before_the_profile():
    """A setting of one's own is not changed by a profile, under any of its names."""
    settings = load(environ={"PROFILE": "high", "WORKER_CONCURRENCY": "3", "MASSIVE_RATE_LIMIT": "50"})

    assert (10, 3, 50) == (settings.worker.workers, settings.worker.concurrency, settings.vendor.rate_limit)


def test_an_unknown_profile_is_refused():
    """The error says which there are."""
    with pytest.raises(UsageError, match="it must be 'free', 'standard' or 'high'"):
        load(environ={"PROFILE": "turbo"})
