"""Where a file is: SQLite needs locks and shared memory that network file systems do not keep
(sqlite.org/wal.html, "all processes using a database must be on the same host computer")."""

import os
import re

_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|afs|ncpfs|9p|ceph|glusterfs|lustre|gpfs|fuse\.(sshfs|s3fs|rclone|gcsfuse)"
)
_MOUNTS = "/proc/self/mountinfo"


def network_file_system(path: str) -> str | None:
    """The kind of network file system that a path lies on; None if none, or where nobody tells."""
    best, kind = "", None
    folder = os.path.realpath(os.path.dirname(os.path.abspath(path)))
    for mount, found in _mounts():
        inside = folder == mount or folder.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, found
    return kind if kind is not None and _NETWORK.fullmatch(kind) else None


def _mounts() -> list[tuple[str, str]]:
    """Every mount point and its kind (proc(5), mountinfo)."""
    try:
        with open(_MOUNTS, encoding="utf-8", errors="replace") as lines:
            return [_mount(line) for line in lines if " - " in line]
    except OSError:
        return []


def _mount(line: str) -> tuple[str, str]:
    before, _, after = line.partition(" - ")
    place = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), before.split()[4])
    return place, after.split()[0]
