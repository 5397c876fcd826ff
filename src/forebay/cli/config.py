"""`forebay config`: what is set, and by whom."""

from __future__ import annotations

import typer

from forebay.cli.options import Json, load_settings
from forebay.cli.output import print_json, print_table

app = typer.Typer(help="Show the settings and where each came from.")


@app.callback()
def _group() -> None:
    """Show the settings and where each came from."""


@app.command()
def show(ctx: typer.Context, *, json: Json = False) -> None:
    """Print every setting, its value and where that came from. Secrets are masked.

    Example: forebay config show --env-file prod.env
    """
    entries = list(load_settings(ctx).entries())
    if json:
        print_json(entries)
        return
    print_table(("setting", "value", "from"), [(entry.name, entry.value or None, entry.origin) for entry in entries])
