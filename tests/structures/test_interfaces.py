import numpy as np
import pytest
from crystals import (
    PS4,
    antifluorite,
    bcc,
    fcc,
    hcp,
    lpscl,
    noisy,
    rocksalt,
    rotated,
    same_environments,
)
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from liface.documents import Geometry
from liface.errors import InputError, OverlapError
from liface.structures.content import Memory
from liface.structures.crystal import repeat_of
from liface.structures.cutting import cut_slab
from liface.structures.interfaces import (
    InterfaceBuilder,
    anion_bond_count,
    registry_shifts,
    strained_film_bulk,
)
from liface.structures.matching import best_match, describe_match, find_matches, in_plane_vectors
from liface.structures.registry import equal_shifts

UNIT = ((1, 0), (0, 1))

SYSTEMS = [
    (bcc("W", 3.165), "110", "100"),
    (bcc("W", 3.165), "110", "110"),
    (bcc("W", 3.165), "110", "111"),
    (hcp(), "0001", "110"),
    (hcp(), "10-10", "100"),
    (rocksalt(), "100", "110"),
    (antifluorite(), "110", "110"),
    (antifluorite(), "111", "111"),
    (fcc(), "111", "111"),
]


def matched(substrate, plane, film_plane, film=None):
    return best_match(in_plane_vectors(substrate, plane), in_plane_vectors(film or bcc(), film_plane))


def has_inversion(structure, symprec=1e-3):
    operations = SpacegroupAnalyzer(structure, symprec=symprec).get_symmetry_operations()
    return any(np.array_equal(op.rotation_matrix, -np.eye(3)) for op in operations)


def roles(cell):
    return np.array(cell.structure.site_properties["role"])


def facing_gaps(cell):
    """Lower and upper gap of a sandwich, from the coordinates alone."""
    z = cell.structure.cart_coords[:, 2] % cell.structure.lattice.matrix[2, 2]
    film, substrate = z[roles(cell) == "film"], z[roles(cell) == "substrate"]
    return film.min() - substrate.max(), substrate.min() + cell.structure.lattice.matrix[2, 2] - film.max()


@pytest.mark.parametrize(
    ("bulk", "plane"),
    [(bcc(), p) for p in ("100", "110", "111", "211")] + [(fcc(), p) for p in ("111", "100", "110")],
)
@pytest.mark.parametrize("film_planes", [1, 2, 3, 4, 5])
def test_a_on_a_is_the_perfect_crystal(bulk, plane, film_planes):
    repeat = repeat_of(bulk, plane)
    match = describe_match(UNIT, UNIT, repeat.in_plane, repeat.in_plane)
    shift = np.linalg.solve(repeat.in_plane.T, repeat.vectors[2, :2])
    for substrate_planes in (3, 4):
        cell = InterfaceBuilder(
            bulk, plane, bulk, plane, match, substrate_planes=substrate_planes, film_planes=film_planes
        ).sandwich(gap_a=repeat.height_a, shift=tuple(shift))
        assert cell.equivalent_interfaces
        assert cell.n_film == film_planes
        assert same_environments(cell.structure, bulk)
        assert StructureMatcher(scale=False).fit(cell.structure, bulk)


@pytest.mark.parametrize(
    ("bulk", "plane"), [(rocksalt(), "100"), (rocksalt(), "110"), (antifluorite(), "110"), (hcp(), "0001")]
)
def test_compound_on_itself_with_the_right_registry(bulk, plane):
    repeat = repeat_of(bulk, plane)
    match = describe_match(UNIT, UNIT, repeat.in_plane, repeat.in_plane)
    spacing = repeat.height_a / (2 if plane == "0001" else 1)
    # the right registry: from the first atom of the top plane to that of the plane that would follow
    slab = cut_slab(bulk, plane, n_planes=2)
    following = slab.positions[0, :2] + slab.repeats * repeat.vectors[2, :2]
    shift = np.linalg.solve(repeat.in_plane.T, following - slab.top_anchor)
    for film_planes in (2, 4) if plane == "0001" else (1, 2, 3):
        cell = InterfaceBuilder(bulk, plane, bulk, plane, match, substrate_planes=2, film_planes=film_planes).sandwich(
            gap_a=spacing, shift=tuple(shift)
        )
        assert cell.equivalent_interfaces
        assert same_environments(cell.structure, bulk)


