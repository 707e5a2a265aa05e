"""A queue in this process: flows wait until a test runs them, with jobflow's own manager and a store in memory."""

from __future__ import annotations

from pathlib import Path

from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from liface.dispatch.queues.base import QueuedJob, configure_by_kind, outcomes_in
from liface.errors import QueueUnreachableError, SubmissionError
from liface.workflows.decorators import LARGE_DATA, ORIGIN


class PlainQueue:
    name = "fireworks"
    place = "here"

    def __init__(self, root: Path):
        self._root = root
        self._store = JobStore(MemoryStore(), additional_stores={LARGE_DATA: MemoryStore()})
        self._store.connect()
        self.flows: dict[str, list] = {}
        self.states: dict[str, str] = {}
        self.configured: list[tuple[str, str, str]] = []
        self.reconfigured: list[tuple[str, str]] = []
        self.down = self.refuses = False

    def check(self):
        if self.down:
            raise QueueUnreachableError("nobody answers")

    def configure(self, case_job, resources, folder):
        configure_by_kind(case_job, {"light": {"k": "light"}, "potential": {"k": "potential"}, "dft": {"k": "dft"}})
        self.configured.append((case_job.job.name, case_job.kind, folder))

    def submit(self, flows, submission):
        if self.refuses:
            raise SubmissionError("full")
        self.flows[submission] = list(flows)
        self.states.update({job.uuid: "waiting" for flow in flows for job in flow.jobs})

    def run(self, submission=None):
        """Run what waits; a job that fails leaves those that need it blocked."""
        for name, flows in self.flows.items():
            if submission not in (None, name):
                continue
            for flow in flows:
                done = run_locally(flow, log=False, store=self._store, root_dir=self._root, create_folders=True)
                for job in flow.jobs:
                    failed = "failed" if not job.input_uuids or set(job.input_uuids) <= set(done) else "blocked"
                    self.states[job.uuid] = "done" if job.uuid in done else failed

    def jobs(self, submissions):
        self.check()
        found = []
        for submission in submissions:
            for job in (job for flow in self.flows.get(submission, []) for job in flow.jobs):
                origin = job.metadata[ORIGIN]
                found.append(
                    QueuedJob(job.uuid, job.uuid, submission, origin["case"], origin["step"], self.states[job.uuid],
                              reason="it broke" if self.states[job.uuid] == "failed" else "")
                )  # fmt: skip
        return found

    def store(self):
        return self._store

    def reconfigure(self, jobs, resources):
        self.reconfigured += [(job.step, self.states[job.uuid]) for job in jobs]

    def rerun(self, jobs):
        self.states.update({job.uuid: "waiting" for job in jobs})

    def cancel(self, submissions):
        jobs = [job for job in self.jobs(submissions) if job.state not in ("done", "cancelled")]
        self.states.update({job.uuid: "cancelled" for job in jobs})
        return len(jobs)

    def outcomes(self, submissions, is_wanted):
        self.check()
        yield from outcomes_in(self._store, submissions, is_wanted)

    def find_lost(self, submissions, after_s):
        return []
