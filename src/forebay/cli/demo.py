"""`forebay demo`: the main job on a simulated market, from nothing but the installed program."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from forebay.cli.output import ExitCode, say, tell
from forebay.errors import StoreError

_MOVERS = (
    "select ticker, open, close, round(100 * (close / open - 1), 2) as percent, volume from stocks.bars_1d "
    "where session_date = (select max(session_date) from stocks.bars_1d) "
    "order by abs(close / open - 1) desc, ticker limit 5"
)
_STEPS = (("init",), ("plan",), ("sync",), ("status",), ("query", _MOVERS))


def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where to; it is made, and may be removed again.")] = Path(
        "demo"
    ),
) -> int:
    """Plan, fetch, check, store, prove and query a made-up market, in a folder of its own. No account, no network.

    Example: forebay demo
    """
    from forebay.sandbox.server import Sandbox

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the folder {folder} cannot be made: {error.strerror}", remedy="name another with --folder"
        ) from error
    tell(f"using a simulated vendor, in the folder {folder}/")
    with Sandbox() as vendor:
        env = {**_without_settings(), **vendor.env}
        for step in _STEPS:
            say(f"\n$ forebay {shlex.join(step)}")
            code = subprocess.run([sys.executable, "-m", "forebay", *step], cwd=folder, env=env, check=False).returncode  # noqa: S603
            if code != ExitCode.OK:
                return code
    say(f"\nnext: read its forebay.toml, or ask it more: cd {folder} && forebay bars AAPL --timeframe 5m")
    return ExitCode.OK


def _without_settings() -> dict[str, str]:
    """This process's environment without settings: a demonstration must not reach the user's ledger or buckets."""
    from forebay.settings.settings import DECLARED

    own = {name for setting in DECLARED for name in (*setting.names, "FOREBAY_ENV_FILE")}
    return {name: value for name, value in os.environ.items() if name not in own}
