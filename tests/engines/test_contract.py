"""Every shipped engine against the shipped contract suite."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from liface.engines import resolve
from liface.errors import EngineContractError
from liface.testing.engine_contract import assert_engine_contract, copper


def _needs(package):
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed")


@pytest.mark.parametrize("name", ["emt", "morse", "ase:ase.calculators.emt.EMT?asap_cutoff=true"])
def test_test_engines_keep_the_contract(name):
    assert_engine_contract(resolve(name), copper())


@pytest.mark.mlip
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("chgnet", marks=_needs("chgnet")),
        pytest.param("sevennet", marks=_needs("sevenn")),
    ],
)
def test_potentials_keep_the_contract(name):
    assert_engine_contract(resolve(name), copper())


class _Spoiled:
    """EMT with one thing wrong."""

    def __init__(self, spoil):
        self.engine, self.spoil = resolve("emt"), spoil
        self.info, self.packages = self.engine.info, self.engine.packages

    def calculator(self, needs_stress):
        from ase.calculators.emt import EMT

        spoil = self.spoil

        class Spoiled(EMT):
            def calculate(self, *args, **kwargs):
                super().calculate(*args, **kwargs)
                spoil(self.results, self.atoms)

        return Spoiled()


def _wrong_sign(results, atoms):
    results["forces"] = -results["forces"]


def _wrong_stress_unit(results, atoms):
    results["stress"] = results["stress"] * 160.2


def _hartree(results, atoms):
    for key in ("energy", "forces", "stress"):
        results[key] = results[key] / 2000


def _place_dependent(results, atoms):
    results["energy"] += 0.01 * atoms.positions[0, 0]


def _not_extensive(results, atoms):
    results["energy"] += 0.5


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_wrong_sign, "check_forces"),
        (_wrong_stress_unit, "check_stress"),
        (_hartree, "check_units"),
        (_place_dependent, "check_translation"),
        (_not_extensive, "check_extensivity"),
    ],
)
def test_a_broken_engine_is_caught_by_name(spoil, named):
    with pytest.raises(EngineContractError, match=named):
        assert_engine_contract(_Spoiled(spoil), copper())


def test_noise_breaks_determinism():
    noise = np.random.default_rng(0)

    def jitter(results, atoms):
        results["energy"] += 1e-9 * noise.normal()

    with pytest.raises(EngineContractError, match="check_determinism"):
        assert_engine_contract(_Spoiled(jitter), copper())


def test_missing_hash_is_caught():
    engine = resolve("emt")
    nameless = replace(engine, info=engine.info.model_copy(update={"weights_sha256": "unknown"}))
    with pytest.raises(EngineContractError, match="sha256"):
        assert_engine_contract(nameless, copper())
