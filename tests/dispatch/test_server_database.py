"""Worker processes store into a server that wants a password."""

from __future__ import annotations

from test_local import ENGINE, crystal, request

from liface.database import Database
from liface.dispatch.local import LocalExecutor
from postgresql_server import CLOSED, PASSWORD


def test_workers_reach_a_database_behind_a_password(postgresql_server):
    with postgresql_server.database() as name:
        Database(postgresql_server.address(name)).close()
        postgresql_server.run(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {CLOSED}", database=name)
        with Database(postgresql_server.address(name, CLOSED, PASSWORD)) as database:
            with LocalExecutor(database, workers=1) as run:
                outcomes = run.run([request(crystal(seed=i), calls=5) for i in range(2)], ENGINE)
            assert database.count("calculations") == 2
            assert database.calculations([each.calc_id for each in outcomes])
