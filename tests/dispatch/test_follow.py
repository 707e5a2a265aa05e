"""A campaign on a queue followed to its end, with what comes up meanwhile."""

from __future__ import annotations

import pytest
from plain_queue import PlainQueue

from liface.cli.campaign_queue import _standing_line
from liface.database import Database
from liface.dispatch import submission
from liface.dispatch.follow import Standing, follow
from liface.errors import QueueUnreachableError
from liface.workflows.campaign import Campaign
from liface.workflows.resources import ResourcesByKind

TEXT = """
name: two
engines: ["ase:screening_calculators.WideMorse"]
screening: {engine: morse, top: 1, by: gamma_mev_per_a2, kinds: [surface]}
protocol: {surface_thickness_a: 5, max_force_calls: 60, fmax_ev_per_a: 0.05}
surfaces:
  - {material: Li, planes: ["110", "100"]}
"""
KINDS = ResourcesByKind()


class Diary:
    """What happens while a campaign is followed; between two looks the queue runs what was handed over last."""

    def __init__(self, queue, between=None):
        self.queue, self.between = queue, between
        self.submitted, self.seen, self.problems = [], [], []

    def follow(self, campaign, database) -> Standing:
        return follow(
            campaign, database, self.queue, KINDS, wait=self.wait, tell=self.seen.append,
            handed_over=self.submitted.append, unreachable=self.problems.append,
        )  # fmt: skip

    def wait(self):
        assert len(self.seen) + len(self.problems) < 20, "this never ends"
        if self.between is not None and self.between() is False:
            return
        open_ = [name for name, flows in self.queue.flows.items()
                 if any(self.queue.states[job.uuid] == "waiting" for flow in flows for job in flow.jobs)]  # fmt: skip
        for name in open_:
            self.queue.run(name)


@pytest.fixture
def campaign(tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text(TEXT)
    return Campaign.load(path)


@pytest.fixture
def database(tmp_path):
    with Database(tmp_path / "r.db") as database:
        yield database


def test_what_a_screening_chose_is_handed_over_without_being_asked(campaign, database, tmp_path):
    diary = Diary(PlainQueue(tmp_path))
    end = diary.follow(campaign, database)
    assert [{case.engine for case in done.document.cases} for done in diary.submitted] == [
        {"morse:liface"},
        {"ase:screening_calculators.WideMorse"},
    ]
    assert (end.finished, end.failed, end.pending, set(end.jobs)) == (5, 0, 0, {"done"})
    assert [standing.pending for standing in diary.seen] == [3, 2, 0]
    assert _standing_line(diary.seen[0]) == "0 cases done, 3 to come; jobs: 9 waiting"
    again = Diary(diary.queue)
    assert again.follow(campaign, database) == end
    assert [done.document for done in again.submitted] == [None] and len(again.seen) == 1


def test_a_server_that_is_gone_for_a_while_is_asked_again(campaign, database, tmp_path):
    queue = PlainQueue(tmp_path)
    turns = iter([True, False, True])

    def between():
        queue.down = next(turns, False)
        return not queue.down

    diary = Diary(queue, between)
    assert diary.follow(campaign, database).finished == 5
    assert [str(problem) for problem in diary.problems] == ["nobody answers"] * 2


def test_a_server_that_never_answered_is_an_error(campaign, database, tmp_path):
    queue = PlainQueue(tmp_path)
    queue.down = True
    with pytest.raises(QueueUnreachableError):
        Diary(queue).follow(campaign, database)
    assert database.count("submissions") == 0


def test_it_ends_where_only_failed_jobs_are_left(campaign, database, tmp_path, monkeypatch):
    queue = PlainQueue(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("liface.workflows.decorators.__version__", "0.0.1")
        end = Diary(queue).follow(campaign, database)
    assert end.is_stuck and end.pending == 3 and set(end.jobs) == {"failed", "blocked"}


@pytest.mark.parametrize("states", [("lost", "waiting"), ("blocked", "waiting"), ("cancelled", "waiting")])
def test_jobs_that_wait_for_nothing_that_comes_do_not_keep_it(campaign, database, tmp_path, states):
    """The first job is lost, or its submission was interrupted; the others wait for it, for ever."""
    queue = PlainQueue(tmp_path)
    diary = Diary(queue, between=lambda: False)
    first, others = states
    submission.submit(campaign, database, queue, KINDS)
    for i, uuid in enumerate(queue.states):
        queue.states[uuid] = others if i else first
    end = diary.follow(campaign, database)
    assert end.is_stuck and end.pending == 3 and len(diary.seen) == 2


def test_a_job_that_is_woken_a_moment_later_keeps_it(campaign, database, tmp_path):
    queue = PlainQueue(tmp_path)
    looks = iter([False, True])
    diary = Diary(queue, between=lambda: next(looks, True))
    submission.submit(campaign, database, queue, KINDS)
    queue.states |= dict.fromkeys(queue.states, "waiting")
    uuids = list(queue.states)
    queue.states[uuids[0]] = "running"
    assert diary.follow(campaign, database).finished == 5


def test_failed_cases_do_not_keep_it(tmp_path, database):
    path = tmp_path / "broken.yaml"
    path.write_text(TEXT.replace("WideMorse", "BrokenMorse"))
    diary = Diary(PlainQueue(tmp_path))
    end = diary.follow(Campaign.load(path), database)
    assert end.failed == 2 and end.pending == 0 and len(diary.submitted) == 2
    collected = submission.collect(Campaign.load(path), database, diary.queue)
    assert collected.finished == [] and collected.pending == []  # nothing new


def test_it_goes_on_where_failed_jobs_were_mended(campaign, database, tmp_path, monkeypatch):
    queue = PlainQueue(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("liface.workflows.decorators.__version__", "0.0.1")
        Diary(queue).follow(campaign, database)
    submission.retry_on_queue(campaign, database, queue, KINDS, "broke")
    queue.states.update(dict.fromkeys(queue.states, "waiting"))
    assert Diary(queue).follow(campaign, database).finished == 5
