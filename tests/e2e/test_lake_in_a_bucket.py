"""The lake in a bucket, by command line: everything that is done with one in a folder, and stores that are no home."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from s3_server import ABucket, a_bucket
from shell import HELD, Shell

from forebay import Lake
from s3_gate import Gate, a_gate

TABLES = ("stocks/bars_1d", "stocks/bars_1m")
SYNC = ("sync", "--datasets", ",".join(TABLES), "--start", "2026-03-02", "--end", "2026-03-04")


@pytest.fixture
def bucket() -> Iterator[ABucket]:
    with a_bucket() as made:
        yield made


def lake_in(bucket: ABucket, endpoint: str = "") -> dict[str, str]:
    """The settings for a lake there."""
    return {
        "LAKE_URI": f"s3://{bucket.name}/market",
        "AWS_ENDPOINT_URL": endpoint or bucket.endpoint,
        "AWS_ACCESS_KEY_ID": bucket.key_id,
        "AWS_SECRET_ACCESS_KEY": bucket.secret,
    }


def lake_of(bucket: ABucket) -> Lake:
    """The same lake, for a user of the library."""
    options = {"endpoint_url": bucket.endpoint, "access_key_id": bucket.key_id, "secret_access_key": bucket.secret}
    return Lake(f"s3://{bucket.name}/market", options)


def test_a_sync_into_a_bucket_is_a_sync_into_a_folder(shell: Shell, bucket: ABucket) -> None:
    """The same rows by digest, nothing else under the bucket's prefix, and a second sync with nothing to do."""
    there = lake_in(bucket)
    assert 0 == shell(*SYNC).code
    said = shell(*SYNC, FOREBAY_HOME="other", **there)

    assert 0 == said.code, said.all
    again = shell(*SYNC, FOREBAY_HOME="other", **there)
    assert 0 == again.code, again.all
    here = Lake("data/lake")
    for table in TABLES:
        assert here.digest(table) == lake_of(bucket).digest(table)
    keys = bucket.keys()
    assert {"market"} == {key.partition("/")[0] for key in keys}
    assert "_forebay" not in " ".join(keys)
    assert bucket.secret not in "".join(each.all for each in shell.said)


def test_what_is_in_a_bucket_is_read_and_rebuilt(shell: Shell, bucket: ABucket) -> None:
    """`bars`, `query`, `status`, `doctor` and `ledger rebuild` take the lake from where it is."""
    there = lake_in(bucket)
    assert 0 == shell("sync", *HELD, **there).code
    query = "select count(*) as n from stocks.bars_1d"

    rows = json.loads(shell("query", query, "--json", **there).out)
    bars = json.loads(shell("bars", "AAPL", "--start", "2026-03-02", "--end", "2026-03-04", "--json", **there).out)
    findings = {each["subject"]: each for each in json.loads(shell("doctor", "--json", **there).out)}
    before = json.loads(shell("status", "--json", **there).out)["covered"]
    assert 0 == shell("ledger", "rebuild", **there).code

    assert 3 == len(bars)
    assert rows[0]["n"] == lake_of(bucket).rows("stocks/bars_1d").collect().height > 3
    assert ("ok", f"s3://{bucket.name}/market: stocks/bars_1d") == (
        findings["lake"]["health"],
        findings["lake"]["detail"],
    )
    assert before == json.loads(shell("status", "--json", **there).out)["covered"]


@pytest.mark.parametrize("command", ["compact", "vacuum"])
def test_a_prefix_with_nothing_is_no_lake(shell: Shell, bucket: ABucket, command: str) -> None:
    """A mistyped LAKE_URI has no work to do because it is no lake, which is said, and nothing is put there."""
    says = f"there is no lake at s3://{bucket.name}/market"
    shell.refuses("lake", command, code=1, says=says, next_step="check the path (LAKE_URI)", **lake_in(bucket))
    assert [] == list(bucket.keys())


def test_stores_that_are_no_home(shell: Shell, bucket: ABucket) -> None:
    """One that refuses the condition, one that ignores it, one that is away, and wrong keys: one error each."""
    with a_gate(bucket.endpoint) as gate:
        there = lake_in(bucket, gate.url)
        for change, says, next_step in (
            (_refuse, "refuses conditional puts (501 NotImplemented)", "LAKE_URI=data/lake"),
            (_ignore, "ignores the condition of a put", "LAKE_URI=data/lake"),
            (_lock_out, "does not accept the keys", "AWS_ACCESS_KEY_ID"),
        ):
            change(gate)
            shell.refuses("sync", *HELD, code=1, says=says, next_step=next_step, **there)
            (found,) = [
                each for each in json.loads(shell("doctor", "--json", **there).out) if each["subject"] == "lake"
            ]
            assert ("fault", True) == (found["health"], says in found["detail"])
        assert [] == bucket.keys()
    shell.refuses("bars", "AAPL", code=1, says="no good answer about s3://", next_step="check the network", **there)


def _refuse(gate: Gate) -> None:
    gate.refuses = (501, "NotImplemented")


def _ignore(gate: Gate) -> None:
    gate.refuses, gate.ignores = None, True


def _lock_out(gate: Gate) -> None:
    gate.forbids = lambda method, path: (403, "InvalidAccessKeyId")
