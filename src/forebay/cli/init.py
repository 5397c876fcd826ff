"""`forebay init`: the folders, the ledger's schema and a commented forebay.toml."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import typer

from forebay.cli.options import load_settings
from forebay.cli.output import ExitCode, say
from forebay.errors import StoreError
from forebay.feeds_file import FEEDS_FILE


def init(ctx: typer.Context) -> int:
    """Make the folders, the ledger and a commented forebay.toml. Changes nothing that is there.

    Example: forebay init
    """
    settings = load_settings(ctx)
    from forebay.app import open_app

    with open_app(settings) as app:
        app.make_folders()
        say(f"ledger: {_from_here(app.ledger.database.name)}")
        say(f"lake: {app.lake_home.uri}")
    if FEEDS_FILE.exists():
        say(f"feeds: {FEEDS_FILE} is there already")
    else:
        _write_example()
        say(f"feeds: wrote {FEEDS_FILE}; edit it, then run `forebay plan`")
    return ExitCode.OK


def _from_here(database: str) -> str:
    """A file below the working folder as it would be typed here, as the lake's folder is; else what it is called."""
    path, here = Path(database), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else database


def _write_example() -> None:
    try:
        FEEDS_FILE.write_text(files("forebay.cli").joinpath("example.toml").read_text("utf-8"), "utf-8")
    except OSError as error:
        raise StoreError(
            f"{FEEDS_FILE} cannot be written here: {error.strerror}", remedy="work in a folder that you may write to"
        ) from error
