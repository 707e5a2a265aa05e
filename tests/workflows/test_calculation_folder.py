"""The folder of finished calculations: whole files, claims, several processes at once."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from liface.documents import CalculationRequest, CalculationSettings, Geometry, now
from liface.engines import engine_info
from liface.engines.base import EngineSpec
from liface.errors import CalculationFolderError
from liface.workflows.calculation_folder import CalculationFolder
from liface.workflows.executor import FolderExecutor, InProcessExecutor, current_executor

MORSE = EngineSpec.parse("morse")


def request(length=3.0, calls=60, label=""):
    geometry = Geometry(
        cell=((8.0, 0, 0), (0, 8.0, 0), (0, 0, 8.0)), species=("Li", "Li"), positions=((0, 0, 0), (length, 0.2, 0.1)),
        frozen=(False, False), roles=("film", "film"),
    )  # fmt: skip
    settings = CalculationSettings(fmax_ev_per_a=0.01, max_force_calls=calls)
    return CalculationRequest(geometry=geometry, engine=engine_info(MORSE), settings=settings, label=label)


def outcome(**options):
    return InProcessExecutor().run([request(**options)], MORSE)[0]


def test_a_document_comes_back_whole_and_another_takes_its_place(tmp_path):
    folder = CalculationFolder(tmp_path / "new" / "calculations")
    document = outcome()
    assert folder.get(document.calc_id) is None and list(folder) == []
    folder.put(document)
    assert folder.get(document.calc_id) == document and list(folder) == [document]
    folder.put(document.model_copy(update={"label": "other"}))
    assert folder.get(document.calc_id).label == "other"
    assert {path.suffix for path in tmp_path.rglob("*.*")} == {".json"}


@pytest.mark.parametrize("damage", [b"", b"{", b'{"status": "converged"}', b"\xff\xfe"])
def test_a_damaged_file_counts_as_missing_and_is_set_aside(tmp_path, damage):
    folder, document = CalculationFolder(tmp_path), outcome()
    folder.put(document)
    (path,) = tmp_path.glob("??/*.json")
    path.write_bytes(damage)
    assert folder.get(document.calc_id) is None and list(folder) == []
    assert [path.read_bytes() for path in tmp_path.glob("??/*.damaged")] == [damage]
    folder.put(document)
    assert folder.get(document.calc_id) == document


def test_a_file_under_a_wrong_name_is_no_answer(tmp_path):
    folder, document = CalculationFolder(tmp_path), outcome()
    folder.put(document)
    (path,) = tmp_path.glob("??/*.json")
    wrong = path.with_name("0" * len(document.calc_id) + ".json")
    path.rename(wrong)
    assert folder.get(document.calc_id) is None
    assert list(CalculationFolder(wrong.parent.parent)) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CalculationFolderError, match="LIFACE_CALCULATIONS"):
        CalculationFolder(tmp_path / "file" / "calculations")


def test_a_claim_is_one_persons(tmp_path):
    first, second = CalculationFolder(tmp_path), CalculationFolder(tmp_path)
    with first.claim("abc") as mine, second.claim("abc") as theirs, second.claim("abd") as other:
        assert (mine, theirs, other) == (True, False, True)
    with second.claim("abc") as theirs:
        assert theirs
    assert not list(tmp_path.rglob("*.*"))


def claim_file(folder, calc_id, **holder):
    path = folder.path / calc_id[:2] / f"{calc_id}.claim"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"token": "x", "host": "elsewhere", "pid": 1, "started": 1.0} | holder))
    return path


def test_a_claim_from_another_host_holds_until_its_heart_stops(tmp_path):
    folder = CalculationFolder(tmp_path, stale_after_s=60)
    path = claim_file(folder, "abc")
    with folder.claim("abc") as mine:
        assert not mine
    os.utime(path, (time.time() - 61,) * 2)
    with folder.claim("abc") as mine:
        assert mine


def test_a_claim_of_a_dead_process_on_this_host_is_taken_over_at_once(tmp_path):
    folder = CalculationFolder(tmp_path)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    claim_file(folder, "abc", host=socket.gethostname(), pid=dead.pid)
    with folder.claim("abc") as mine:
        assert mine
    # The number of a living process does not help where that process started at another time.
    claim_file(folder, "abd", host=socket.gethostname(), pid=os.getpid(), started=1.0)
    with folder.claim("abd") as mine:
        assert mine


@pytest.mark.parametrize("content", ["", "nonsense", "[]"])
def test_a_torn_claim_is_no_claim(tmp_path, content):
    folder = CalculationFolder(tmp_path)
    claim_file(folder, "abc").write_text(content)
    with folder.claim("abc") as mine:
        assert mine


def test_the_executor_computes_what_is_missing_once(tmp_path, monkeypatch):
    computed = []
    from liface.workflows import executor as module

    real = module.compute_request
    monkeypatch.setattr(module, "compute_request", lambda *a: computed.append(a[0].calc_id) or real(*a))
    executor = FolderExecutor(CalculationFolder(tmp_path))
    first, second = request(3.0, label="one"), request(3.2, label="two")
    outcomes = executor.run([first, second, first.model_copy(update={"label": "again"})], MORSE)
    assert [o.label for o in outcomes] == ["one", "two", "again"] and computed == [first.calc_id, second.calc_id]
    assert FolderExecutor(CalculationFolder(tmp_path)).run([second], MORSE)[0].energy_ev == outcomes[1].energy_ev
    assert len(computed) == 2


def test_unconverged_outcomes_are_carried_on_when_asked_for(tmp_path):
    folder = CalculationFolder(tmp_path)
    short = request(calls=2)
    (before,) = FolderExecutor(folder).run([short], MORSE)
    assert before.status == "unconverged"
    pattern = re.compile("force call limit")
    (same,) = FolderExecutor(folder, re.compile("other")).run([short], MORSE)
    assert same == before
    (newer,) = FolderExecutor(folder, pattern, since=before.created_at - timedelta(seconds=1)).run([short], MORSE)
    assert newer == before
    (carried,) = FolderExecutor(folder, pattern, since=now()).run([short], MORSE)
    assert carried.n_force_calls == 4 and carried.energy_ev < before.energy_ev
    assert folder.get(short.calc_id).n_force_calls == 4


def test_the_environment_of_a_worker_chooses_the_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("LIFACE_CALCULATIONS", raising=False)
    assert isinstance(current_executor(), InProcessExecutor)
    monkeypatch.setenv("LIFACE_CALCULATIONS", str(tmp_path / "c"))
    assert isinstance(current_executor(), FolderExecutor)


WORKER = """
import sys, time
from pathlib import Path
from liface.engines.base import EngineSpec
from liface.documents import CalculationRequest
from liface.workflows import executor as module
from liface.workflows.calculation_folder import CalculationFolder
real = module.compute_request
def slow(request, *rest):
    print("start", request.calc_id, flush=True)
    time.sleep({pause})
    return real(request, *rest)
module.compute_request = slow
requests = [CalculationRequest.model_validate_json(line) for line in Path("requests").read_text().splitlines()]
module.FolderExecutor(CalculationFolder("c")).run(requests, EngineSpec.parse("morse"))
"""


def worker(tmp_path, pause):
    return subprocess.Popen(
        [sys.executable, "-c", WORKER.format(pause=pause)], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )


def test_processes_share_the_work_and_one_that_is_killed_loses_one_structure(tmp_path):
    requests = [request(2.8 + 0.1 * i) for i in range(6)]
    (tmp_path / "requests").write_text("\n".join(r.model_dump_json() for r in requests))
    victim = worker(tmp_path, 60)
    assert victim.stdout.readline().startswith("start")
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    others = [worker(tmp_path, 0.2) for _ in range(2)]
    started = [line for other in others for line in other.communicate(timeout=60)[0].splitlines()]
    assert all(other.returncode == 0 for other in others)
    assert sorted(started) == sorted(f"start {r.calc_id}" for r in requests)
    assert {document.calc_id for document in CalculationFolder(tmp_path / "c")} == {r.calc_id for r in requests}
