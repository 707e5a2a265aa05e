from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from database_factories import all_results, calculation, finished_case, surface
from sqlalchemy import event

from liface.database import Database, migrations
from liface.database.migrations import MIGRATIONS, Migration, latest
from liface.errors import (
    CorruptDatabaseError,
    DatabaseError,
    DatabaseOpenError,
    DatabaseWriteError,
    SchemaVersionError,
)

NEXT = latest() + 1


def test_addresses_of_one_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Database("liface.db") as db:
        db.add_calculation(calculation())
        assert db.path == tmp_path / "liface.db" and not db.in_memory
        assert db.url == f"sqlite:///{tmp_path / 'liface.db'}"
        for target in (db.url, db.path, str(db.path), "sqlite:///liface.db"):
            with Database(target, must_exist=True) as again:
                assert again.count("calculations") == 1


@pytest.mark.parametrize("name", ["with space & ?#%41.db", "Grenzfläche-Å.db", "a:b.db"])
def test_names_with_special_characters(tmp_path, name):
    with Database(tmp_path / name) as db:
        url = db.url
    assert sorted(p.name for p in tmp_path.iterdir()) == [name]
    with Database(url, must_exist=True):
        pass


def test_memory_is_private_and_ends(tmp_path):
    with Database(":memory:") as one, Database("sqlite:///:memory:") as two:
        one.add_calculation(calculation())
        assert one.in_memory and one.count("calculations") == 1 and two.count("calculations") == 0
        assert one.path is None


def test_missing_file(tmp_path):
    for arguments in ({"must_exist": True}, {"read_only": True}):
        with pytest.raises(DatabaseOpenError, match=r"run a campaign first.*--db or LIFACE_DB"):
            Database(tmp_path / "no.db", **arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("target", "message"),
    [("no/such/folder/x.db", "create it first"), ("", "names no file"),
     ("mysql://ann:pw@host/db", "no database that liface knows"),
     (".", "is a folder"), ("a\x00b", "names no file")],
)  # fmt: skip
def test_impossible_addresses(tmp_path, monkeypatch, target, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatabaseOpenError, match=message):
        Database(target)


def test_empty_file_becomes_a_database(file):
    file.touch()
    with Database(file) as db:
        assert db.verify() == []


@pytest.mark.parametrize("content", [b"not a database", b"x" * 9000, b"SQLite format 2\x00" + b"\0" * 500])
def test_other_files_are_refused_and_left_alone(file, content):
    file.write_bytes(content)
    with pytest.raises(DatabaseOpenError, match="is not a database"):
        Database(file)
    assert file.read_bytes() == content
    assert list(file.parent.iterdir()) == [file]


def test_foreign_sqlite_file_is_refused_and_left_alone(file):
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE photos (id INTEGER)")
    connection.commit()
    connection.close()
    before = file.read_bytes()
    with pytest.raises(DatabaseOpenError, match=r"not a database of liface .*photos"):
        Database(file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_damaged_file_is_an_error_of_its_own(file):
    with Database(file) as db:
        for number in range(30):
            db.add_calculation(calculation(number))
    whole = file.read_bytes()
    file.write_bytes(whole[:100] + b"\xff" * 3000 + whole[3100:])
    with pytest.raises(CorruptDatabaseError, match="restore it from a copy"):
        Database(file)
    file.write_bytes(whole[:5000])
    # at opening, or where the missing pages are read
    with pytest.raises(DatabaseError, match="damaged"), Database(file) as db:
        db.calculations([calculation(n).calc_id for n in range(30)])


def test_damage_inside_is_found_by_verify_not_by_a_crash(file):
    with Database(file) as db:
        for number in range(60):
            db.add_calculation(calculation(number))
    whole = file.read_bytes()
    for stride in (211, 499, 997, 1499, 4096, 9001):
        for byte in (b"\xa5", b"\x00", b"\xff"):
            content = bytearray(whole)
            for start in range(len(content) // 2, len(content) - 8, stride):
                content[start : start + 8] = byte * 8
            file.write_bytes(bytes(content))
            for rest in ("-wal", "-shm"):
                file.with_name(file.name + rest).unlink(missing_ok=True)
            try:
                with Database(file) as db:
                    assert db.verify()
            except CorruptDatabaseError:
                pass


def test_newer_schema_is_refused(file):
    with Database(file):
        pass
    connection = sqlite3.connect(file)
    connection.execute("INSERT INTO liface_schema VALUES (99, 'from the future', '9.0', '2030-01-01 00:00:00.000000')")
    connection.commit()
    connection.close()
    for read_only in (False, True):
        with pytest.raises(SchemaVersionError, match=r"version 99.*upgrade liface"):
            Database(file, read_only=read_only)


def _add_note(connection) -> None:
    connection.exec_driver_sql("ALTER TABLE surfaces ADD COLUMN note VARCHAR")
    connection.exec_driver_sql("UPDATE surfaces SET note = 'old'")


def test_older_database_is_brought_forward_once(file, monkeypatch):
    with Database(file) as db:
        db.add_result(surface())
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, Migration(NEXT, "a note", _add_note)))
    with pytest.raises(
        DatabaseOpenError, match=f"schema version {NEXT - 1}, this liface needs {NEXT}; bring it up to date"
    ):
        Database(file, read_only=True)
    for _ in range(2):
        with Database(file) as db:
            assert db.schema_version == NEXT and db.results("surface") == [surface()]
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT note FROM surfaces").fetchall() == [("old",)]
    assert connection.execute("SELECT version FROM liface_schema ORDER BY 1").fetchall() == [
        (i + 1,) for i in range(NEXT)
    ]
    connection.close()


