from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from asking import get, keys, raw, rest

from forebay.errors import UsageError
from forebay.sandbox.server import Sandbox
from forebay.testing import FakeClock


def test_it_starts_at_once() -> None:
    """Ten thousand tickers and five years cost less than a second of work until they are asked for."""
    begun = time.process_time()
    with Sandbox(tickers=10_000, start=date(2021, 10, 1)) as vendor, rest(vendor) as client:
        assert client.get("/v1/nothing").status_code == 404
    assert time.process_time() - begun < 1.0


def test_requests_are_logged_by_kind() -> None:
    """The log tells listings, heads, data and reference apart, and holds no key."""
    with Sandbox(tickers=2, clock=FakeClock(datetime(2025, 10, 6, 17, tzinfo=UTC))) as vendor:
        key = keys(vendor, "us_indices/day_aggs_v1/")[0]
        raw(vendor, key)
        get(vendor, "/v2/aggs/ticker/AAPL/prev", apiKey=vendor.env["POLYGON_API_KEY"])
        get(vendor, "/v3/reference/splits")
        log = vendor.requests
    assert ["listing", "data", "data", "reference"] == [one.kind for one in log]
    assert [200] * 4 == [one.status for one in log]
    assert "apiKey=..." in log[2].query


def test_a_request_log_file_holds_json_lines(tmp_path: Path) -> None:
    """With `request_log` each request is a line of JSON in that file."""
    path = tmp_path / "requests.jsonl"
    with Sandbox(tickers=2, request_log=path) as vendor:
        get(vendor, "/v3/reference/exchanges")
    (line,) = path.read_text().splitlines()
    assert ("/v3/reference/exchanges", 200) == (json.loads(line)["path"], json.loads(line)["status"])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"vendor_plan": "gold"}, "gold"),
        ({"tickers": 0}, "0 tickers"),
        ({"port": 70_000}, "70000"),
        ({"start": date(2025, 10, 2), "end": date(2025, 10, 1)}, "2025-10-01"),
        ({"faults": [{"kind": "flood"}]}, "flood"),
        ({"faults": "nowhere.toml"}, "nowhere.toml"),
        ({"request_log": Path("nowhere/log")}, "nowhere"),
        ({"stream_speed": 0.5}, "0.5"),
        ({"port": 65_535}, "65536"),
        ({"stream_from": datetime(2026, 3, 5, 15)}, "time zone"),
        (
            {"stream_from": datetime(2026, 3, 6, tzinfo=UTC), "stream_until": datetime(2026, 3, 5, tzinfo=UTC)},
            "2026-03-05",
        ),
    ],
)
def test_wrong_settings_are_named(wrong: dict, words: str) -> None:
    """Each wrong setting is a usage error that names it and says what to do."""
    with pytest.raises(UsageError, match=words) as caught:
        Sandbox(**wrong)
    assert caught.value.remedy


def test_a_taken_port_is_named() -> None:
    """A second sandbox on one port says so."""
    with Sandbox(tickers=2) as vendor, pytest.raises(UsageError, match=str(vendor.port)):
        Sandbox(tickers=2, port=vendor.port).start()


def test_keys_depend_on_the_seed_and_stay_out_of_sight() -> None:
    """Another seed has other keys; no repr shows one."""
    one, other = Sandbox(seed=1), Sandbox(seed=2)
    for name in ("POLYGON_API_KEY", "POLYGON_S3_ACCESS_KEY_ID", "POLYGON_S3_SECRET_ACCESS_KEY"):
        assert one.env[name] != other.env[name]
        assert one.env[name] not in repr(vars(one))


def _run(*args: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from forebay.cli.main import main; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=60, check=False)


def test_the_command_prints_working_settings() -> None:
    """`--print-env` prints the settings of a sandbox on that port and starts none."""
    printed = _run("sandbox", "--port", "9123", "--seed", "5", "--print-env")
    expected = Sandbox(seed=5, port=9123).env
    assert printed.returncode == 0
    assert [f"export {name}={value}" for name, value in expected.items()] == printed.stdout.splitlines()


def test_the_command_knows_speeds() -> None:
    """A speed that is none is wrong usage, and named."""
    refused = _run("sandbox", "--stream-speed", "warp")
    assert (2, True) == (refused.returncode, "warp is not a speed" in refused.stderr)


def test_the_command_serves_until_it_is_interrupted() -> None:
    """`forebay sandbox` says where it listens, answers there, and ends on Ctrl-C."""
    code = "import sys; from forebay.cli.main import main; sys.exit(main())"
    args = [sys.executable, "-c", code, "sandbox", "--port", "0", "--tickers", "2"]
    with subprocess.Popen(args, stderr=subprocess.PIPE, text=True, env={**os.environ}) as process:
        url = process.stderr.readline().split("listens on ")[1].split()[0]
        with Sandbox(seed=1) as twin, rest(twin) as client:
            answer = client.get(f"{url}/v3/reference/exchanges")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert answer.status_code == 200
