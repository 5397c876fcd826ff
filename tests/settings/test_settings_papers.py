from __future__ import annotations

import re
from pathlib import Path

import pytest

from forebay.feeds_file import read_feeds
from forebay.settings import load
from forebay.settings.profiles import PROFILES
from forebay.settings.settings import DECLARED

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".env.example"


def test_the_example_lists_every_setting_with_its_default():
    """.env.example has each setting once, in use or behind a `#`, with the default that holds without it."""
    found = dict(re.findall(r"^#?([A-Z0-9_]+)=(.*)$", EXAMPLE.read_text(), flags=re.MULTILINE))
    defaults = {entry.name: entry.value for entry in load(environ={}).entries()}
    assert {**defaults, "FOREBAY_SECRETS_DIR": ""} == found


def test_the_example_is_a_plain_list():
    """Container tools read it as it is: comments on lines of their own, NAME=value, no quotes, no trailing comment."""
    for line in EXAMPLE.read_text().splitlines():
        assert re.fullmatch(r"(#.*|[A-Z0-9_]+=[^\s'\"#]*)?", line), line


def test_the_example_changes_nothing(tmp_path, working_folder):
    """Copied as it is, it leaves every setting at its default."""
    (working_folder / ".env").write_text(EXAMPLE.read_text())
    expected = [(entry.name, entry.value) for entry in load(tmp_path / ".env", environ={}).entries()]
    (working_folder / ".env").unlink()
    assert expected == [(entry.name, entry.value) for entry in load(environ={}).entries()]


@pytest.mark.parametrize("setting", DECLARED, ids=lambda setting: setting.name)
def test_the_manual_has_every_setting(setting):
    """docs/settings.md says of each setting its names, its default and what it is, as the code does."""
    manual = (ROOT / "docs" / "settings.md").read_text()
    names = "<br>".join(f"`{name}`" for name in setting.names)
    row = next(line for line in manual.splitlines() if line.startswith(f"| {names} |"))
    default = "" if setting.default in (None, "") else f"`{setting.default}`"
    assert [default, setting.about] == [cell.strip() for cell in row.split("|")[2:4]]


@pytest.mark.parametrize("name", PROFILES)
def test_the_manual_has_every_profile(name):
    """docs/settings.md says what a profile decides, and the machine that it suits."""
    manual, profile = (ROOT / "docs" / "settings.md").read_text(), PROFILES[name]
    memory = f"{profile.memory_mb} MB" if profile.memory_mb < 1024 else f"{profile.memory_mb // 1024} GB"
    decided = f"| {profile.workers} | {profile.concurrency} | {profile.rate_limit} a minute |"
    assert f"| `{name}` {decided} {profile.cpus} | {memory} |" in manual


def test_the_example_feeds_are_feeds():
    """examples/forebay.toml can be used as it is."""
    assert ["stocks", "other-classes", "watchlist"] == [
        feed.name for feed in read_feeds(ROOT / "examples" / "forebay.toml")
    ]
