"""Points without an energy, and results that are not the energy the forces belong to."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from gpaw_cases import geometry
from liface.documents import (
    CalculationRequest,
    CalculationSettings,
    ConvergedCalculation,
    FailedCalculation,
    UnconvergedCalculation,
)
from liface.engines import engine_info, run
from liface.engines.calculators import CalculatorEngine
from liface.engines.optimizer import FALL_BACK, _TrustRegionSearch
from liface.errors import EngineSetupError, NoEnergyError, RunStoppedError


def relax(calculator, max_force_calls=200):
    atoms = bulk("Cu", cubic=True, a=3.6)
    atoms.rattle(0.1, seed=3)
    info = engine_info("emt")
    settings = CalculationSettings(max_force_calls=max_force_calls)
    request = CalculationRequest(geometry=geometry(atoms), engine=info, settings=settings)
    return run(request, CalculatorEngine(info=info, packages=(), build=lambda needs_stress: calculator))


class Exhausted(EMT):
    """EMT that has no energy from a call on."""

    def __init__(self, good):
        super().__init__()
        self.good, self.seen, self.places = good, [], []

    def calculate(self, *args, **kwargs):
        if len(self.seen) == self.good:
            raise NoEnergyError("SCF did not converge")
        super().calculate(*args, **kwargs)
        self.seen.append(self.results["energy"])
        self.places.append(self.atoms.positions.copy())


def test_no_energy_at_the_first_point_is_a_failure():
    document = relax(Exhausted(0))
    assert isinstance(document, FailedCalculation)
    assert document.reason == "NoEnergyError: SCF did not converge"
    assert document.n_force_calls == 1


@pytest.mark.parametrize("good", [1, 3])
def test_no_energy_on_the_way_ends_at_the_best_point_before(good):
    calculator = Exhausted(good)
    document = relax(calculator)
    assert isinstance(document, UnconvergedCalculation)
    assert document.reason.startswith("SCF did not converge: largest force")
    assert document.energy_ev == min(calculator.seen)
    best = calculator.places[int(np.argmin(calculator.seen))]
    np.testing.assert_allclose(document.final.canonical().position_array, np.mod(best, 3.6), atol=1e-9)


def test_no_energy_in_the_fall_back_ends_at_the_best_point_before(monkeypatch):
    monkeypatch.setattr(_TrustRegionSearch, "refusals_allowed", -1)  # straight to the fall-back
    calculator = Exhausted(5)
    document = relax(calculator)
    assert isinstance(document, UnconvergedCalculation)
    assert document.optimizer == FALL_BACK
    assert document.reason.startswith("SCF did not converge")
    assert document.energy_ev == min(calculator.seen)


@pytest.mark.parametrize("kind", [RunStoppedError, EngineSetupError])
def test_what_no_structure_is_to_blame_for_is_no_outcome(kind):
    class Stopped(Exhausted):
        def calculate(self, *args, **kwargs):
            try:
                super().calculate(*args, **kwargs)
            except NoEnergyError as error:
                raise kind("not the structure") from error

    with pytest.raises(kind, match="not the structure"):
        relax(Stopped(2))


class Smeared(EMT):
    """EMT whose result is another energy than that of its forces, and would lead uphill."""

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["energy"] = -10 * self.results["free_energy"]


def test_the_optimizer_follows_the_free_energy_and_the_result_is_the_energy():
    plain, smeared = relax(EMT()), relax(Smeared())
    assert isinstance(smeared, ConvergedCalculation)
    assert smeared.n_force_calls == plain.n_force_calls
    np.testing.assert_allclose(smeared.energies_ev, -10 * np.array(plain.energies_ev))
    assert smeared.energy_ev == smeared.energies_ev[-1]
