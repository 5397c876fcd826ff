"""A simulated vendor, and a user's archive of it: in a folder, or in a bucket on a real S3 server."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "e2e"))

from homes import END, START, Home
from places import BucketPlace, FolderPlace, Keeper
from s3_server import a_bucket
from shell import Shell

from forebay import Sandbox


@pytest.fixture(scope="session")
def own_files(tmp_path_factory):
    """What lies here under a vendor's key takes the place of the vendor's file."""
    folder = tmp_path_factory.mktemp("own_files")
    first = folder / "global_crypto/trades_v1/2026/03/2026-03-01.csv.gz"
    first.parent.mkdir(parents=True)
    first.write_bytes(gzip.compress(b"ticker\n", mtime=0))
    return folder


@pytest.fixture(scope="session")
def vendor(own_files):
    """A simulated vendor with every plan's data and no faults."""
    with Sandbox(start=START, end=END, tickers=12, extra_files=own_files) as running:
        yield running


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    """Where the first test that fills an archive in a folder leaves a copy for the others."""
    return tmp_path_factory.mktemp("filled") / "data"


@pytest.fixture
def publish(own_files):
    """Lets the vendor publish a file anew, from the bytes of another; undone afterwards."""
    put = []

    def publish(key, text):
        path = own_files / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text, mtime=0))
        put.append(path)

    yield publish
    for path in put:
        path.unlink()


@pytest.fixture
def bucket():
    with a_bucket() as made:
        yield made


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path):
    """Where the archive is."""
    if request.param == "folder":
        return FolderPlace(tmp_path / "data" / "archive")
    return BucketPlace(request.getfixturevalue("bucket"))


@pytest.fixture
def folder(tmp_path):
    """An archive in a folder, where the kind of store does not matter."""
    return FolderPlace(tmp_path / "data" / "archive")


@pytest.fixture
def type_commands(tmp_path, vendor, filled, monkeypatch, capsys):
    """Makes the command line of a user whose archive is at a place."""
    monkeypatch.chdir(tmp_path)

    def type_at(place):
        home = Home(tmp_path, vendor)
        shell = Shell(monkeypatch, capsys, {**vendor.env, "FOREBAY_HOME": "data", **place.env})
        return Keeper(shell, place, home, filled)

    return type_at


@pytest.fixture
def keeper(type_commands, place):
    """A user with an empty archive, at either kind of place."""
    return type_commands(place)


@pytest.fixture
def local(type_commands, folder):
    """A user with an empty archive in a folder."""
    return type_commands(folder)