@pytest.mark.parametrize("film_planes", [3, 4])
@pytest.mark.parametrize(("substrate", "plane", "film_plane"), SYSTEMS)
def test_sandwich_geometry(substrate, plane, film_plane, film_planes):
    match = matched(substrate, plane, film_plane)
    shift = registry_shifts(match)[4]
    cell = InterfaceBuilder(substrate, plane, bcc(), film_plane, match, film_planes=film_planes).sandwich(
        gap_a=2.3, shift=shift
    )
    assert cell.n_film_planes == film_planes
    assert cell.n_film == film_planes * match.n_film_cells == np.sum(roles(cell) == "film")
    assert cell.structure.composition["W"] in (0, 4 * match.n_substrate_cells)
    assert cell.area_a2 == pytest.approx(match.area_a2, rel=1e-4)
    assert facing_gaps(cell) == pytest.approx((2.3, 2.3), abs=1e-6)
    assert cell.equivalent_interfaces
    assert has_inversion(cell.structure)
    assert cell.n_interfaces == 2
    matrix = cell.structure.lattice.matrix
    assert np.linalg.det(matrix) > 0
    assert matrix[0, 1:] == pytest.approx([0, 0], abs=1e-9) or match.substrate_supercell[0][1]
    assert matrix[:2, 2] == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.parametrize(("substrate", "plane", "film_plane"), SYSTEMS[:5])
def test_substrate_is_not_strained(substrate, plane, film_plane):
    match = matched(substrate, plane, film_plane)
    cell = InterfaceBuilder(substrate, plane, bcc(), film_plane, match, film_planes=4, substrate_planes=6).sandwich(
        gap_a=2.5
    )
    alone = cell.structure.copy()
    alone.remove_sites(np.flatnonzero(roles(cell) == "film").tolist())
    nearest = {round(n.nn_distance, 4) for i in alone.get_all_neighbors(3.3) for n in i}
    bulk = {round(n.nn_distance, 4) for i in substrate.get_all_neighbors(3.3) for n in i}
    assert nearest == bulk


def test_the_two_interfaces_look_the_same():
    """Neighbour shells across the lower and the upper interface agree for an odd film in a bad registry."""
    match = matched(bcc("W", 3.165), "110", "100")
    cell = InterfaceBuilder(bcc("W", 3.165), "110", bcc(), "100", match, film_planes=5).sandwich(
        gap_a=2.2, shift=(0.31, 0.17)
    )
    z = cell.structure.cart_coords[:, 2] % cell.structure.lattice.matrix[2, 2]
    film = roles(cell) == "film"
    shells = []
    for plane in (z[film].min(), z[film].max()):
        members = np.flatnonzero(film & (np.abs(z - plane) < 0.1))
        near = [
            sorted(n.nn_distance for n in found if n.specie.symbol == "W")
            for found in (cell.structure.get_neighbors(cell.structure[i], 4.0) for i in members.tolist())
        ]
        shells.append(sorted(near))
    assert len(shells[0]) == match.n_film_cells
    for lower, upper in zip(*shells, strict=True):
        assert lower == pytest.approx(upper, abs=2e-3)


def test_without_inversion_c_is_normal_and_labelled():
    substrate = lpscl()
    match = matched(substrate, "100", "100")
    cell = InterfaceBuilder(
        substrate, "100", bcc(), "100", match, film_planes=4, anion_bonds=PS4, substrate_min_thickness_a=9.0
    ).sandwich(gap_a=2.0)
    assert not cell.equivalent_interfaces
    assert cell.structure.lattice.matrix[2, :2] == pytest.approx([0, 0])
    assert anion_bond_count(cell.structure, PS4) == 4 * cell.structure.composition["P"]
    units = cell.n_substrate_formula_units
    assert units == cell.structure.composition["P"]
    assert facing_gaps(cell) == pytest.approx((2.0, 2.0), abs=1e-6)


