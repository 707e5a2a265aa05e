from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from database_factories import calculation
from database_workers import read_until_whole, write_cases, write_many

from liface.database import Database

WORKER = Path(__file__).with_name("database_workers.py")
PROCESSES = multiprocessing.get_context("forkserver")
"""Processes with memory and connections of their own; the package is imported once, by the one they are forked from."""
PROCESSES.set_forkserver_preload(["liface.database.store", "liface.database.sqlite", "liface.database.postgresql"])


def test_four_processes_write_while_one_reads(target):
    seen: list[int] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            if Database.exists(target):
                with Database(target) as db:
                    found = db.query("calculations")
                    seen.append(len(found))
                    assert all(row["energy_ev"] is not None for row in found)
            time.sleep(0.1)

    # there are no tables yet: all five open it at once
    reader = threading.Thread(target=read)
    with ProcessPoolExecutor(4, mp_context=PROCESSES) as pool:
        reader.start()
        futures = [pool.submit(write_many, target, 50 * i, 50) for i in range(4)]
        new = [future.result() for future in futures]
    stop.set()
    reader.join()
    assert new == [50] * 4
    assert seen and seen == sorted(seen)
    with Database(target) as db:
        wanted = {calculation(i).calc_id for i in range(200)}
        assert set(db.status_of(wanted)) == wanted and db.count("calculations") == 200
        assert db.verify() == []


def test_processes_that_store_the_same_agree_who_was_first(place):
    with Database(place):
        pass
    with ProcessPoolExecutor(2, mp_context=PROCESSES) as pool:
        new = [f.result() for f in [pool.submit(write_many, place, 0, 30) for _ in range(2)]]
    assert sum(new) == 30
    with Database(place) as db:
        assert db.count("calculations") == 30


EACH = [pytest.param(25, id="25 each"), pytest.param(1000, id="1000 each", marks=pytest.mark.slow)]


@pytest.mark.parametrize("each", EACH)
def test_eight_processes_write_while_two_read(place, each, record_property):
    """None is lost, none is torn: a reader sees a case with both of its results, or neither."""
    Database(place).close()
    start = time.monotonic()
    with ProcessPoolExecutor(10, mp_context=PROCESSES) as pool:
        readers = [pool.submit(read_until_whole, place, 8 * each) for _ in range(2)]
        writers = [pool.submit(write_cases, place, each * i, each) for i in range(8)]
        slowest = max(writer.result() for writer in writers)
        looks, torn = zip(*(reader.result() for reader in readers), strict=True)
    record_property("seconds", time.monotonic() - start)
    record_property("writes_per_s", 2 * 8 * each / slowest)
    record_property("looks", sum(looks))
    assert torn == (0, 0) and min(looks) > 1
    with Database(place) as db:
        wanted = [calculation(i).calc_id for i in range(8 * each)]
        assert len(db.status_of(wanted)) == 8 * each
        assert (db.count("calculations"), db.count("cases"), db.count("bindings")) == (8 * each, 8 * each, 16 * each)
        assert db.verify() == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_writer_loses_nothing_it_had_finished(place):
    finished: set[int] = set()
    for round_, after in enumerate((1, 4, 9)):
        process = subprocess.Popen(
            [sys.executable, str(WORKER), place, str(1000 * round_)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(after):
            finished.add(int(process.stdout.readline()))
        time.sleep(0.003 * round_)  # somewhere inside the next commits
        process.send_signal(signal.SIGKILL)
        finished.update(int(line) for line in process.stdout.read().split("\n") if line)
        assert process.wait() == -signal.SIGKILL
        with Database(place) as db:
            assert db.add_calculation(calculation(-1 - round_))  # takes its turn after whatever was going on
            assert db.verify() == []
            stored = {int(case.case_id[1:]) for case in db.cases()}
            assert finished <= stored
            assert db.count("bindings") == 2 * len(stored)
            for number in finished:
                ids = [calculation(2 * number).calc_id, calculation(2 * number + 1).calc_id]
                assert len(db.status_of(ids)) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_opens_its_own_connection(place):
    with Database(place) as db:
        db.add_calculation(calculation(0))
        child = os.fork()
        if child == 0:
            try:
                ok = db.add_calculation(calculation(1)) and db.count("calculations") == 2
            except BaseException:
                ok = False
            os._exit(0 if ok else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert db.add_calculation(calculation(2)) and db.count("calculations") == 3
        assert db.verify() == []
