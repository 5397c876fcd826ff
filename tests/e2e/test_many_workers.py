"""Eight worker processes on two thousand files, on SQLite and on PostgreSQL."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import date
from itertools import count

import pytest
from homes import Home
from postgres_server import create_database, postgresql

from forebay import Sandbox
from forebay.ledger import Ledger
from forebay.model.calendar import session_days
from forebay.model.catalogue import DATASETS
from forebay.model.coverage import Verdict
from forebay.testing import FakeClock

OPTIONS = DATASETS["us_options_opra/day_aggs_v1"]
DAYS = session_days("XNYS", date(2016, 1, 4), date(2026, 3, 11))[:2000]
_numbers = count()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with two thousand small files, laid out as the vendor's."""
    folder = tmp_path_factory.mktemp("vendor")
    header = ",".join(OPTIONS.columns)
    for number, day in enumerate(DAYS):
        path = folder / OPTIONS.key(day)
        path.parent.mkdir(parents=True, exist_ok=True)
        row = f"O:SPY260320C00{number:06d},1,1,1,1,1,1,1"
        path.write_bytes(gzip.compress(f"{header}\n{row}\n".encode()))
    return folder


@pytest.fixture(scope="module")
def vendor(files):
    with Sandbox(start=date(2026, 3, 2), end=date(2026, 3, 11), tickers=2, extra_files=files) as running:
        yield running


@pytest.fixture(scope="module")
def server():
    with postgresql() as folder:
        yield folder


@pytest.mark.timeout(240)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_each_file_is_transferred_once_by_many_workers(database, tmp_path, vendor, files, request):
    """None lost, none twice, no "database is locked", and every process had its share."""
    home = Home(tmp_path, vendor)
    settings = {"LOG_LEVEL": "WARNING"}
    url = f"sqlite:///{tmp_path}/data/download_tracker.db"
    if database == "postgresql":
        url = create_database(request.getfixturevalue("server"), f"many_{next(_numbers)}")
        settings["DATABASE_URL"] = url
    found = home.run("discoverer", "historical", "--start", str(DAYS[0]), "--end", str(DAYS[-1]), **settings)
    assert 0 == found.returncode, found.stderr
    before = len(vendor.requests)

    workers = [home.start("worker", "--once", "--concurrency", "2", **settings) for _ in range(8)]
    said = [worker.communicate(timeout=200)[1] for worker in workers]

    assert [0] * 8 == [worker.returncode for worker in workers], said
    assert [""] * 8 == said
    asked = Counter(one.path for one in list(vendor.requests)[before:] if one.kind == "data")
    assert {f"/flatfiles/{OPTIONS.key(day)}": 1 for day in DAYS} == asked
    archive = tmp_path / "data" / "archive"
    for day in DAYS:
        assert (files / OPTIONS.key(day)).read_bytes() == (archive / OPTIONS.key(day)).read_bytes()
    with Ledger.open(url, FakeClock()) as ledger:
        held = ledger.coverage.find("archive", OPTIONS.table, verdicts=[Verdict.COMPLETE], limit=None)
        shares = Counter(task.worker_id for task in ledger.tasks.find(limit=3000))
    assert list(DAYS) == sorted(row.partition.day for row in held)
    assert 8 == len(shares)
    assert 2000 == sum(shares.values())
