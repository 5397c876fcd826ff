"""A reader at a terminal: types what a page says, in a folder of its own, with the simulated vendor at hand."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TextIO

from blocks import ROOT, Block, Typed, typed
from shell import Said, Shell

import forebay
import forked
from forked import Forked

STAYS = ("worker", "serve", "sandbox", "stream", "consume", "ingest", "celery")
"""What runs until it is told to stop, where no flag says otherwise."""
ENDS = {"--once", "--for", "--run", "--print-env", "--help", "status", "interruptions", "inspect", "up", "down"}
ENDS |= {"--dry-run", "--test-snapshot"}
LISTENS = re.compile(r"listens on|worker_started|daemon .* started|ready\.|consuming|streaming,")
PORTS = re.compile(r"\b(?:5555|8000|8787|8790)\b")
PATIENCE = 60.0
"""Seconds for a process to be up, or to end: it takes one or two; a machine may be busy."""


@dataclass
class Session:
    """One reader. `env` is the terminal's: what a page exports stays."""

    shell: Shell
    folder: Path
    env: dict[str, str]
    names: dict[str, object] = field(default_factory=dict)
    """What the page's Python has defined so far."""
    running: list[Running] = field(default_factory=list)
    ports: dict[str, str] = field(default_factory=dict)
    """Ports of the page, and the free ones that are taken instead."""

    def read(self, page: list[Block]) -> None:
        """Do what each block says, from top to bottom; what runs behind a `&` ends with the page."""
        try:
            for block, after in zip(page, [*page[1:], None], strict=True):
                for line in block.first:
                    self._type(typed(line, []), block)
                if not block.not_run:
                    self._do(block, after.text if after and after.language == "output" else "")
        finally:
            while self.running:
                self.running.pop().end()
            if any(self.folder.glob("data/services/*.pid")):
                self._bash("forebay workers down")

    def _do(self, block: Block, printed: str) -> None:
        if block.title:
            (self.folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / block.title).write_text(block.text + "\n", "utf-8")
        elif block.language == "python":
            said = self._python(block)
            if printed:
                _compare(printed.splitlines(), said, block)
        for command in block.commands():
            self._type(command, block)

    def _type(self, command: Typed, block: Block) -> None:
        said = self._run(self._here(command.line))
        why = f"{block.where}: `{command.line}` ended with {said.code}, not {command.codes}:\n{said.all}"
        assert said.code in command.codes, why
        _compare([self._here(line) for line in command.shown], said.all, block)

    def _here(self, text: str) -> str:
        """With ports that are free: somebody else may serve on those of the page."""
        for port in PORTS.findall(text):
            self.ports.setdefault(port, str(free_pair()))
        return PORTS.sub(lambda found: self.ports[found[0]], text)

    def _run(self, line: str) -> Said:
        given, words = _split(line.replace(".venv/bin/forebay", "forebay"))
        if line.endswith("&") and not line.endswith("&&"):
            self.running.append(Running(line.removesuffix("&"), self.folder, self.env))
            return Said(0, self.running[-1].said, "")
        if words and _stays(words):
            return Running(line, self.folder, self.env).end()
        if words and words[0] == "forebay":
            self.shell.env = {**self.env, **given}
            return self.shell(*words[1:])
        return self._bash(line)

    def _bash(self, line: str) -> Said:
        """Anything else, by bash; what it exports is kept, as a terminal does."""
        kept = self.folder / ".env-of-the-terminal"
        script = f"{line}\nended=$?\nenv -0 > {kept}\nexit $ended"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        if kept.exists():
            pairs = (item.partition("=") for item in kept.read_text("utf-8").split("\0") if item)
            self.env = {name: value for name, _, value in pairs}
            kept.unlink()
        return Said(done.returncode, done.stdout, done.stderr)

    def _python(self, block: Block) -> str:
        """Run it where the page's Python stands; what it printed. A question of which nothing is held is a fault."""
        code = compile("\n" * block.number + self._here(block.text), str(ROOT / block.page), "exec")
        out = StringIO()
        with self.shell.patch.context() as patch, contextlib.redirect_stdout(out), warnings.catch_warnings():
            for name, value in self.env.items():
                patch.setenv(name, value)
            shown = "NotHeld" in block.text
            warnings.simplefilter("ignore" if shown else "error", forebay.NotHeld)
            exec(code, self.names)
        return out.getvalue()


class Running:
    """A process that stays. Made when it is up."""

    def __init__(self, line: str, folder: Path, env: Mapping[str, str]) -> None:
        self.said, self.line, self._up = "", line, threading.Event()
        self._process = _start(line, folder, env)
        streams = [stream for stream in (self._process.stdout, self._process.stderr) if stream]
        self._readers = [threading.Thread(target=self._read, args=(stream,)) for stream in streams]
        for reader in self._readers:
            reader.start()
        if not self._up.wait(PATIENCE) or self._process.poll() is not None:
            self.end()
            raise AssertionError(f"`{line}` is not up:\n{self.said}")

    def _read(self, stream: TextIO) -> None:
        with stream:
            for text in stream:
                self.said += text
                if LISTENS.search(text):
                    self._up.set()
        self._up.set()

    def end(self) -> Said:
        """Tell it to stop, and see it end in order."""
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            for reader in self._readers:
                reader.join(PATIENCE)
        return Said(0 if code == -signal.SIGTERM else code, self.said, "")  # uvicorn ends, then dies of the signal


def _start(line: str, folder: Path, env: Mapping[str, str]) -> subprocess.Popen[str] | Forked:
    given, words = _split(line)
    if words and words[0] == "forebay":
        return forked.forebay(*words[1:], cwd=folder, env={**env, **given})
    return subprocess.Popen(
        ["bash", "-c", f"exec {line}"], cwd=folder, env={**env, "PYTHONUNBUFFERED": "1"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def free_pair() -> int:
    """A free port whose successor is free, too: the simulated vendor's stream takes that one."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError, OverflowError):
                two.bind(("127.0.0.1", one.getsockname()[1] + 1))
                return one.getsockname()[1]


def terminal(env: Mapping[str, str]) -> dict[str, str]:
    """A terminal's environment: this machine's, without settings, with `forebay` on the path, and with `env`."""
    from forebay.settings.settings import DECLARED

    settings = {name for setting in DECLARED for name in setting.names}
    own = {name: value for name, value in os.environ.items() if name not in settings and not name.startswith("PYTEST")}
    return {**own, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "200", **env}


def _split(line: str) -> tuple[dict[str, str], list[str]]:
    """`A=B forebay sync` as ({"A": "B"}, ["forebay", "sync"]); no words for what only a shell understands."""
    if re.search(r"[|&;<>$`()*\n]", re.sub(r"'[^']*'|\"[^\"$`]*\"", "", line)):
        return {}, []
    words = shlex.split(line)
    given = {}
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        name, _, value = words.pop(0).partition("=")
        given[name] = value
    return given, words


def _stays(words: list[str]) -> bool:
    name = words[1] if words[0] == "forebay" and len(words) > 1 else words[0]
    if name == "ingest":
        return "--daemon" in words
    return name in STAYS and not ENDS & set(words)


def _compare(shown: list[str], said: str, block: Block) -> None:
    """Each line that the page shows is said; `...` stands for anything."""
    lines = [line.rstrip() for line in said.splitlines()]
    for line in shown:
        form = ".*".join(re.escape(part) for part in line.rstrip().split("..."))
        assert any(re.fullmatch(form, each) for each in lines), f"{block.where} shows {line!r}; said was:\n{said}"