def test_migration_that_fails_leaves_the_old_version(file, monkeypatch):
    with Database(file) as db:
        db.add_result(surface())

    def breaks(connection) -> None:
        _add_note(connection)
        connection.exec_driver_sql("INSERT INTO no_such_table VALUES (1)")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, Migration(NEXT, "broken", breaks)))
    with pytest.raises(DatabaseError):
        Database(file)
    monkeypatch.undo()
    with Database(file) as db:
        assert db.schema_version == latest() and db.verify() == []
    connection = sqlite3.connect(file)
    assert "note" not in [row[1] for row in connection.execute("PRAGMA table_info(surfaces)")]
    connection.close()


def test_version_zero_grows_through_every_step(file):
    connection = sqlite3.connect(file)
    connection.execute(
        "CREATE TABLE liface_schema "
        "(version INTEGER PRIMARY KEY, description TEXT, liface_version TEXT, applied_at TEXT)"
    )
    connection.commit()
    connection.close()
    with Database(file) as db:
        db.add_result(surface())
        assert db.verify() == []


def test_migrations_are_numbered_without_gaps():
    assert [step.version for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_writes_are_refused_when_read_only_and_reading_works(file):
    with Database(file) as db:
        db.add_result(surface())
    with Database(file, read_only=True) as db:
        assert db.results("surface") == [surface()] and db.verify() == []
        with pytest.raises(DatabaseWriteError, match="opened read-only; nothing was changed"):
            db.add_calculation(calculation())
        with pytest.raises(DatabaseWriteError):
            db.forget_case("c1")


def test_reading_beside_a_writer(file):
    with Database(file) as writer, Database(file, read_only=True) as reader:
        for number in range(3):
            writer.add_calculation(calculation(number))
            assert reader.count("calculations") == number + 1


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that an unprivileged user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="liface-test-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def unprivileged(action: Callable[[], str]) -> str:
    """Run an action in a child process without the rights of root; return its answer or its error."""

    def as_nobody() -> str:
        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        return action()

    return in_child(as_nobody)


def in_child(action: Callable[[], str]) -> str:
    """Run an action in a child process; return its answer or its error."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = action()
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(send, answer.encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    return answer


needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="users and modes of POSIX")


@needs_posix
def test_read_only_file_is_read_and_not_written(public_folder):
    file = public_folder / "liface.db"
    with Database(file) as db:
        db.add_result(surface())
    file.chmod(0o444)
    public_folder.chmod(0o555)

    def read_and_write() -> str:
        with Database(file, must_exist=True) as db:
            assert db.results("surface") == [surface()]
            assert db.query("surfaces", 'material="Cu"') and db.read_only
            db.add_calculation(calculation())
        return "written"

    answer = unprivileged(read_and_write)
    assert answer.startswith("DatabaseWriteError") and "the file is read-only" in answer and "--db" in answer


@needs_posix
def test_read_only_folder(public_folder):
    def create() -> str:
        Database(public_folder / "new.db")
        return "created"

    public_folder.chmod(0o555)
    answer = unprivileged(create)
    assert answer.startswith("DatabaseOpenError") and "writable" in answer


@needs_posix
def test_unreadable_file(public_folder):
    file = public_folder / "liface.db"
    with Database(file):
        pass
    file.chmod(0o000)
    answer = unprivileged(lambda: str(Database(file)))
    assert answer.startswith("DatabaseOpenError") and "permissions" in answer


@needs_posix
def test_waiting_log_in_a_read_only_folder_is_not_ignored(public_folder):
    file = public_folder / "liface.db"
    with Database(file) as db:
        db.add_result(surface())
        copy = public_folder / "copy.db"
        shutil.copy(file, copy)
        shutil.copy(f"{file}-wal", f"{copy}-wal")
    for path in public_folder.iterdir():
        path.chmod(0o444)
    public_folder.chmod(0o555)

    def read() -> str:
        with Database(copy, must_exist=True) as db:
            return f"{db.count('surfaces')} surfaces"

    answer = unprivileged(read)
    assert answer == "1 surfaces" or "waiting in copy.db-wal" in answer


def test_write_refused_by_the_system_keeps_its_meaning(file):
    with Database(file) as db:
        db.add_calculation(calculation(0))
        event.listen(db._store.engine, "checkout", lambda c, r, p: c.execute("PRAGMA query_only=ON"))
        with pytest.raises(DatabaseWriteError, match="read-only; nothing was changed"):
            db.add_calculation(calculation(1))
        assert db.count("calculations") == 1


def test_full_disk_changes_nothing(file):
    results = all_results()
    with Database(file) as db:
        db.commit_case(finished_case(results), results)
        before = (db.info()["counts"], db.cases())
    with Database(file) as db:

        def limit(connection, record, proxy) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={pages}")

        event.listen(db._store.engine, "checkout", limit)
        more = [surface(plane=str(n), definition="x" + os.urandom(100_000).hex()) for n in range(20)]
        with pytest.raises(DatabaseWriteError, match="disk is full; nothing was changed"):
            db.commit_case(finished_case(more, "c2", case="big"), more)
        with pytest.raises(DatabaseWriteError, match="disk is full"):
            for number in range(1000):
                db.add_calculation(calculation(number, versions={"x": os.urandom(100_000).hex()}))
        assert db.count("surfaces") == 1
    with Database(file) as db:
        assert db.verify() == []
        assert (db.cases(), db.count("surfaces")) == (before[1], before[0]["surfaces"])
        db.commit_case(finished_case(more, "c2", case="big"), more)  # space was freed
        assert db.count("surfaces") == 21


@needs_posix
def test_a_file_that_may_not_grow_changes_nothing(tmp_path):
    """The limit of the system on the size of files: what a full disk or a quota is to SQLite."""
    import resource

    file = tmp_path / "liface.db"
    results = all_results()
    with Database(file) as db:
        db.commit_case(finished_case(results), results)

    def write_until_refused() -> str:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        size = max(path.stat().st_size for path in tmp_path.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, size + 20_000))
        more = [surface(plane=str(n), definition="x" + os.urandom(100_000).hex()) for n in range(40)]
        with Database(file) as db:
            db.commit_case(finished_case(more, "c2", case="big"), more)
        return "written"

    answer = in_child(write_until_refused)
    assert answer.startswith("DatabaseWriteError") and "nothing was changed" in answer
    with Database(file) as db:
        assert db.verify() == [] and db.count("surfaces") == 1 and len(db.cases()) == 1
        db.commit_case(finished_case(results, "c3", case="more"), results)


def test_error_while_opening_leaves_no_file_open(file):
    file.write_bytes(b"SQLite format 3\x00" + b"\x00" * 50)
    with pytest.raises(DatabaseError):
        Database(file)
    file.unlink()
    with Database(file) as db:
        assert db.verify() == []


def test_in_the_middle_of_a_session_the_file_can_be_closed_and_used_again(file):
    db = Database(file)
    db.add_calculation(calculation())
    db.close()
    assert db.count("calculations") == 1
    db.close()
