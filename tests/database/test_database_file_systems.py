"""On network file systems SQLite must not share memory between processes."""

import sqlite3
from pathlib import Path

import pytest

from liface.database import Database
from liface.database.file_systems import is_on_network

MOUNTS = """/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
tmpfs /home/me/local tmpfs rw 0 0
lustre@tcp:/scratch /scratch/big\\040disk lustre rw 0 0
short
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/data/r.db", False),
        ("/home/me/r.db", True),
        ("/home/me/local/r.db", False),
        ("/homework/r.db", False),
        ("/scratch/big disk/r.db", True),
    ],
)
def test_the_nearest_mount_decides(path, expected, tmp_path):
    (tmp_path / "mounts").write_text(MOUNTS)
    assert is_on_network(Path(path), tmp_path / "mounts") is expected


def test_where_the_system_does_not_say(tmp_path):
    assert is_on_network(Path("/home/r.db"), tmp_path / "none") is False


@pytest.mark.parametrize(("network", "mode"), [(False, "wal"), (True, "delete")])
def test_the_journal_suits_the_file_system(network, mode, tmp_path, monkeypatch):
    monkeypatch.setattr("liface.database.sqlite.is_on_network", lambda path: network)
    for _ in range(2):
        with Database(tmp_path / "r.db") as database:
            assert database.count("calculations") == 0
        with sqlite3.connect(tmp_path / "r.db") as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone()[0] == mode
