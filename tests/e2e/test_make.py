"""The verbs of the Makefile: which job each one does. What the jobs do has tests of its own."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERBS = (
    "up", "down", "worker", "flower", "logs", "logs-worker", "status", "discover", "discover-all", "enqueue-batch",
    "test-ticker", "run-full",
)  # fmt: skip


def recipe(*arguments: str) -> str:
    """What make would do."""
    command = ["make", "--dry-run", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ, check=True, capture_output=True, text=True).stdout


def test_run_is_the_main_job():
    """With nothing said it is the first run of a newcomer."""
    said = recipe("run")

    assert "examples/first_run.sh" in said
    assert "pipeline.sh" not in said


@pytest.mark.parametrize("arguments", [("WORKERS=6", "TICKERS=100"), ("WORKERS=6",), ("TICKERS=100",)])
def test_run_with_numbers_is_the_pipeline(arguments):
    """Workers or tickers on the command line make it the pipeline."""
    said = recipe("run", *arguments)

    assert "examples/pipeline.sh run" in said
    assert "first_run.sh" not in said


def test_a_number_in_the_environment_leaves_run_alone(monkeypatch):
    """WORKERS is a setting, too: having set it does not turn the main job into another."""
    monkeypatch.setenv("WORKERS", "6")

    assert "examples/first_run.sh" in recipe("run")


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_of_the_pipeline_has_its_job(verb):
    """And the script knows it."""
    cases = re.findall(r"^([a-z |-]+)\)", (ROOT / "examples" / "pipeline.sh").read_text(), flags=re.MULTILINE)

    assert f"examples/pipeline.sh {verb}\n" in recipe(verb)
    assert verb in " | ".join(cases).split(" | ")


def test_workers_is_another_name_of_up():
    """Users know both."""
    assert "examples/pipeline.sh up\n" in recipe("workers")


def test_clean_keeps_data_unless_told():
    """Services stop, litter goes; data go with DATA=1 alone."""
    assert "rm -rf demo" not in recipe("clean")
    assert "rm -rf demo data universe" in recipe("clean", "DATA=1")
