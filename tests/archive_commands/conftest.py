"""A simulated vendor, and a user's archive of it: in a folder, or in a bucket on a real S3 server."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "e2e"))

from homes import END, START, Home  # noqa: E402 - found by the line above
from places import BucketPlace, FolderPlace, Keeper  # noqa: E402
from s3_server import a_bucket  # noqa: E402
from shell import Shell  # noqa: E402

from forebay import Sandbox  # noqa: E402


@pytest.fixture(scope="module")
def vendor():
    """A simulated vendor with every plan's data and no faults."""
    with Sandbox(start=START, end=END, tickers=12) as running:
        yield running


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
def type_commands(tmp_path, vendor, monkeypatch, capsys):
    """Makes the command line of a user whose archive is at a place."""
    monkeypatch.chdir(tmp_path)

    def type_at(place):
        home = Home(tmp_path, vendor)
        shell = Shell(monkeypatch, capsys, {**vendor.env, "FOREBAY_HOME": "data", **place.env})
        return Keeper(shell, place, home)

    return type_at


@pytest.fixture
def keeper(type_commands, place):
    """A user with an empty archive, at either kind of place."""
    return type_commands(place)


@pytest.fixture
def local(type_commands, folder):
    """A user with an empty archive in a folder."""
    return type_commands(folder)