def test_shift_moves_the_film_only():
    match = matched(bcc("W", 3.165), "110", "110")
    builder = InterfaceBuilder(bcc("W", 3.165), "110", bcc(), "110", match, film_planes=3)
    at_rest, moved = builder.with_vacuum(2.4), builder.with_vacuum(2.4, (0.2, 0.3))
    delta = moved.structure.frac_coords - at_rest.structure.frac_coords
    delta[:, :2] -= np.floor(delta[:, :2] + 1e-9)
    film = roles(moved) == "film"
    assert delta[film] == pytest.approx(np.tile([0.2, 0.3, 0.0], (film.sum(), 1)), abs=1e-9)
    assert delta[~film] == pytest.approx(0.0, abs=1e-9)


def test_zero_shift_is_on_top():
    match = describe_match(UNIT, UNIT, *(in_plane_vectors(bcc(), "100"),) * 2)
    cell = InterfaceBuilder(bcc(), "100", bcc(), "100", match, film_planes=1, substrate_planes=3).with_vacuum(gap_a=2.5)
    assert cell.structure.get_distance(2, 3) == pytest.approx(2.5)


def test_origin_and_orientation_of_the_bulk_do_not_matter():
    match = matched(bcc("W", 3.165), "110", "100")
    first = InterfaceBuilder(bcc("W", 3.165), "110", bcc(), "100", match, film_planes=3).sandwich(
        gap_a=2.3, shift=(0.1, 0.2)
    )
    moved = rotated(bcc("W", 3.165))
    moved.translate_sites(list(range(len(moved))), [0.13, 0.21, 0.34])
    again = InterfaceBuilder(moved, "110", rotated(bcc(), 5), "100", match, film_planes=3).sandwich(
        gap_a=2.3, shift=(0.1, 0.2)
    )
    assert again.structure.lattice.matrix == pytest.approx(first.structure.lattice.matrix, abs=1e-6)
    assert same_environments(first.structure, again.structure, cutoff=4.0)


@pytest.mark.parametrize("size", [1e-8, 1e-5])
def test_noise_moves_nothing(size):
    match = matched(antifluorite(), "110", "110")
    first, again = (
        InterfaceBuilder(substrate, "110", film, "110", match, film_planes=3).sandwich(2.3, (0.25, 0.1))
        for substrate, film in ((antifluorite(), bcc()), (noisy(antifluorite(), size), noisy(bcc(), size)))
    )
    assert again.structure.species == first.structure.species
    assert again.structure.lattice.matrix == pytest.approx(first.structure.lattice.matrix, abs=200 * size)
    delta = again.structure.frac_coords - first.structure.frac_coords
    delta -= np.rint(delta)
    assert np.abs(delta @ first.structure.lattice.matrix).max() < 200 * size


@pytest.mark.parametrize("film_plane", ["100", "110", "111"])
def test_strained_bulk_is_the_inside_of_the_film(film_plane):
    substrate = bcc("W", 3.165)
    base, over = in_plane_vectors(substrate, "110"), in_plane_vectors(bcc(), film_plane)
    match = best_match(base, over)
    strained = strained_film_bulk(bcc(), film_plane, match, base, over)
    assert strained.lattice.matrix[2, :2] == pytest.approx([0, 0], abs=1e-9)
    assert len(strained) == {"100": 2, "110": 2, "111": 3}[film_plane]
    stretch = np.prod([1 + p / 100 for p in match.principal_percent])
    assert strained.volume / len(strained) == pytest.approx(3.44**3 / 2 * stretch, rel=1e-3)
    film = InterfaceBuilder(substrate, "110", bcc(), film_plane, match, film_planes=15).slab("film")
    z = film.cart_coords[:, 2]
    middle = int(np.argmin(np.abs(z - z.mean())))
    shell = sorted(n.nn_distance for n in film.get_neighbors(film[middle], 4.2))
    bulk_shell = sorted(n.nn_distance for n in strained.get_neighbors(strained[0], 4.2))
    assert shell == pytest.approx(bulk_shell, abs=1e-6)


def test_spacing_scale_stretches_the_film_height():
    substrate = bcc("W", 3.165)
    match = matched(substrate, "110", "100")
    cell = InterfaceBuilder(substrate, "110", bcc(), "100", match, film_planes=4, film_spacing_scale=1.05).sandwich(
        gap_a=2.3
    )
    z = np.unique(np.round(cell.structure.cart_coords[roles(cell) == "film", 2], 6))
    assert np.diff(z) == pytest.approx(1.72 * 1.05)
    assert facing_gaps(cell) == pytest.approx((2.3, 2.3), abs=1e-6)


