"""The command line in this process: as typed, but without the second that an interpreter needs to start."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from homes import HastyClock

from forebay.cli.main import main
from forebay.clock import Clock
from forebay.settings.settings import DECLARED

HELD = ("--datasets", "stocks/bars_1d", "--start", "2026-03-02", "--end", "2026-03-04")
MORE = ("--datasets", "stocks/bars_1d,stocks/bars_1m", "--start", "2026-02-19", "--end", "2026-03-06")
ONE = ("--datasets", "stocks/bars_1d", "--tickers", "AAPL", "--start", "2026-03-05", "--end", "2026-03-06")
"""What bad-input tests hold, and what they ask for on top."""


@dataclass(frozen=True)
class Said:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


@dataclass
class Shell:
    """Types command lines in a folder of its own, with the settings in `env`. Waits cost no time."""

    patch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture
    env: dict[str, str]
    clock: Clock = field(default_factory=HastyClock)
    said: list[Said] = field(default_factory=list)

    def __call__(self, *args: str, **env: str) -> Said:
        """Run one command line; `env` is set for it alone, an empty value unsets."""
        with self.patch.context() as patch, _own_log_handlers():
            patch.setattr("forebay.app.wired.SystemClock", lambda: self.clock)
            for item in DECLARED:
                for name in item.names:
                    patch.delenv(name, raising=False)
            for name, value in {**self.env, **env}.items():
                patch.setenv(name, value)
            self.capsys.readouterr()
            code = main(args)
            self.said.append(Said(code, *self.capsys.readouterr()))
        return self.said[-1]

    def refuses(self, *args: str, code: int = 2, says: str, next_step: str, **env: str) -> Said:
        """Run what must end with `code`, one error that says `says`, a next step, no data and no traceback."""
        said = self(*args, **env)
        assert code == said.code, said.all
        assert "Traceback" not in said.all
        assert "fault in Forebay" not in said.err
        errors = [line for line in said.err.splitlines() if line.startswith("error: ")]
        assert 1 == len(errors), said.err
        assert says in said.err.partition("error: ")[2]
        assert next_step in said.err.partition("\nnext: ")[2]
        return said


@contextmanager
def _own_log_handlers() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in before:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)
