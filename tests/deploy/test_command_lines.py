"""Every command line of Forebay's in the files for deployment and their manual is one that it takes."""

from __future__ import annotations

import re

import papers
import pytest
from typer.core import TyperGroup

from forebay.cli.frame import Frame, dashed
from forebay.cli.main import Forebay


def parse(args: list[str]) -> str:
    """The command that is meant. Raises what the parser does; runs nothing."""
    command = Forebay(name="forebay", context_settings={"token_normalize_func": dashed})
    context = command.make_context("forebay", list(args), obj=Frame())
    while isinstance(command, TyperGroup):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
    return context.command_path


LINES = [pytest.param(args, id=where) for where, args in papers.command_lines()]


@pytest.mark.parametrize("args", LINES)
def test_it_is_taken(args):
    """The parser knows the command and each of its flags."""
    assert parse(args).startswith("forebay ")


def test_all_that_stays_is_there_everywhere():
    """Compose, Kubernetes and systemd were read: a change of their form must not leave this file without lines."""
    found = {where.split()[0] for where, _ in papers.command_lines()}
    assert {"compose", "kubernetes", "systemd", "docs/deploying.md", "docs/coming-from.md"} == found
    assert len(LINES) > 70


def test_the_image_is_asked_how_it_is():
    """The Dockerfile's own check, entrypoint and default arguments are Forebay's."""
    text = (papers.ROOT / "Dockerfile").read_text("utf-8")
    (check,) = re.findall(r'^HEALTHCHECK .* CMD \["forebay", "(\w+)"\]$', text, re.MULTILINE)
    assert "forebay health" == parse([check])
    assert '\nENTRYPOINT ["forebay"]\n' in text