def test_vacuum_route_parts_add_up():
    substrate = hcp()
    match = matched(substrate, "0001", "110")
    whole = InterfaceBuilder(substrate, "0001", bcc(), "110", match, film_planes=5).with_vacuum(
        gap_a=2.5, vacuum_a=18.0, frozen_planes=2
    )
    lower = InterfaceBuilder(substrate, "0001", bcc(), "110", match, film_planes=5).slab("substrate", frozen_planes=2)
    film = InterfaceBuilder(substrate, "0001", bcc(), "110", match, film_planes=5).slab("film")
    assert whole.n_interfaces == 1
    assert not whole.equivalent_interfaces
    assert len(whole.structure) == len(lower) + len(film)
    for part in (lower, film):
        assert part.lattice.matrix[:2] == pytest.approx(whole.structure.lattice.matrix[:2])
    frozen = [not any(f) for f in whole.structure.site_properties["selective_dynamics"]]
    assert sum(frozen) == 2 * match.n_substrate_cells
    assert frozen[: len(lower)] == [not any(f) for f in lower.site_properties["selective_dynamics"]]
    height = np.ptp(whole.structure.cart_coords[:, 2])
    assert whole.structure.lattice.c - height == pytest.approx(18.0)


def test_registry_shifts():
    plain = registry_shifts()
    assert len(plain) == 9
    assert plain[0] == (0.0, 0.0)
    assert len(set(plain)) == 9
    assert registry_shifts(n=1) == ((0.0, 0.0),)
    with pytest.raises(InputError):
        registry_shifts(n=0)


@pytest.mark.parametrize(("substrate", "plane", "film_plane"), SYSTEMS)
def test_registry_shifts_are_no_lattice_vectors(substrate, plane, film_plane):
    """No two shifts differ by a lattice vector of the substrate plus one of the film."""
    match = matched(substrate, plane, film_plane)
    shifts = registry_shifts(match, 3)
    assert len(set(shifts)) == 9
    rows = [
        vector
        for cell in (match.substrate_supercell, match.film_supercell)
        for vector in np.linalg.inv(np.array(cell)) @ np.eye(2)
    ]
    grid = np.array(np.meshgrid(*[np.arange(-6, 7)] * 4)).reshape(4, -1).T
    equal = (grid @ np.array(rows)) % 1.0
    for x in shifts[1:]:
        delta = equal - np.array(x)
        delta -= np.rint(delta)
        assert np.abs(delta).max(axis=1).min() > 1e-6


def test_atoms_across_the_gap_must_not_touch():
    match = matched(bcc("W", 3.165), "110", "110")
    with pytest.raises(OverlapError, match="interface"):
        InterfaceBuilder(bcc("W", 3.165), "110", bcc(), "110", match, film_planes=2).sandwich(gap_a=0.1)
    with pytest.raises(InputError, match="film_spacing_scale"):
        InterfaceBuilder(bcc("W", 3.165), "110", bcc(), "110", match, film_planes=2, film_spacing_scale=3.0).sandwich(
            gap_a=2.0
        )
    with pytest.raises(InputError, match="part"):
        InterfaceBuilder(bcc("W", 3.165), "110", bcc(), "110", match, film_planes=2).slab("both")


def pair_energy(structure) -> float:
    """A smooth energy that knows distances and elements alone, to tell stacks apart."""
    centres, neighbours, _, distances = structure.get_neighbor_list(6.0)
    numbers = np.array([site.specie.Z for site in structure], dtype=float)
    product = numbers[centres] * numbers[neighbours]
    return float((np.sqrt(product) * np.exp(-1.3 * distances) * (1 - distances / 6.0) ** 2).sum())


@pytest.mark.parametrize(
    ("substrate", "plane", "film_plane", "n", "most"),
    [
        (bcc("W", 3.165), "100", "100", 6, 15), (hcp(), "0001", "100", 4, 15), (bcc("Mo", 3.15), "110", "100", 3, 6),
        (rocksalt(), "100", "110", 3, 8),
    ],
)  # fmt: skip
def test_shifts_that_are_equal_by_symmetry_have_equal_energies(substrate, plane, film_plane, n, most):
    film = bcc()
    match = best_match(in_plane_vectors(substrate, plane), in_plane_vectors(film, film_plane), max_strain_percent=8.0)
    builder = InterfaceBuilder(substrate, plane, film, film_plane, match, film_planes=4, substrate_planes=3)
    shifts = registry_shifts(match, n)
    same_as = equal_shifts(builder.parts, shifts)
    assert same_as[0] == 0 and all(same_as[k] == k for k in set(same_as))
    assert len(set(same_as)) <= most < len(shifts)
    for build in (builder.sandwich, builder.with_vacuum):
        energies = np.array([pair_energy(build(2.6, shift).structure) for shift in shifts])
        assert energies == pytest.approx(energies[list(same_as)], rel=1e-7)
        assert np.ptp(energies[sorted(set(same_as))]) > 1e-6 * abs(energies[0])


