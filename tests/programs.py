"""Programs of the system that tests run."""

from __future__ import annotations

import os
import shutil

import pytest


def need(name: str) -> str:
    """The name of a program. Skips the test where it is not installed, or fails it where everything must be there."""
    if shutil.which(name) is None:
        why = f"{name} is not installed (apt-get install {name})"
        if os.environ.get("FOREBAY_REQUIRE_SERVERS") == "1":
            pytest.fail(why)
        pytest.skip(why)
    return name
