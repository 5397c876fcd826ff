from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

from forebay.cli.main import COMMANDS, Forebay

HEAVY = ("polars", "pyarrow", "pandas", "numpy", "duckdb", "deltalake", "sqlalchemy", "httpx2", "pydantic", "rich")


def echoed(run, *args):
    code, out, err = run("echo", *args)
    assert (0, "") == (code, err)
    return json.loads(out)


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_import_no_data_library(flag):
    """`forebay --help` and `--version` load none of the libraries that are slow to import."""
    code = f"import sys; from forebay.cli.main import main; main([{flag!r}]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [] == [name for name in HEAVY if name in done.stderr.split()]


def test_python_m_forebay_is_forebay():
    """Both ways in say the same."""
    done = subprocess.run([sys.executable, "-m", "forebay", "--version"], capture_output=True, text=True, check=True)
    assert f"forebay {importlib.metadata.version('forebay')}\n" == done.stdout


@pytest.mark.parametrize("args", [[], ["--help"], ["-h"]])
def test_help_lists_every_command(run, args):
    """Without a command, and on request, each command is listed with its one line, none cut short."""
    code, out, err = run(*args, group=Forebay)
    assert (0, "") == (code, err)
    listed = " ".join(out.split())
    assert [] == [name for name, late in COMMANDS.items() if f"{name} {late.help}" not in listed]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(run, name):
    """Each command's --help has an example, and each accepts the common options."""
    code, out, _ = run(name, "--help", group=Forebay)
    assert 0 == code
    if "COMMAND [ARGS]" not in out:
        assert [] == [part for part in ("xample", "--env-file", "--log-level", "--log-file") if part not in out]


@pytest.mark.parametrize(
    "args",
    [
        ["--tickers", "A", "BRK.B", "NA"],
        ["--tickers", "A,BRK.B,NA"],
        ["--tickers", "A, BRK.B,", "NA"],
        ["--tickers", "A", "--tickers", "BRK.B", "--ticker", "NA"],
        ["--tickers=A,BRK.B", "--tickers=NA"],
        ["--tickers", "A", "--json", "--tickers", "BRK.B", "NA"],
    ],
)
def test_lists_take_every_form(run, args):
    """Values after one flag, with commas, and the flag again, all mean one list; case and `NA` stay as they are."""
    assert ["A", "BRK.B", "NA"] == echoed(run, *args)["tickers"]


def test_lists_end_at_the_next_flag(run):
    """What stands before the list, or after `=` or `--`, is no part of it."""
    assert ("AAPL", ["A"]) == tuple(map(echoed(run, "AAPL", "--tickers", "A").get, ("ticker", "tickers")))
    assert ("AAPL", ["A"]) == tuple(map(echoed(run, "--tickers=A", "AAPL").get, ("ticker", "tickers")))
    assert ("AAPL", ["A"]) == tuple(map(echoed(run, "--tickers", "A", "--", "AAPL").get, ("ticker", "tickers")))


@pytest.mark.parametrize("args", [["--tickers"], ["--tickers", "--json"], ["--tickers", ""], ["--tickers=,"]])
def test_an_empty_list_is_refused(run, args):
    """An empty list never means all: a shell variable that is empty must not download the market."""
    code, out, err = run("echo", *args)
    assert (2, "") == (code, out)
    assert "--tickers needs at least one value" in err


def test_other_lists(run):
    """Datasets and destinations are lists of the same kind."""
    found = echoed(run, "--datasets", "stocks/bars_1m,stocks/bars_1d", "--into", "lake", "archive")
    assert [["stocks/bars_1m", "stocks/bars_1d"], ["lake", "archive"]] == [found["datasets"], found["into"]]


@pytest.mark.parametrize("first", ["--start", "--start-date", "--start_date", "--from"])
@pytest.mark.parametrize("last", ["--end", "--end-date", "--end_date", "--to"])
def test_dates_under_their_names(run, first, last):
    """Each of the names of the two dates works, with `-` or `_`, and either end may be open."""
    found = echoed(run, first, "2024-01-02", f"{last}=2024-06-28")
    assert ["2024-01-02", "2024-06-28"] == [found["start"], found["end"]]
    assert [None, None] == list(map(echoed(run).get, ("start", "end")))


@pytest.mark.parametrize("text", ["2024-02-30", "yesterday", "01/02/2024", "20240102", "2024-01-02T00:00"])
def test_a_wrong_date_says_the_form(run, text):
    """A date of another form, or one that does not exist, names itself, the flag and the right form."""
    code, out, err = run("echo", "--start", text)
    assert (2, "") == (code, out)
    assert "--start" in err
    assert f"{text!r} is not a date of the form YYYY-MM-DD" in err


def test_flags_and_commands_take_dash_or_underscore(run):
    """`--log_level` is `--log-level`, and so for commands."""
    code, out, _ = run("group", "inner_echo", "--log_level", "warn", "--tickers", "A", "B")
    assert (0, {"tickers": ["A", "B"], "log_level": "WARNING"}) == (code, json.loads(out))