def test_shifts_over_a_substrate_without_symmetry_are_all_different():
    substrate = noisy(bcc("W", 3.165), 0.15)
    match = best_match(in_plane_vectors(bcc("W", 3.165), "100"), in_plane_vectors(bcc(), "100"), max_strain_percent=9.0)
    builder = InterfaceBuilder(
        substrate, "100", bcc(), "100", match, film_planes=4, substrate_planes=4,
        substrate_reference=substrate, keep_cell=True,
    )  # fmt: skip
    shifts = registry_shifts(match, 4)
    energies = [round(pair_energy(builder.sandwich(2.6, shift).structure), 8) for shift in shifts]
    assert len(set(equal_shifts(builder.parts, shifts))) == len(set(energies))


def test_atoms_are_counted_without_stacking():
    match = best_match(in_plane_vectors(bcc("W", 3.165), "110"), in_plane_vectors(bcc(), "100"))
    first = InterfaceBuilder(bcc("W", 3.165), "110", bcc(), "100", match, film_planes=3)
    for n in (3, 4, 7):
        builder = first.with_film_planes(n)
        assert builder.film_planes == n
        assert builder.substrate_slab is first.substrate_slab
        whole = builder.sandwich(2.0)
        assert builder.count_atoms(2.0) == whole.n_atoms == len(whole.structure) == len(builder.with_vacuum(2.0).atoms)
    with pytest.raises(OverlapError):
        first.count_atoms(0.1)


def test_slabs_are_shared_by_all_that_is_built_of_them():
    base, over = in_plane_vectors(bcc("W", 3.165), "110"), in_plane_vectors(bcc(), "110")
    one, two = (
        InterfaceBuilder(bcc("W", 3.165), "110", bcc(), "110", match, film_planes=3)
        for match in find_matches(base, over)[:2]
    )
    assert one.substrate_slab is two.substrate_slab  # the crystals are equal, not the same
    assert one.film_slab is two.film_slab
    with pytest.raises(ValueError, match="read-only"):
        one.film_slab.positions[0] = 0.0
    other = InterfaceBuilder(bcc("W", 3.1650001), "110", bcc(), "110", one.match, film_planes=3)
    assert other.substrate_slab is not one.substrate_slab


def test_a_changed_crystal_is_another_crystal():
    crystal = bcc("W", 3.165)
    before = in_plane_vectors(crystal, "110")
    crystal.scale_lattice(crystal.volume * 1.1**3)
    assert in_plane_vectors(crystal, "110") == pytest.approx(1.1 * before)


def test_the_geometry_is_that_of_the_structure():
    match = best_match(in_plane_vectors(hcp(), "0001"), in_plane_vectors(bcc(), "110"))
    cell = InterfaceBuilder(hcp(), "0001", bcc(), "110", match, film_planes=3).with_vacuum(
        2.2, (0.3, 0.1), frozen_planes=2
    )
    assert cell.atoms.geometry().identity == Geometry.from_structure(cell.structure).identity
    assert cell.atoms.geometry().roles == Geometry.from_structure(cell.structure).roles
    assert any(cell.atoms.frozen)


def test_memory_forgets_the_oldest_and_no_failure():
    memory, made = Memory(2), []

    def make(value):
        made.append(value)
        if value < 0:
            raise ValueError(value)
        return value

    for key in (1, 2, 1, 3, 1, 2):
        assert memory.get(key, lambda key=key: make(key)) == key
    assert made == [1, 2, 3, 2]
    for _ in range(2):
        with pytest.raises(ValueError, match="-1"):
            memory.get(-1, lambda: make(-1))
    assert made[-2:] == [-1, -1]
