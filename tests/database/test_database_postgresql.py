"""What only a server has: users and their rights, lost connections, schemas, and its own errors."""

from __future__ import annotations

import builtins
import threading

import pytest
from database_factories import all_results, calculation, finished_case, surface
from sqlalchemy import event

from liface.database import Database, postgresql
from liface.database.addresses import without_password
from liface.database.postgresql_errors import meaning
from liface.errors import (
    CorruptDatabaseError,
    DatabaseError,
    DatabaseOpenError,
    DatabaseWriteError,
    FilterError,
    MissingExtraError,
)
from postgresql_server import ADMIN, CLOSED, PASSWORD

TABLES_THERE = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture
def named(postgresql_server):
    """The name of an empty database."""
    with postgresql_server.database() as name:
        yield name


@pytest.fixture
def impatient(monkeypatch):
    """Wait only 0.2 s for a turn."""
    monkeypatch.setattr(postgresql, "_SESSION", postgresql._SESSION.replace("60000", "200"))


def test_forms_of_an_address(server_database):
    rest = server_database.removeprefix("postgresql://")
    with Database(server_database) as db:
        db.add_calculation(calculation())
        assert db.path is None and not db.in_memory and not db.read_only
    for scheme in ("postgresql://", "postgresql+psycopg://", "postgres://"):
        with Database(scheme + rest, must_exist=True) as db:
            assert db.count("calculations") == 1
            assert db.name == db.url == without_password(db.address)
            assert db.name.startswith("postgresql://admin@/shared?host=")


def test_a_password_is_used_and_never_shown(postgresql_server, server_database):
    address = postgresql_server.address("shared", CLOSED, PASSWORD)
    postgresql_server.run(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {CLOSED}", database="shared")
    with Database(address) as db:
        db.add_calculation(calculation())
        shown = [repr(db), db.name, db.url, str(db.info())]
        with Database(db.address, read_only=True) as again:
            assert again.count("calculations") == 1
            with pytest.raises(DatabaseWriteError) as refused:
                again.add_calculation(calculation(1))
        postgresql_server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'closed'")
        with pytest.raises(DatabaseError) as lost:
            db.count("calculations")
    with pytest.raises(DatabaseOpenError, match=r"password authentication failed.*check user and password") as wrong:
        Database(postgresql_server.address("shared", CLOSED, "not" + PASSWORD))
    with pytest.raises(DatabaseOpenError, match=r"no password supplied.*pgpass"):
        Database(postgresql_server.address("shared", CLOSED))
    shown += [str(refused.value), str(lost.value), str(wrong.value)]
    assert all("postgresql://closed@/shared" in text for text in shown)
    assert not any(part in text for text in shown for part in ("se cret", "se%20cret"))


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:s3cr3t@h:port/d", "postgresql://u:a@s3cr3t@h/d", "mysql://u:s3cr3t@h/d", "postgresql://u:s3cr3t@h",
        "postgresql://u@h:1/d?password=s3cr3t", "postgresql://u:s3cr3t@127.0.0.1:1/d?connect_timeout=x",
        "postgresql://u:s3cr3t@127.0.0.1:1/d?nonsense=1", "postgresql://u:s3cr3t@127.0.0.1:1/d", "postgresql://u:s3cr3t/@:@/",
        "postgresql://u:s3cr3t@h%00/d", "postgresql://u:s3cr3t\udcff@h/d", "postgresql+asyncpg://u:s3cr3t@h/d",
        "postgresql://u:s3cr3t@nowhere.invalid/d",
    ],
)  # fmt: skip
def test_an_address_that_leads_nowhere_is_shown_without_its_password(address):
    for open_it in (Database, Database.exists):
        with pytest.raises(DatabaseOpenError) as refused:
            open_it(address)
        message = str(refused.value)
        assert "s3cr3t" not in message and "\n" not in message and len(message) > 30


@pytest.mark.parametrize(
    ("database", "user", "message"),
    [("nowhere", ADMIN, "no such database.*createdb"), ("postgres", "nobody_at_all", "no such user.*createuser")],
)
def test_what_is_not_on_the_server(postgresql_server, database, user, message):
    with pytest.raises(DatabaseOpenError, match=message):
        Database(postgresql_server.address(database, user))


def test_no_server(tmp_path):
    with pytest.raises(DatabaseOpenError, match="no server listens there; check host and port, or start it"):
        Database(f"postgresql://someone@/d?host={tmp_path}")


def test_a_missing_driver_is_named_with_its_extra(monkeypatch):
    whole = builtins.__import__

    def without(name, *rest, **more):
        if name.partition(".")[0] == "psycopg":
            raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")
        return whole(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"psycopg is not installed; run: pip install 'liface\[postgresql\]'"):
        Database("postgresql://someone@host/d")


