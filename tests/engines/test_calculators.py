"""The shipped potentials against the calculators of their own packages."""

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from liface.documents import CalculationRequest, CalculationSettings
from liface.engines import engine_info, resolve, run
from liface.engines.catalogue import FAMILIES
from liface.testing.engine_contract import copper

needs_chgnet = pytest.mark.skipif(find_spec("chgnet") is None, reason="chgnet is not installed")
needs_sevenn = pytest.mark.skipif(find_spec("sevenn") is None, reason="sevenn is not installed")


@pytest.mark.mlip
@needs_chgnet
def test_lean_chgnet_is_chgnet():
    from ase.calculators.calculator import PropertyNotImplementedError
    from chgnet.model.dynamics import CHGNetCalculator

    stock, with_stress, lean = (copper().to_ase() for _ in range(3))
    stock.calc = CHGNetCalculator(use_device="cpu")
    with_stress.calc = resolve("chgnet").calculator(needs_stress=True)
    lean.calc = resolve("chgnet").calculator(needs_stress=False)
    for atoms in (stock, with_stress, lean):
        atoms.rattle(0.05, seed=1)
    for atoms in (with_stress, lean):
        assert atoms.get_potential_energy() == float(stock.get_potential_energy())
        assert np.array_equal(atoms.get_forces(), stock.get_forces())  # to the last bit
    assert np.allclose(with_stress.get_stress(voigt=False), stock.get_stress(voigt=False), atol=1e-6)
    with pytest.raises(PropertyNotImplementedError):
        lean.get_stress()


@pytest.mark.mlip
@needs_chgnet
def test_loading_a_model_writes_nothing_to_stdout():
    code = "from liface.engines import resolve; resolve('chgnet').calculator(needs_stress=False)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == ""


@pytest.mark.mlip
@needs_sevenn
def test_an_atom_without_neighbours_is_a_failed_calculation():
    lonely = copper().model_copy(update={"species": ("Cu",), "frozen": (False,), "roles": ("bulk",)})
    lonely = lonely.with_positions(np.zeros((1, 3)), 30 * np.eye(3))
    for name in ("sevennet", "chgnet"):
        if find_spec(FAMILIES[name].package) is None:
            continue
        request = CalculationRequest(geometry=lonely, engine=engine_info(name), settings=CalculationSettings())
        document = run(request, resolve(name))
        assert document.status == "failed" or np.isfinite(document.energy_ev)


@pytest.mark.mlip
@needs_sevenn
def test_modal_of_another_model_is_an_error():
    from liface.errors import UnknownEngineError

    with pytest.raises(UnknownEngineError, match="modal"):
        resolve("sevennet:7net-mf-0?modal=NOPE").calculator(needs_stress=False)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_every_shipped_file_is_where_the_catalogue_says(name):
    from liface.engines.registry import weights_path

    family = FAMILIES[name]
    if find_spec(family.package) is None:
        pytest.skip(f"{family.package} is not installed")
    shipped = [key for key, model in family.models.items() if model.note != "not shipped"]
    assert all(weights_path(family, family.models[key]) for key in shipped)
