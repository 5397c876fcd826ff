from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from forebay.cli.frame import Late, LateGroup
from forebay.cli.main import main

NAMES = ("echo", "partial", "leave", "fail", "misuse", "crash", "interrupt", "unplugged", "chatter", "group")


class Probes(LateGroup):
    """Commands of the tests behind the real door."""

    late: ClassVar = {name: Late(f"probes:{name}", f"Probe {name}.") for name in NAMES}


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    """An empty working folder, no setting of the machine's own, and log handlers taken down afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    for name in ("LOG_LEVEL", "LOG_FILE", "LOG_FORMAT", "POLYGON_API_KEY", "MASSIVE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield tmp_path
    for handler in root.handlers[:]:
        if handler not in before:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)
    sys.modules.pop("probes", None)


@pytest.fixture
def run(capsys):
    """Run a command line behind the real door: exit code, stdout, stderr."""

    def run(*args, group=Probes):
        code = main(args, group)
        out, err = capsys.readouterr()
        return code, out, err

    return run