def test_nothing_is_made_where_a_database_must_exist(postgresql_server, named):
    address = postgresql_server.address(named)
    for arguments in ({"must_exist": True}, {"read_only": True}, {"must_exist": True, "read_only": True}):
        with pytest.raises(DatabaseOpenError, match=r"holds no results of liface|schema version none"):
            Database(address, **arguments)
    assert not Database.exists(address)
    assert postgresql_server.rows(TABLES_THERE, named) == []
    Database(address).close()
    assert Database.exists(address)
    Database(address, must_exist=True).close()


def test_tables_of_others_are_left_alone(postgresql_server, named):
    postgresql_server.run("CREATE TABLE photos (id int)", database=named)
    for arguments in ({}, {"read_only": True}, {"must_exist": True}):
        with pytest.raises(DatabaseOpenError, match=r"not a database of liface .*photos"):
            Database(postgresql_server.address(named), **arguments)
    assert postgresql_server.rows(TABLES_THERE, named) == [("photos",)]


def test_two_results_databases_in_two_schemas(postgresql_server, named):
    postgresql_server.run("CREATE SCHEMA a", "CREATE SCHEMA b", "CREATE TABLE photos (id int)", database=named)
    one, two = (f"{postgresql_server.address(named)}&options=-csearch_path%3D{schema}" for schema in "ab")
    with Database(one) as first, Database(two) as second:
        with first._store.writing():  # holds its own turn only
            assert second.add_calculation(calculation())
        assert (first.count("calculations"), second.count("calculations")) == (0, 1)
        assert first.verify() == second.verify() == []
    with pytest.raises(DatabaseOpenError, match="CREATE SCHEMA"):
        Database(one.replace("search_path%3Da", "search_path%3Dc"))


