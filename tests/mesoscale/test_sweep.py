from __future__ import annotations

import itertools

import numpy as np
import pytest

from liface.documents.mesoscale import Band
from liface.errors import AnalysisError, CheckpointError, TooFewPointsError
from liface.mesoscale import GrowthSpec, GrowthSweep, SweepRun, SweepSpec, sweep
from liface.mesoscale.checkpoint import load_checkpoint, save_checkpoint
from liface.mesoscale.sweep import band, rises

SMALL = SweepSpec(growth=GrowthSpec(size=16), ratios=(0.1, 10.0), seeds=(0, 1), atoms=100)


@pytest.fixture(scope="module")
def published_size():
    """2000 atoms on 64 x 64 columns, as in the source."""
    return SweepRun(SweepSpec(growth=GrowthSpec(), ratios=(0.01, 0.1, 1.0, 10.0, 100.0), seeds=(0, 1, 2))).run()


def test_coverage_rises_and_tips_fall_with_the_ratio(published_size):
    """The trend of 10.1002/adma.202206762, Fig. 6i-m; the ends are apart by much more than the bands."""
    assert published_size.coverage_rises and published_size.tip_height_falls
    low, high = published_size.points[0], published_size.points[-1]
    assert low.coverage.upper < 0.3 < 0.48 < high.coverage.lower
    assert low.tip_height.mean > 2 * high.tip_height.mean and high.roughness.upper < low.roughness.lower
    assert all(run.morphology.atoms == 2000 for run in published_size.runs)


def test_sweep_is_a_document_that_comes_back(published_size):
    assert GrowthSweep.from_json(published_size.model_dump_json()) == published_size
    assert published_size.doi.startswith("10.") and published_size.numba_version


@pytest.mark.parametrize(
    ("means", "expected"),
    [((1, 2, 3), True), ((1,), True), ((1, 2, 1.95, 3), True), ((1, 3, 2, 4), False), ((2, 2, 1.95), False)],
)
def test_a_trend_is_judged_by_its_bands(means, expected):
    bands = [Band(mean=m, lower=m - 0.1, upper=m + 0.1, level=0.95, n=8) for m in means]
    assert rises(bands) is expected


def test_band_is_students():
    found = band([1.0, 2.0, 3.0])
    assert found.mean == 2.0 and found.upper - found.mean == pytest.approx(4.3027 / np.sqrt(3), rel=1e-4)
    assert band([2.0, 2.0]).lower == band([2.0, 2.0]).upper == 2.0
    with pytest.raises(TooFewPointsError):
        band([1.0])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ratios": ()}, "at least one"),
        ({"ratios": (1.0, 0.1)}, "rising"),
        ({"ratios": (0.0, 1.0)}, "positive finite"),
        ({"seeds": (1,)}, "needs two"),
        ({"seeds": (1, 1)}, "each once"),
        ({"seeds": (-1, 1)}, "0 or more"),
        ({"atoms": 0}, "one or more"),
        ({"growth": GrowthSpec(arrival_li_hz=0.0, arrival_substrate_hz=0.0)}, "nothing arrives"),
    ],
)
def test_bad_sweeps_say_what_to_do(changes, words):
    with pytest.raises(AnalysisError, match=words):
        SweepSpec(**({"growth": GrowthSpec(size=4)} | changes))


def test_unfinished_sweep_has_no_result():
    with pytest.raises(TooFewPointsError, match="4 runs"):
        SweepRun(SMALL).result()


@pytest.mark.parametrize("interrupted_at", [0, 3, 12, 30])
def test_interrupted_and_resumed_is_the_same_sweep(tmp_path, monkeypatch, interrupted_at):
    monkeypatch.setattr(sweep, "EVENTS_AT_ONCE", 200)
    looks = itertools.count()

    def press_ctrl_c(_):
        if next(looks) == interrupted_at:
            raise KeyboardInterrupt

    whole = SweepRun(SMALL)
    expected = whole.run()
    first = SweepRun(SMALL)
    with pytest.raises(KeyboardInterrupt):
        first.run(press_ctrl_c)
    assert len(first.records) < 4
    save_checkpoint(tmp_path / "file.npz", first)
    second = load_checkpoint(tmp_path / "file.npz")
    assert second.run() == expected
    assert all(np.array_equal(whole.pictures[ratio], second.pictures[ratio]) for ratio in SMALL.ratios)
    assert [path.name for path in tmp_path.iterdir()] == ["file.npz"]


def test_bad_checkpoints_are_refused(tmp_path):
    path = tmp_path / "file.npz"
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(path)
    run = SweepRun(SMALL)
    save_checkpoint(path, run)
    whole = path.read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="start it again"):
            load_checkpoint(path)
    np.savez(path, about=np.array('{"format": "another"}'))
    with pytest.raises(CheckpointError, match="another"):
        load_checkpoint(path)
    with pytest.raises(CheckpointError, match="cannot be written"):
        save_checkpoint(tmp_path / "none" / "file.npz", run)
