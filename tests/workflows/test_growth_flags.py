"""What a growth verdict says of the starts that it rests on."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "database"))
from database_factories import binding

from liface.documents import BindingCandidate
from liface.workflows.steps.derived import growth_results


def relaxed(arrangement, energies, shape):
    candidates = tuple(
        BindingCandidate(
            start=f"{shape}-{i}", e_bind_ev_per_li=energy, shape=shape, height_a=2.0, converged=True, calc_id="0" * 32
        )
        for i, energy in enumerate(energies)
    )
    lowest_3d = min(energies) if shape == "3d" else None
    return binding(
        energy=min(energies), n_li=4, arrangement=arrangement, candidates=candidates,
        e_bind_lowest_3d_ev_per_li=lowest_3d, flags=("shape_changed: for example",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("clusters", "atoms", "words"),
    [
        ((-0.10,), (-0.12, -0.05), "dE +20 meV/Li, the next start of the atoms is 70 meV/Li higher"),
        ((-0.12, -0.05), (-0.10,), "dE -20 meV/Li, the next start of the cluster is 70 meV/Li higher"),
        ((-0.10,), (-0.12, -0.11), None),
    ],
)
def test_a_difference_that_one_start_decides_is_flagged(clusters, atoms, words):
    (result,) = growth_results([relaxed("cluster", clusters, "3d"), relaxed("dispersed", atoms, "adatoms")])
    expected = [f"one_start_decides: Li4 on the bare substrate: {words}"] if words else []
    assert list(result.flags) == [*expected, "shape_changed: for example"]
