from __future__ import annotations

import json

from forebay.cli.main import Forebay


def test_config_show_says_where_values_come_from(run, working_folder, monkeypatch):
    """Each setting with its value and origin; secrets are masked, URLs show all but their password."""
    (working_folder / ".env").write_text("POLYGON_RATE_LIMIT=7\nREDIS_URL=redis://:hunter2@cache:6379/0\n")
    monkeypatch.setenv("MASSIVE_API_KEY", "hunter3")
    code, out, err = run("config", "show", "--log-level", "error", group=Forebay)
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines()}
    assert (0, "") == (code, err)
    assert "hunter" not in out
    assert {
        "setting": "value from",
        "POLYGON_RATE_LIMIT": "7 .env line 1",
        "POLYGON_API_KEY": "********** environment, as MASSIVE_API_KEY",
        "REDIS_URL": "redis://:***@cache:6379/0 .env line 2",
        "LOG_LEVEL": "ERROR flag",
        "MAX_RETRIES": "2 default",
    }.items() <= rows.items()


def test_config_show_as_json(run, monkeypatch):
    """--json prints the same as objects, and nothing else."""
    monkeypatch.setenv("BATCH_SIZE", "50")
    code, out, _ = run("config", "show", "--json", group=Forebay)
    found = {entry["name"]: entry for entry in json.loads(out)}
    assert 0 == code
    assert ("50", "environment") == (found["BATCH_SIZE"]["value"], found["BATCH_SIZE"]["origin"])


def test_a_slip_in_the_env_file_is_warned_of(run, working_folder):
    """A name in .env that looks like a misspelt setting is warned of on stderr; the data stay on stdout."""
    (working_folder / ".env").write_text("POLYGON_API_KEYS=x\n")
    code, out, err = run("config", "show", "--json", group=Forebay)
    assert 0 == code
    assert json.loads(out)
    assert "POLYGON_API_KEYS is not a setting; is POLYGON_API_KEY meant?" in err
