"""Who runs a campaign is told once that its model computes slower than it could, and why, and what to do."""

from __future__ import annotations

import io
import logging

import pytest

from liface.cli.progress import ERASE, ProgressLine
from liface.dispatch.run import RunState
from liface.documents import CalculationRequest, CalculationSettings
from liface.engines import engine_info, slow_kernel
from liface.engines.base import EngineSpec
from liface.testing.cli import run_cli
from liface.testing.engine_contract import copper
from liface.workflows.executor import InProcessExecutor

REFUSED, ASKED_FOR = "ase:kernel_calculators.Refused", "ase:kernel_calculators.AskedFor"
BULKS = "name: bulks\nengines: [{engine}]\nprotocol: {{bulk_force_calls: 2}}\nbulks: [Cu, Li, W]\n"


@pytest.fixture
def told(tmp_path):
    """Run three bulks and give the lines that people saw."""

    def run(engine, workers):
        (tmp_path / "bulks.yaml").write_text(BULKS.format(engine=engine))
        done = run_cli(["campaign", "run", "bulks.yaml", "--json", "-j", workers], folder=tmp_path)
        assert done.json["run"]["computed"] == 3, done.err
        again = run_cli(["campaign", "run", "bulks.yaml", "--json", "-j", workers], folder=tmp_path)
        assert again.json["run"]["computed"] == 0
        assert "refused" not in again.err, "nothing was computed, so nothing was slow"
        return [line for line in done.err.splitlines() if "slower" in line]

    return run


def computed(record):
    info = engine_info("morse")
    request = CalculationRequest(geometry=copper(), engine=info, settings=CalculationSettings.static())
    (outcome,) = InProcessExecutor().run([request], EngineSpec.parse("morse"))
    return outcome.model_copy(update={"versions": {slow_kernel.KERNEL: record}})


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_says_it_once_wherever_it_computes(told, workers):
    (line,) = told(REFUSED, workers)
    assert "(OSError: no compiler today)" in line  # why
    assert "results are right" in line and "kernel=stock" in line and "numba" in line  # what to do


def test_what_was_asked_for_is_no_news(told):
    assert told(ASKED_FOR, 0) == []


@pytest.mark.parametrize("record", ["fused", "stock (asked for)", "stock (device cuda)", "energy and forces only", ""])
def test_other_kernels_are_no_news(record):
    assert slow_kernel.slow_kernel(computed(record)) is None


def test_a_reason_is_given_whole():
    text = slow_kernel.slow_kernel(computed("stock (forces differ by 0.1 eV/Å (all), more than 1e-05)"))
    assert "refused (forces differ by 0.1 eV/Å (all), more than 1e-05), so" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_it_is_shown_at_once_on_a_line_that_stays(terminal):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    state = RunState(n_cases=1, notices=["slow"])
    with ProgressLine(stream, every_s=3600) as progress:
        progress(state)
        progress(state)
        shown = stream.getvalue()
    assert shown == (f"{ERASE}slow\n" if terminal else "slow\n")


def test_a_worker_of_a_queue_says_it_in_its_log_once(caplog, monkeypatch):
    monkeypatch.setattr(slow_kernel, "_told", set())
    info = engine_info(REFUSED)
    request = CalculationRequest(geometry=copper(), engine=info, settings=CalculationSettings.static())
    with caplog.at_level(logging.WARNING, logger="liface"):
        for _ in range(2):
            InProcessExecutor().run([request], EngineSpec.parse(REFUSED))
    (record,) = caplog.records
    assert "no compiler today" in record.getMessage()
