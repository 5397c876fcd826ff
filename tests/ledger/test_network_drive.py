"""A SQLite ledger on a network drive is warned of."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from forebay.db import network_drive as drives
from forebay.db.engine import connect

MOUNTS = r"""overlay / overlay rw,relatime 0 0
proc /proc proc rw,nosuid 0 0
server:/export /data nfs4 rw,vers=4.2 0 0
/dev/sdb1 /data/local ext4 rw 0 0
//server/share /mnt/my\040share cifs rw 0 0
user@host:/ /mnt/remote fuse.sshfs rw 0 0
/dev/sdc1 /mnt/twice ext4 rw 0 0
server:/over /mnt/twice nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data/download_tracker.db", "nfs4"),
        ("/data/local/ledger.db", None),
        ("/database/ledger.db", None),
        ("/mnt/my share/ledger.db", "cifs"),
        ("/mnt/remote/a/b/ledger.db", "fuse.sshfs"),
        ("/mnt/twice/ledger.db", "nfs"),
        ("/home/ledger.db", None),
    ],
)
def test_the_nearest_mount_decides(path: str, kind: str | None) -> None:
    """The innermost mount point above the file, the last mounted there, tells the type; blanks are unescaped."""
    assert kind == drives.network_drive(Path(path), MOUNTS)


def test_no_mounts_are_no_network() -> None:
    """A system that lists none is not warned."""
    assert drives.network_drive(Path("/data/ledger.db"), "") is None


def test_this_machines_own_disk_is_none(tmp_path: Path) -> None:
    """The real list of mounts is understood, or not there."""
    assert drives.drive_of(tmp_path / "ledger.db") is None


def test_opening_a_ledger_on_one_warns(tmp_path: Path, monkeypatch, caplog) -> None:
    """The warning names the file, the file system and the way out; an ordinary disk brings none."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/export {tmp_path} nfs4 rw 0 0\n")
    with caplog.at_level(logging.WARNING):
        connect(f"sqlite:///{tmp_path}/quiet.db").close()
        assert [] == caplog.messages
        monkeypatch.setattr(drives, "_MOUNTS", mounts)
        connect(f"sqlite:///{tmp_path}/ledger.db").close()

    (message,) = caplog.messages
    assert f"{tmp_path}/ledger.db lies on a network drive (nfs4)" in message
    assert "PostgreSQL" in message
