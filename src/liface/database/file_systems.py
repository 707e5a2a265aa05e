"""What kind of file system a file lies on."""

from __future__ import annotations

from pathlib import Path

NETWORK = frozenset(
    ("nfs", "nfs4", "lustre", "gpfs", "beegfs", "ceph", "fuse.ceph", "cifs", "smb3", "afs", "orangefs", "glusterfs",
     "fuse.glusterfs", "panfs", "wekafs")
)  # fmt: skip
MOUNTS = Path("/proc/self/mounts")


def is_on_network(path: Path, mounts: Path = MOUNTS) -> bool:
    """Tell whether other machines may see a file as well; False where the system does not say."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    target = path.absolute()
    best, kind = -1, ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(fields[1].replace("\\040", " "))
        if target.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind in NETWORK
