from __future__ import annotations

import json
import logging

import pytest
import structlog

from forebay.telemetry.logs import configure_logs, write_to_log_file
from forebay.telemetry.redact import Redactor


@pytest.fixture(autouse=True)
def logs_as_before():
    """Take down what a test set up."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in before:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)
    structlog.reset_defaults()


def test_both_kinds_of_logger_come_out_alike(capsys):
    """Structlog and logging write to stderr, with time in UTC, level, name and values; nothing to stdout."""
    configure_logs("INFO")
    structlog.get_logger("forebay.a").info("file stored", rows=3)
    logging.getLogger("forebay.b").warning("disk at %d %%", 91)
    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert "" == out
    assert "Z [info" in first
    assert "file stored [forebay.a] rows=3" in " ".join(first.split())
    assert "Z [warning" in second
    assert "disk at 91 % [forebay.b]" in " ".join(second.split())
    assert "\x1b" not in err


def test_json_lines(capsys):
    """LOG_FORMAT=json: one object a line that begins with time, level and message; errors with their traceback."""
    configure_logs("INFO", style="json")
    try:
        int("no")
    except ValueError:
        structlog.get_logger("forebay").exception("failed", file="x")
    line = json.loads(capsys.readouterr().err)
    assert ["time", "level", "message"] == list(line)[:3]
    assert {"message": "failed", "level": "ERROR", "logger": "forebay", "file": "x"}.items() <= line.items()
    assert "Z" == line["time"][-1]
    assert "ValueError: invalid literal" in line["exception"]


@pytest.mark.parametrize("style", ["text", "json"])
def test_no_secret_reaches_a_log(tmp_path, capsys, style):
    """Secrets are taken out of events, values and tracebacks, on stderr and in the file."""
    configure_logs("INFO", file=tmp_path / "f.log", style=style, redact=Redactor(["hunter2", 'qu"ote']))
    try:
        int("hunter2")
    except ValueError:
        structlog.get_logger("forebay").exception("hunter2 failed", key="hunter2", other='qu"ote')
    logging.getLogger("forebay").error("with %s", "hunter2")
    shown = capsys.readouterr().err + (tmp_path / "f.log").read_text()
    assert [False, False, True] == [text in shown for text in ("hunter2", "ote", "***")]


def test_the_level_is_the_least_that_is_shown(capsys):
    """Lines below the level are not written; chatty libraries are quiet but for DEBUG."""
    configure_logs("WARNING")
    structlog.get_logger("forebay").info("hidden")
    configure_logs("INFO")
    logging.getLogger("httpx2").info("hidden")
    configure_logs("DEBUG")
    logging.getLogger("httpx2").info("shown")
    err = capsys.readouterr().err
    assert [False, 1] == ["hidden" in err, err.count("shown")]


def test_the_log_file_is_rotated(tmp_path, monkeypatch):
    """The file's folder is made, the file put aside at its size, a few old ones kept."""
    monkeypatch.setattr("forebay.telemetry.logs.FILE_BYTES", 400)
    configure_logs("INFO", file=tmp_path / "logs" / "forebay.log")
    for number in range(100):
        logging.getLogger("forebay").info("line %d", number)
    names = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert ["forebay.log", *(f"forebay.log.{number}" for number in range(1, 6))] == names
    assert "line 99" in (tmp_path / "logs" / "forebay.log").read_text()


def test_a_traceback_for_the_file_alone(tmp_path, capsys):
    """What is written to the log file alone is not on stderr; without a file there is nowhere to write it."""
    configure_logs("INFO")
    assert write_to_log_file("crashed", ValueError("no")) is None
    configure_logs("INFO", file=tmp_path / "f.log")
    assert tmp_path / "f.log" == write_to_log_file("crashed", ValueError("no"))
    assert "" == capsys.readouterr().err
    assert "ValueError: no" in (tmp_path / "f.log").read_text()
