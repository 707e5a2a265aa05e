"""What a worker finds when it looks around itself: ``python -m liface.dispatch.site_check.on_worker QUESTION``."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from liface.dispatch.site import Site
from liface.dispatch.site_check.engines import check_on_worker
from liface.dispatch.site_check.finding import Check, Finding, failed, ok, run_checks
from liface.dispatch.site_check.folders import check_calculations, check_runs
from liface.documents.calculation import EngineInfo
from liface.workflows.executor import CALCULATIONS

RESULT = "@@liface result "

RUNS = "LIFACE_RUNS"


class Question(BaseModel):
    """What a worker is to look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: Site
    token: str = ""
    """Name of a file in the folder of calculations, to tell whether it is the same folder."""
    queue_address: str = ""
    """Server and database of the queue, as the submitting machine knows them; empty: not to be looked at."""
    engines: dict[str, EngineInfo] = {}
    """What the submitting machine has."""
    elements: tuple[str, ...] = ("Li",)


def findings(question: Question) -> Iterator[Finding]:
    """Yield what this process finds about the folders, the server and the engines."""
    checks = [
        Check("calculations folder", lambda: _calculations(question)),
        Check("runs folder", lambda: check_runs(os.environ.get(RUNS, question.site.runs))),
    ]
    if question.queue_address:
        checks.append(Check("server", lambda: _server(question)))
    checks += [
        Check(f"engine {engine}", partial(check_on_worker, engine, info, question.elements))
        for engine, info in question.engines.items()
    ]
    return run_checks(checks)


def _calculations(question: Question) -> Finding:
    folder = os.environ.get(CALCULATIONS)
    if not folder:
        return failed(f"{CALCULATIONS} is not set", f"export {CALCULATIONS} in the lines before the jobs")
    found = check_calculations(folder)
    if question.token and found.state == "ok" and not (Path(os.path.expandvars(folder)) / question.token).is_file():
        return failed(
            f"{folder} is not the folder {question.site.calculations} of the machine that submits",
            "name one folder on a file system that both see, under calculations: and in the lines before the jobs",
        )
    return found


def _server(question: Question) -> Finding:
    """Reach the queue and the outputs through the files that the environment of the worker names."""
    from liface.dispatch.queues.fireworks_files import FireWorksFiles
    from liface.dispatch.site_check.stores import check_outputs

    files = FireWorksFiles(question.site.model_copy(update={"fireworks_config": "", "jobflow_config": ""}))
    if files.address != question.queue_address:
        return failed(
            f"{files.config_file} leads to {files.address}, the site file to {question.queue_address}",
            "let FW_CONFIG_FILE name the file of the site in the lines before the jobs",
        )
    with files.server.answering():
        files.launchpad().fireworks.find_one({}, {"_id": 1})
    store, server = files.job_store()
    with server.answering():
        outputs = check_outputs(store, server.address)
    return outputs if outputs.state != "ok" else ok(f"{files.address} answers, outputs are stored and read")


def read_answers(line: str) -> list[Finding]:
    """Read what :func:`main` wrote."""
    return [Finding(**row) for row in json.loads(line.removeprefix(RESULT))]


def main() -> None:
    """Answer the question that the first argument holds, in one line on stdout."""
    question = Question.model_validate_json(base64.b64decode(sys.argv[1]))
    answer = json.dumps([finding.as_dict() for finding in findings(question)])
    sys.stdout.write(f"{RESULT}{answer}\n")


if __name__ == "__main__":
    main()
