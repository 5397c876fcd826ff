"""Tells whether a file lies on a network file system, where SQLite's locks cannot be relied on."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

_KERNEL = ("nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "glusterfs", "lustre", "gpfs", "beegfs")
_FUSE = ("sshfs", "s3fs", "rclone", "glusterfs", "ceph", "davfs", "juicefs")
NETWORK = frozenset(_KERNEL) | {f"fuse.{name}" for name in _FUSE}
"""Names of file systems, as /proc/self/mounts has them, that several machines see."""

_MOUNTS = Path("/proc/self/mounts")
_ESCAPED = re.compile(r"\\([0-7]{3})")


def network_drive(path: Path, mounts: str) -> str | None:
    """The type of the network file system that the absolute `path` lies on; None for any other.

    `mounts` is text as in /proc/self/mounts: device, mount point, type and more in a line, blanks in octal.
    """
    points: dict[PurePosixPath, str] = {}
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        points[PurePosixPath(_plain(point))] = kind  # the last mounted on a point is the one seen
    place = PurePosixPath(path)
    kind = next((points[part] for part in (place, *place.parents) if part in points), "")
    return kind if kind in NETWORK else None


def _plain(point: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), point)


def drive_of(path: Path) -> str | None:
    """`network_drive` by this machine's mounts; None where they cannot be read (macOS)."""
    try:
        mounts = _MOUNTS.read_text(errors="surrogateescape")
    except OSError:
        return None
    return network_drive(path.resolve(), mounts)
