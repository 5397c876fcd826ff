"""What every command shares: late import, lists of values, and the options that are accepted everywhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from forebay.telemetry.redact import Redactor


@dataclass(slots=True)
class Frame:
    """What the options of every command said, and what is known of the run so far. Lives in `ctx.obj`."""

    env_file: Path | None = None
    log_level: str | None = None
    log_file: Path | None = None
    redact: Callable[[str], str] = field(default_factory=Redactor)
    """Takes secrets out of a text; knows the user's own once the settings are read."""

    @property
    def debug(self) -> bool:
        """Tracebacks are wanted on stderr."""
        return (self.log_level or "").upper() == "DEBUG"


def _common(
    env_file: Annotated[
        Path | None, typer.Option("--env-file", metavar="FILE", help="Read settings from FILE instead of .env.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option("--log-level", metavar="LEVEL", help="DEBUG, INFO, WARNING or ERROR.")
    ] = None,
    log_file: Annotated[
        Path | None, typer.Option("--log-file", metavar="FILE", help="Write the log to FILE too (rotated).")
    ] = None,
) -> None:
    """Only its signature is used."""


class Command(TyperCommand):
    """A command that accepts the common options, and several values after one flag."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *common_options()]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Spread lists out, parse, and keep what the common options said."""
        rest = super().parse_args(ctx, list(spread(args, self._list_flags(ctx))))
        keep_common(ctx)
        return rest

    def _list_flags(self, ctx: Any) -> set[str]:
        options = (param for param in self.get_params(ctx) if isinstance(param, TyperOption) and param.multiple)
        return {flag for option in options for flag in option.opts}


def common_options() -> list[TyperOption]:
    """Fresh copies of the options that every command accepts."""
    options = as_command("common", _common, TyperCommand).params
    return [option for option in options if isinstance(option, TyperOption) and option.name != "help"]


def keep_common(ctx: Any) -> None:
    """Move the common options from the parsed parameters to the frame; a command need not declare them."""
    frame = ctx.ensure_object(Frame)
    for name in ("env_file", "log_level", "log_file"):
        value = ctx.params.pop(name, None)
        if value is not None:
            setattr(frame, name, value)


def spread(args: Sequence[str], list_flags: set[str]) -> Iterator[str]:
    """`--tickers A B,C` as `--tickers A --tickers B --tickers C`: values belong to a list flag up to the next flag.

    Raises typer.BadParameter for a list flag without a value: an empty list must not turn into "all".
    """
    rest = deque(args)
    while rest:
        arg = rest.popleft()
        name, equals, value = arg.partition("=")
        if arg == "--":
            yield arg
            yield from rest
            return
        if dashed(name) not in list_flags:
            yield arg
            continue
        values = [value] if equals else list(_values(rest))
        found = [one.strip() for text in values for one in text.split(",") if one.strip()]
        if not found:
            raise typer.BadParameter(f"{name} needs at least one value")
        for one in found:
            yield from (dashed(name), one)


def _values(rest: deque[str]) -> Iterator[str]:
    while rest and not rest[0].startswith("-"):
        yield rest.popleft()


def dashed(flag: str) -> str:
    """Flags and commands take `-` or `_`: `--start_date` is `--start-date`."""
    return flag.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Late:
    """A command that is imported when it is called: `module:name` of a function or a `typer.Typer`, and its help."""

    target: str
    help: str
    default: str = ""
    """Of several: the one that is meant where none is named."""

    def load(self, name: str) -> Any:
        """Import it."""
        module, attribute = self.target.split(":")
        target = getattr(import_module(module), attribute)
        if isinstance(target, typer.Typer):
            target.info.cls = Group
        command = as_command(name, target, Command)
        if self.default:
            command.default = self.default
        return command


class Group(TyperGroup):
    """A group of commands that accepts the common options in front of the command."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *common_options()]

    default: str | None = None
    """The command that is meant where none is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, and keep what the common options said."""
        if self.default and (not args or args[0] not in self.commands):
            args = [self.default, *args]
        rest = super().parse_args(ctx, args)
        keep_common(ctx)
        return rest


class LateGroup(Group):
    """A group whose help lists its commands without importing any."""

    late: ClassVar[Mapping[str, Late]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, late in self.late.items():
            self.add_command(TyperCommand(name, help=late.help, rich_markup_mode=None))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        late = self.late.get(name or "")
        return name, late.load(str(name)) if late else command, rest


def as_command(name: str, target: Any, kind: type[TyperCommand]) -> Any:
    """A function, or a `typer.Typer` with several, as a command (or group of commands) of class `kind`."""
    app = target
    if not isinstance(target, typer.Typer):
        app = typer.Typer()
        app.command(name)(target)
    app.rich_markup_mode = None
    app._add_completion = False  # noqa: SLF001 - a constructor argument without a public name
    for info in app.registered_commands:
        info.cls = kind
    command = typer.main.get_command(app)
    command.name = name
    return command
