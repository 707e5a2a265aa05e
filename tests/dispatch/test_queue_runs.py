"""Campaigns on a queue are recorded once they are through, and not before."""

from __future__ import annotations

import pytest
from plain_queue import PlainQueue

from liface.cli import campaign_queue
from liface.database import Database
from liface.dispatch.lock_file import read_lock
from liface.testing.cli import run_cli
from liface.workflows.resources import ResourcesByKind

TEXT = """
name: two
engines: ["ase:screening_calculators.WideMorse"]
screening: {engine: morse, top: 1, by: gamma_mev_per_a2, kinds: [surface]}
protocol: {surface_thickness_a: 5, max_force_calls: 60, fmax_ev_per_a: 0.05}
surfaces:
  - {material: Li, planes: ["110", "100"]}
"""


@pytest.fixture
def queue(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.yaml").write_text(TEXT)
    queue = PlainQueue(tmp_path)
    monkeypatch.setattr(campaign_queue, "_queue", lambda *_: (queue, ResourcesByKind()))
    return queue


def test_a_collection_locks_what_is_through_and_nothing_half_done(queue, tmp_path):
    lock = tmp_path / "two.lock.json"
    for round_ in range(2):
        run_cli(["campaign", "submit", "two.yaml"])
        run_cli(["campaign", "collect", "two.yaml"])
        assert not lock.exists(), "cases are still to come"
        queue.run(list(queue.flows)[-1])
        run_cli(["campaign", "collect", "two.yaml"])
        assert lock.exists() is (round_ == 1), "after the screening the chosen cases are still to come"
    run = read_lock(lock)
    assert (run.dispatcher, run.machine, run.n_cases) == ("fireworks", None, 5)
    assert [(e.role, e.info.name) for e in run.engines] == [("asked", "ase"), ("screening", "morse")]
    with Database(tmp_path / "liface.db", read_only=True) as database:
        assert database.runs() == [run]
    run_cli(["campaign", "collect", "two.yaml"])
    run_cli(["campaign", "follow", "two.yaml", "--lock", "followed.json"])
    assert read_lock(tmp_path / "followed.json") == run, "nothing new came, so it is the same run"