def test_common_options_before_the_command(run):
    """The options of every command also work in front of it; the one nearer to the command wins."""
    _, out, _ = run("--log-level", "error", "group", "inner-echo")
    assert "ERROR" == json.loads(out)["log_level"]
    _, out, _ = run("group", "--log-level", "error", "inner-echo")
    assert "ERROR" == json.loads(out)["log_level"]
    _, out, _ = run("--log-level", "error", "group", "inner-echo", "--log-level", "info")
    assert "INFO" == json.loads(out)["log_level"]


def test_an_env_file_on_every_command(run, working_folder):
    """--env-file names the file of settings; a flag wins over it."""
    (working_folder / "prod.env").write_text("LOG_LEVEL=ERROR\n")
    _, out, _ = run("group", "inner-echo", "--env-file", "prod.env")
    assert "ERROR" == json.loads(out)["log_level"]
    code, _, err = run("group", "inner-echo", "--env-file", "other.env")
    assert (2, True) == (code, "there is no file other.env" in err)


@pytest.mark.parametrize("name", ["partial", "leave"])
def test_done_in_part_is_three(run, name):
    """A command ends with 3 by returning it or by leaving with it."""
    assert (3, "", "") == run(name)


def test_an_error_with_a_name(run, monkeypatch):
    """What happened and what to do, on stderr, without traceback or secret; exit code 1."""
    monkeypatch.setenv("POLYGON_API_KEY", "hunter22")
    expected = "error: cannot write for ***\nnext: Free some space, ***.\n"
    assert (1, "", expected) == run("fail")


def test_wrong_use_is_two(run):
    """A UsageError ends with 2."""
    assert (2, "", "error: there is no feed 'x'\nnext: Name another.\n") == run("misuse")


def test_a_traceback_only_for_debug(run, monkeypatch):
    """--log-level DEBUG shows the traceback with its cause, secrets masked."""
    monkeypatch.setenv("POLYGON_API_KEY", "hunter22")
    code, out, err = run("fail", "--log-level", "DEBUG")
    assert (1, "") == (code, out)
    assert [True, True, False] == [text in err for text in ("Traceback", "Is a directory", "hunter22")]


def test_a_fault_of_our_own(run, monkeypatch):
    """An unexpected error is one line, where the traceback is, and how to report it; exit code 1."""
    monkeypatch.setenv("POLYGON_API_KEY", "hunter22")
    code, out, err = run("crash")
    assert (1, "") == (code, out)
    assert ["error: unexpected KeyError: '***\\nsecond line'", "next: "] == [
        err.splitlines()[0],
        err.splitlines()[1][:6],
    ]
    assert "--log-level DEBUG" in err
    assert "report" in err


def test_a_fault_of_our_own_with_a_log_file(run, working_folder, monkeypatch):
    """With a log file, the traceback is in it, without the secret, and the message names it."""
    monkeypatch.setenv("POLYGON_API_KEY", "hunter22")
    _, _, err = run("crash", "--log-file", "logs/forebay.log")
    log = (working_folder / "logs" / "forebay.log").read_text()
    assert str(working_folder / "logs" / "forebay.log") in err
    assert "Traceback" not in err
    assert [True, True, False] == [text in log for text in ("Traceback", "KeyError", "hunter22")]


def test_a_log_file_that_cannot_be_written(run, working_folder):
    """A wrong log file is named with its remedy."""
    code, _, err = run("echo", "--log-file", str(working_folder))
    assert 2 == code
    assert f"the log file {working_folder} cannot be written: Is a directory" in err
    assert "next: Correct LOG_FILE" in err


def test_ctrl_c_is_130(run):
    """An interrupt ends with 130 and one word."""
    assert (130, "", "stopped\n") == run("interrupt")


def test_another_broken_pipe_is_an_error(run):
    """Only stdout's reader may go away in silence."""
    code, _, err = run("unplugged")
    assert (1, True) == (code, "unexpected BrokenPipeError" in err)


def test_a_reader_that_goes_away():
    """`forebay ... | head` ends in silence, as SIGPIPE would end it."""
    code = "from conftest import Probes; from forebay.cli.main import main; raise SystemExit(main(['chatter'], Probes))"
    here = Path(__file__).parent
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert b"line\n" == process.stdout.readline()
        process.stdout.close()
        assert b"" == process.stderr.read()
    assert 141 == process.returncode


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["ecko"], "No such command 'ecko'. Did you mean 'echo'?"),
        (["group", "inner-eco"], "Did you mean 'inner-echo'?"),
        (["echo", "--ticker5", "A"], "No such option: --ticker5"),
        (["echo", "A", "B"], "unexpected extra argument"),
        (["--log-level", "loud", "echo"], "LOG_LEVEL=loud (flag)"),
    ],
)
def test_a_slip_on_the_command_line(run, args, expected):
    """A wrong command, option or value ends with 2, names itself, and leads to the right one."""
    code, out, err = run(*args)
    assert (2, "") == (code, out)
    assert expected in err
    assert "next: " in err
