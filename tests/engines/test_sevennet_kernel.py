"""The compiled convolutions of SevenNet against those of the package."""

from importlib.util import find_spec

import numpy as np
import pytest

from liface.documents import CalculationRequest, CalculationSettings
from liface.engines import engine_info, resolve, run, run_batch
from liface.errors import UnknownEngineError
from liface.testing.engine_contract import copper

pytestmark = [
    pytest.mark.mlip,
    pytest.mark.skipif(find_spec("sevenn") is None, reason="sevenn is not installed"),
]

STOCK = "sevennet?kernel=stock"


@pytest.fixture(scope="module")
def both():
    """The calculator of the package and the one with compiled convolutions."""
    return resolve(STOCK).calculator(needs_stress=True), resolve("sevennet").calculator(needs_stress=True)


def computed(calculator, atoms):
    calculator.calculate(atoms)
    return {name: np.array(calculator.results[name], dtype=float) for name in ("energy", "forces", "stress")}


def lithium_on_tungsten():
    from ase.build import add_adsorbate, bcc110

    atoms = bcc110("W", (2, 2, 2), a=3.17, vacuum=7.0, periodic=True)
    add_adsorbate(atoms, "Li", 2.3, offset=(0.3, 0.4))
    return atoms


def sheared_fluoride():
    from ase.build import bulk

    atoms = bulk("LiF", "rocksalt", a=4.03)
    atoms.set_cell(atoms.cell @ np.array([[1, 0.05, 0], [0, 0.97, 0.02], [0, 0, 1.04]]), scale_atoms=True)
    return atoms


def oxide_with_sulfur():
    from ase import Atoms

    cell = [[4.4, 0, 0], [1.1, 4.6, 0], [0.2, -0.9, 5.0]]
    fractions = [[0.0, 0.1, 0], [0.5, 0.5, 0.1], [0.5, 0.0, 0.5], [0.1, 0.5, 0.45]]
    return Atoms("LiTiOS", cell=cell, scaled_positions=fractions, pbc=True)


def dimer_in_a_box():
    from ase import Atoms

    return Atoms("LiO", positions=[[0, 0, 0], [1.7, 0.2, 0.1]], cell=[12, 12, 12], pbc=True)


@pytest.mark.parametrize("build", [lithium_on_tungsten, sheared_fluoride, oxide_with_sulfur, dimer_in_a_box])
def test_same_energy_forces_and_stress(both, build):
    stock, fused = both
    assert fused.versions == {"sevennet-kernel": "fused"}
    atoms = build()
    atoms.positions += np.random.default_rng(5).normal(scale=0.05, size=atoms.positions.shape)
    expected, found = computed(stock, atoms), computed(fused, atoms)
    assert abs(expected["forces"]).max() > 0.1
    assert found["energy"] == pytest.approx(expected["energy"], abs=1e-6 * len(atoms))
    assert np.allclose(found["forces"], expected["forces"], rtol=0, atol=1e-5)
    assert np.allclose(found["stress"], expected["stress"], rtol=0, atol=1e-6)


def test_atoms_without_neighbours(both):
    from ase import Atoms

    apart = Atoms("LiCu", positions=[[1, 1, 1], [9, 9, 9]], cell=[16, 16, 16], pbc=True)
    stock, fused = (computed(calculator, apart) for calculator in both)
    assert fused["energy"] == pytest.approx(stock["energy"], abs=2e-6)
    assert np.array_equal(fused["forces"], np.zeros((2, 3)))
    assert np.array_equal(stock["forces"], fused["forces"])


def test_forces_are_the_slope_of_the_energy(both):
    _, fused = both
    atoms = lithium_on_tungsten()
    force, step, ends = computed(fused, atoms)["forces"][-1, 2], 0.005, []
    for sign in (1, -1):
        moved = atoms.copy()
        moved.positions[-1, 2] += sign * step
        ends.append(computed(fused, moved)["energy"])
    assert -(ends[0] - ends[1]) / (2 * step) == pytest.approx(force, abs=3e-3)


def test_the_same_bits_again(both):
    _, fused = both
    first, again = (computed(fused, oxide_with_sulfur()) for _ in range(2))
    assert first["energy"] == again["energy"]
    assert np.array_equal(first["forces"], again["forces"])


def test_a_relaxation_ends_where_it_did_and_says_what_computed():
    start = copper().model_copy(update={"frozen": (True, False, False, False)})
    settings = CalculationSettings(fmax_ev_per_a=0.05)
    documents = []
    for name in (STOCK, "sevennet"):
        engine = resolve(name)
        documents.append(run(CalculationRequest(geometry=start, engine=engine.info, settings=settings), engine))
    stock, fused = documents
    assert stock.calc_id == fused.calc_id
    assert stock.versions["sevennet-kernel"] == "stock (asked for)"
    assert fused.versions["sevennet-kernel"] == "fused"
    assert fused.n_force_calls == stock.n_force_calls
    assert fused.energy_ev == pytest.approx(stock.energy_ev, abs=1e-4)
    assert fused.final.positions[0] == start.positions[0]
    assert fused.final.positions[1] != start.positions[1]


