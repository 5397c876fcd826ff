"""Every command and every Python block of the manual does what its page says."""

from __future__ import annotations

import json
import re
import shlex
import tomllib

import pytest
from blocks import ROOT, Block, blocks, pages

NEEDS = {
    "README.md": ("brokers", "bucket", "redis", "timescale"),
    "docs/adjusting.md": ("october",),
    "docs/csv-lzo.md": ("bucket",),
    "docs/kafka.md": ("brokers",),
    "docs/pipeline.md": ("redis",),
    "docs/quality.md": ("mistaken",),
    "docs/sandbox.md": ("today",),
    "docs/timescale.md": ("brokers", "timescale"),
    "docs/tutorial.md": ("today",),
}
"""Pages that need real servers, or a market of their own: the fixtures that start them."""
LANGUAGES = {"console", "sh", "python", "output", "toml", "json", "ini", "yaml", "sql", "text"}
ELSEWHERE = {"aws", "docker", "kubectl", "make", "pg_dump", "pip", "rclone", "rsync", "sqlite3", "sudo", "systemctl"}
"""Programs that need a cluster, an account, another machine's rights, what this machine may lack, or this very test."""
EVERY = [pytest.param(block, id=block.where) for page in pages() for block in blocks(page)]
READ = [page for page in pages() if any(each.commands() or each.language == "python" for each in blocks(page))]


@pytest.mark.timeout(900)  # on a busy machine; each wait inside has a deadline of its own
@pytest.mark.parametrize("page", READ)
def test_a_page_does_what_it_says(page, reader, request):
    """Read from top to bottom in one session, each command ends as it should and says what is shown."""
    for name in NEEDS.get(page, ()):
        reader.env |= request.getfixturevalue(name)
    reader.read(list(blocks(page)))


@pytest.mark.parametrize("block", EVERY)
def test_a_block_is_of_a_known_kind(block):
    """Its language is one that is run, parsed or plainly shown: what is none could hide a command."""
    assert block.language in LANGUAGES
    if block.language == "toml":
        assert tomllib.loads(block.text)
    if block.language == "json":
        assert json.loads(block.text)
    if block.language == "text":
        assert not re.match(r"(\$ )?forebay ", block.text), "a command: mark it as `sh` or `console`"


@pytest.mark.parametrize("page", pages())
def test_no_block_is_without_a_fence(page):
    """Blocks are fenced, so that each says what it is; an indented one would be shown as code, and never run."""
    inside = False
    for before, line in zip(["", *(lines := (ROOT / page).read_text("utf-8").splitlines())], lines, strict=False):
        inside ^= line.startswith("```")
        assert inside or before or not line.startswith("    "), line


def test_only_what_cannot_run_here_is_not_run():
    """A block that is left out says why, and has a command of one of a few other programs."""
    found = [block for page in pages() for block in blocks(page) if block.not_run]
    assert found
    for block in found:
        assert {_program(typed.line) for typed in block.commands()} & ELSEWHERE, block.where


def _program(line: str) -> str:
    return shlex.split(line)[0]


def test_the_readme_begins_as_the_program_does(reader):
    """What `make run` prints is too long to be run here; what `forebay init` says in it is as the README shows it."""
    shown = (ROOT / "README.md").read_text("utf-8").splitlines()

    for line in reader.shell("init").out.splitlines():
        assert line in shown


def test_a_lie_is_found(reader):
    """A command that ends otherwise, an output that is not said, a question without an answer: each fails."""
    for language, text in (
        ("sh", "forebay tasks show 17"),
        ("console", "$ forebay tasks list\nall is well"),
        ("python", "assert 1 == 2"),
    ):
        with pytest.raises(AssertionError):
            reader.read([Block("docs/none.md", 1, language, "", text, {})])