def test_text_that_is_not_utf8(postgresql_server):
    postgresql_server.run("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    with pytest.raises(DatabaseOpenError, match=r"keeps text as LATIN1.*ENCODING 'UTF8'"):
        Database(postgresql_server.address("latin"))


def test_rights(postgresql_server, named):
    """A user who may only look opens the database read-only; one who may do nothing is told which right to ask for."""
    postgresql_server.run("CREATE ROLE guest LOGIN")
    address, as_guest = postgresql_server.address(named), postgresql_server.address(named, "guest")
    with pytest.raises(DatabaseOpenError, match="no right to write into its schema public"):
        Database(as_guest)
    with Database(address) as db:
        db.add_result(surface())
    with pytest.raises(DatabaseOpenError, match=r"no right to read.*GRANT SELECT"):
        Database(as_guest)
    postgresql_server.run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest", database=named)
    with Database(as_guest) as db:
        assert db.read_only and db.results("surface") == [surface()] and db.verify() == []
        with pytest.raises(DatabaseWriteError, match="no right to write into its schema public; nothing was changed"):
            db.add_calculation(calculation())
    postgresql_server.run("GRANT INSERT ON liface_schema TO guest", database=named)
    with Database(as_guest) as db, pytest.raises(DatabaseWriteError, match=r"permission denied.*nothing was changed"):
        db.add_calculation(calculation())


def test_a_server_that_only_lets_read(postgresql_server, named):
    Database(postgresql_server.address(named)).close()
    postgresql_server.run(f"ALTER DATABASE {named} SET default_transaction_read_only = on")
    with (
        Database(postgresql_server.address(named)) as db,
        pytest.raises(DatabaseWriteError, match="default_transaction"),
    ):
        db.add_calculation(calculation())


def test_a_lost_connection_is_replaced_before_it_is_used(postgresql_server, server_database, monkeypatch):
    monkeypatch.setattr(postgresql, "TRUSTED_S", 0.0)
    with Database(server_database) as db:
        for _ in range(2):
            assert db.count("calculations") == 0
            _end_sessions(postgresql_server)
        db.add_calculation(calculation())


def test_a_connection_lost_midway_changes_nothing(postgresql_server, server_database):
    results = all_results()
    with Database(server_database) as db:
        event.listen(
            db._store.engine, "before_cursor_execute", _once(_end_sessions, postgresql_server, "INSERT INTO wetting")
        )
        with pytest.raises(DatabaseWriteError, match=r"connection was lost.*nothing was changed. Run again"):
            db.commit_case(finished_case(results), results)
        assert db.count("surfaces") == 0 and db.cases() == []
        db.commit_case(finished_case(results), results)
        assert db.verify() == []


def test_a_connection_lost_at_the_end_does_not_promise_that_nothing_was_changed(postgresql_server, server_database):
    with Database(server_database) as db:
        event.listen(db._store.engine, "commit", lambda connection: _end_sessions(postgresql_server))
        with pytest.raises(DatabaseWriteError, match=r"it has kept all of them or none. Run again"):
            db.add_calculation(calculation())


def test_a_reader_keeps_its_view_and_nobody_waits(server_database):
    with Database(server_database) as db, db._store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM calculations").scalar() == 0
        assert db.add_calculation(calculation())
        assert connection.exec_driver_sql("SELECT count(*) FROM calculations").scalar() == 0
        with pytest.raises(Exception, match="read-only transaction"):
            connection.exec_driver_sql("DELETE FROM calculations")


def test_writers_take_turns_and_do_not_wait_for_ever(server_database, impatient):
    with Database(server_database) as db, Database(server_database) as other, db._store.writing():
        with pytest.raises(DatabaseWriteError, match="was held by another process for too long; nothing was changed"):
            other.add_calculation(calculation())
        assert other.count("calculations") == 0


def test_the_next_writer_sees_what_the_one_before_stored(server_database):
    """A turn that is waited for must not begin with the view from before."""
    seen: list[bool] = []
    with Database(server_database) as db, Database(server_database) as other:
        waiting = threading.Thread(target=lambda: seen.append(other.add_calculation(calculation())))
        with db._store.writing() as connection:
            from liface.database.writing import put_calculation

            waiting.start()
            while not connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar():
                pass
            put_calculation(connection, calculation(), False)
        waiting.join()
        assert seen == [False] and db.count("calculations") == 1


FAILURES = {
    "53100": "the disk of the server is full; nothing was changed. Free some space",
    "53200": "out of memory; nothing was changed",
    "40001": "changed by another process at the same time; nothing was changed here. Run again",
    "40P01": "waited for each other; nothing was changed here. Run again",
    "25006": "is read-only; nothing was changed",
    "57014": "statement_timeout.*nothing was changed",
    "22003": "refused the write .*nothing was changed",
}


def test_failures_of_the_server_in_the_middle_of_a_case_change_nothing(postgresql_server, named):
    results = all_results()
    with Database(postgresql_server.address(named)) as db:
        for code, message in FAILURES.items():
            postgresql_server.run(
                "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$BEGIN RAISE EXCEPTION 'as a test' USING ERRCODE = '{code}'; END$$",
                "CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON wetting FOR EACH ROW EXECUTE FUNCTION fail()",
                database=named,
            )
            with pytest.raises(DatabaseWriteError, match=message):
                db.commit_case(finished_case(results), results)
            assert db.count("surfaces") == 0 and db.cases() == []
        postgresql_server.run("DROP TRIGGER fail ON wetting", database=named)
        db.commit_case(finished_case(results), results)
        assert db.verify() == [] and db.info()["size_bytes"] > 100_000


class FailureError(Exception):
    """An error with a code, as the driver raises it."""

    def __init__(self, sqlstate: str | None, text: str):
        super().__init__(text)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("code", "text", "doing", "kind", "message"),
    [
        ("XX001", "invalid page in block 7", "read", CorruptDatabaseError, "damaged.*restore it from a copy"),
        ("42P01", 'relation "x" does not exist', "read", CorruptDatabaseError, "lacks part of its tables"),
        ("53300", "sorry, too many clients already", "open", DatabaseOpenError, "run again later or with fewer"),
        ("57P03", "the database system is starting up", "open", DatabaseOpenError, "wait a moment"),
        ("57P01", "terminating connection due to administrator command", "read", DatabaseOpenError, "was lost"),
        ("40001", "canceling statement due to conflict with recovery", "read", DatabaseError, "standby.*Run again"),
        (None, "connection timeout expired", "open", DatabaseOpenError, "does not answer"),
        (None, "Verbindung abgelehnt", "open", DatabaseOpenError, "check the address and that the server runs"),
        ("54001", "stack depth limit exceeded", "read", FilterError, "nested too deeply"),
        ("XXYYZ", "", "write", DatabaseWriteError, "refused the write .*nothing was changed"),
        ("XXYYZ", "", "read", DatabaseError, "could not be read"),
    ],
)  # fmt: skip
def test_what_errors_mean(code, text, doing, kind, message):
    translated = meaning(FailureError(code, text), "postgresql://h/d", doing)
    assert type(translated) is kind
    with pytest.raises(kind, match=message):
        raise translated


def _end_sessions(server) -> None:
    server.run("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'shared'")


def _once(action, server, start):
    done: list[bool] = []

    def listener(connection, cursor, statement, *rest):
        if statement.startswith(start) and not done:
            done.append(True)
            action(server)

    return listener