@pytest.mark.parametrize("cell", ["c_axis", "full"])
def test_a_cell_relaxes_to_the_same_shape(cell):
    settings = CalculationSettings(fmax_ev_per_a=0.05, cell=cell)
    documents = []
    for name in (STOCK, "sevennet"):
        engine = resolve(name)
        documents.append(run(CalculationRequest(geometry=copper(), engine=engine.info, settings=settings), engine))
    stock, fused = (document.final.cell_array for document in documents)
    assert not np.allclose(fused, copper().cell_array, atol=1e-3)
    assert np.allclose(fused, stock, atol=1e-4)


@pytest.mark.parametrize(("model", "largest_l"), [("7net-l3i5", 3), ("7net-mf-0", 2)])
def test_other_models_are_computed_by_it_too(model, largest_l):
    calculator = resolve(f"sevennet:{model}").calculator(needs_stress=True)
    assert calculator.versions == {"sevennet-kernel": "fused"}  # it agreed with the package when it was loaded
    from liface.engines.sevennet_kernel import FusedConvolution

    fused = [module for module in calculator.model if isinstance(module, FusedConvolution)]
    assert len(fused) == 5
    assert max(int(row[1]) for module in fused for row in module.paths) == 2 * largest_l + 1


@pytest.fixture
def spoiled(both, monkeypatch):
    """Choose the kernel of the package's calculator again, with something put in the place of a part."""
    from liface.engines import sevennet_kernel

    stock, _ = both
    before = computed(stock, oxide_with_sulfur())

    def choose(name, replacement):
        monkeypatch.setattr(sevennet_kernel, name, replacement)
        record = sevennet_kernel.use_fused_convolutions(stock)
        after = computed(stock, oxide_with_sulfur())
        assert after["energy"] == before["energy"], "the calculator is not as it was"
        assert np.array_equal(after["forces"], before["forces"])
        return record

    return choose


def test_wrong_messages_leave_the_stock_kernel(spoiled):
    from liface.engines.convolution import add_messages

    def wrong(sums, x, coupling, distance, source, target, table, step, paths):
        add_messages(sums, x, coupling, distance, source, target, table, step, paths[:-1])

    assert spoiled("add_messages", wrong).startswith("stock (energy differ")


def test_wrong_gradients_leave_the_stock_kernel(spoiled):
    from liface.engines.convolution import pull_messages_back

    def wrong(*arguments):
        pull_messages_back(*arguments)
        arguments[-1][:] *= 1.001  # a thousandth of what the distances get

    record = spoiled("pull_messages_back", wrong)
    assert record.startswith("stock (forces differ by ")
    assert record.endswith("eV/Å, more than 1e-05)")


def test_numbers_that_are_none_leave_the_stock_kernel(spoiled):
    def wrong(sums, *_):
        sums[:] = np.nan

    assert spoiled("add_messages", wrong).startswith("stock (energy differ by nan")


def test_a_compiler_that_fails_leaves_the_stock_kernel(spoiled):
    def broken(*_):
        raise OSError("no compiler today")

    assert spoiled("add_messages", broken) == "stock (OSError: no compiler today)"


def test_a_model_of_another_form_keeps_the_stock_kernel(spoiled):
    assert spoiled("LARGEST_L", 1) == "stock (angular momentum 2 is over 1)"


def test_radial_weights_of_the_table_are_those_of_the_network(both):
    import copy

    import torch

    from liface.engines.sevennet_kernel import SHORTEST_A, _radial_table

    model, cutoff = both[0].model, both[0].cutoff
    embedding, network = model._modules["edge_embedding"], model._modules["1_convolution"].weight_nn
    table = _radial_table(network, embedding, 0.0025, cutoff).astype(float)
    assert table.shape == (2000, 4, 960)
    distance = np.random.default_rng(3).uniform(1.0, cutoff, 300)
    k, s = np.divmod(distance / 0.0025, 1)
    powers = s[:, None] ** np.arange(4)
    read = np.einsum("ek,ekp->ep", powers, table[k.astype(int)])
    network, basis, envelope = (
        copy.deepcopy(part).double() for part in (network, embedding.basis_function, embedding.cutoff_function)
    )
    r = torch.from_numpy(distance)
    exact = network(basis(r) * envelope(r).unsqueeze(-1)).numpy(force=True)
    assert abs(read - exact).max() < 3e-7 * abs(exact).max()
    assert SHORTEST_A < 0.0025


def test_kernel_is_no_other_engine_and_has_two_names():
    assert engine_info(STOCK).fingerprint == engine_info("sevennet").fingerprint
    assert engine_info("ase:ase.calculators.lj.LennardJones?kernel=stock").options == {"kernel": "stock"}
    with pytest.raises(UnknownEngineError, match="kernel is 'auto' or 'stock', not 'quick'"):
        resolve("sevennet?kernel=quick")


def test_a_worker_loads_the_weights_once(monkeypatch):
    import sevenn.util

    from liface.engines import registry

    loaded, load = [], sevenn.util.load_checkpoint
    monkeypatch.setattr(sevenn.util, "load_checkpoint", lambda path: loaded.append(path) or load(path))
    monkeypatch.setattr(registry, "_ENGINES", {})
    info = engine_info("sevennet")
    requests = [
        CalculationRequest(geometry=copper(), engine=info, settings=CalculationSettings(max_force_calls=2, cell=cell))
        for cell in ("fixed", "full", "c_axis")
    ]
    documents = run_batch(requests[:2], "sevennet") + run_batch(requests[2:], "sevennet")
    assert [document.versions["sevennet-kernel"] for document in documents] == ["fused"] * 3
    assert len(loaded) == 1
