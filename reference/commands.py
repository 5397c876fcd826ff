"""docs/reference/commands.md: every command with its arguments and options, from the command line's own parser."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup

from forebay.cli.frame import common_options
from forebay.cli.main import COMMANDS

_HEAD = """# Every option

Made from the code (`make reference`). What the commands are for, and how they go together: [commands](../commands.md).
`forebay COMMAND --help` says the same in a terminal. A flag that ends in `...` takes several values.

## On every command

"""


def commands_page() -> str:
    """The page."""
    parts = [_HEAD + _table(common_options())]
    for name, late in COMMANDS.items():
        parts += _described(f"forebay {name}", late.load(name), late.help)
    return "\n".join(parts)


def _described(path: str, command: Any, help_: str) -> Iterator[str]:
    if not isinstance(command, TyperGroup):
        yield f"## {path}\n\n{_text(command.help or help_)}"
        yield _options(command)
        return
    yield f"## {path}\n\n{_text(help_)}"
    for name, each in command.commands.items():
        yield f"### {path} {name}\n\n{_text(each.help or '')}"
        yield _options(each)


def _text(help_: str) -> str:
    """A docstring as paragraphs; its example as a line of code."""
    paragraphs = [" ".join(part.split()) for part in inspect.cleandoc(help_).split("\n\n")]
    lines = [f"`{part.removeprefix('Example: ')}`" if part.startswith("Example: ") else part for part in paragraphs]
    return "\n\n".join(lines) + "\n"


def _options(command: Any) -> str:
    common = {option.name for option in common_options()} | {"help"}
    own = [param for param in command.params if param.name not in common and not getattr(param, "hidden", False)]
    return _table(own) if own else ""


def _table(params: list[Any]) -> str:
    rows = "".join(
        f"| {_name(param)} | {_default(param)} | {_cell(getattr(param, 'help', ''))} |\n" for param in params
    )
    return f"| option | default | what it is |\n|---|---|---|\n{rows}"


def _name(param: Any) -> str:
    several = "..." if param.multiple or param.nargs == -1 else ""
    value = (param.metavar or "VALUE").replace("...", "").replace("|", "/")
    if param.param_type_name == "argument":
        return f"`{value if param.metavar else param.name.upper()}{several}`"
    flags = "/".join([*param.opts, *param.secondary_opts])
    return f"`{flags}`" if param.is_flag else f"`{flags} {value}{several}`"


def _default(param: Any) -> str:
    if param.required:
        return "needed"
    plain = param.default is not None and not callable(param.default) and param.default not in (False, (), [])
    return f"`{_cell(str(getattr(param.default, 'value', param.default)))}`" if plain else ""


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
