"""Writes into wheels and source distributions which revision they were built from, where that can be known."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAME = "src/forebay/REVISION"


class RevisionHook(BuildHookInterface):
    """FOREBAY_REVISION, or git's word for the checkout, or what the source distribution already says."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file to what is built; an editable installation has none."""
        revision = os.environ.get("FOREBAY_REVISION") or self._git()
        if version == "editable" or not revision:
            return
        self._folder = Path(mkdtemp())
        file = self._folder / "REVISION"
        file.write_text(revision + "\n", "utf-8")
        build_data["force_include"][str(file)] = NAME if self.target_name == "sdist" else "forebay/REVISION"

    def finalize(self, *_: Any) -> None:
        """Tidy up."""
        shutil.rmtree(getattr(self, "_folder", ""), ignore_errors=True)

    def _git(self) -> str:
        if not (Path(self.root) / ".git").exists():
            return ""
        command = ["git", "-C", self.root, "describe", "--always", "--dirty", "--exclude=*"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        return done.stdout.strip()
