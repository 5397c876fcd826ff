"""What the manual says of commands, settings and tables is what the code says."""

from __future__ import annotations

import sys

import pytest
from blocks import ROOT
from typer.core import TyperGroup

from forebay.cli.main import COMMANDS

sys.path.append(str(ROOT))
from reference import made


@pytest.fixture(scope="module")
def pages():
    return {path.name: (path.read_text("utf-8") if path.exists() else "", text) for path, text in made().items()}


@pytest.mark.parametrize("name", ["commands.md", "schemas.md", "settings.md"])
def test_the_page_is_as_the_code_makes_it(pages, name):
    """`make reference` would change nothing; where this fails, it does what is to be done."""
    written, text = pages[name]
    assert text == written


def test_every_command_is_there(pages):
    """Each command, of groups each one in it, has a heading and says something."""
    _, text = pages["commands.md"]
    for name, late in COMMANDS.items():
        assert f"\n## forebay {name}\n\n" in text
        command = late.load(name)
        if isinstance(command, TyperGroup):
            assert all(f"\n### forebay {name} {each}\n\n" in text for each in command.commands)
