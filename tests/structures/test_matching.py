import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from crystals import antifluorite, bcc, fcc, hcp, lpscl, noisy, rocksalt, rotated, triclinic

from liface.errors import InputError, LatticeMismatchError
from liface.structures import matching
from liface.structures.integers import gauss_reduce, lattice_points, row_hermite, sublattices, sublattices_of
from liface.structures.matching import (
    best_match,
    describe_match,
    film_deformation,
    find_matches,
    in_plane_vectors,
    von_mises_strain,
)

HEXAGONAL = np.array([[3.0, 0.0], [-1.5, 1.5 * 3**0.5]])
SQUARE = np.diag([3.0, 3.0])
OBLIQUE = np.array([[3.1, 0.0], [-1.1, 4.4]])

PAIRS = [
    (bcc("W", 3.165), "110", "100"),
    (bcc("W", 3.165), "110", "110"),
    (bcc("W", 3.165), "211", "110"),
    (bcc("Mo", 3.147), "110", "110"),
    (fcc(), "111", "100"),
    (fcc(), "111", "110"),
    (hcp(), "0001", "110"),
    (hcp(), "10-10", "100"),
    (rocksalt(), "100", "100"),
    (antifluorite(), "110", "110"),
    (triclinic(), "100", "110"),
]


def integers(match):
    return match.substrate_supercell, match.film_supercell


def singular_strain(source, target):
    return np.linalg.svd(np.linalg.solve(source, target))[1] - 1.0


@pytest.mark.parametrize(("substrate", "plane", "film_plane"), PAIRS)
def test_contains_what_zsl_finds(substrate, plane, film_plane):
    limit, area = 5.0, 90.0
    base, over = in_plane_vectors(substrate, plane), in_plane_vectors(bcc(), film_plane)
    ours = find_matches(base, over, max_area_a2=area, max_strain_percent=limit)
    have = [(m.area_a2, sorted(m.principal_percent)) for m in ours]
    from pymatgen.analysis.interfaces.zsl import ZSLGenerator  # takes seconds, and every worker reads every file

    generator = ZSLGenerator(max_area=area * 1.1, max_length_tol=0.05, max_angle_tol=0.05, max_area_ratio_tol=0.1)
    flat = [np.column_stack([v, np.zeros(2)]) for v in (over, base)]
    seen = 0
    for found in generator(*flat):
        target = np.array(found.substrate_sl_vectors)[:, :2]
        source = np.array(found.film_sl_vectors)[:, :2]
        size = abs(np.linalg.det(target))
        principal = sorted(100 * singular_strain(source, target))
        if max(abs(p) for p in principal) > limit - 1e-3 or size > area:
            continue
        seen += 1
        # the same strained film may need only a fraction of the cell that ZSL reports
        assert any(np.allclose(principal, p, atol=0.02) and abs(size / a - round(size / a)) < 1e-3 for a, p in have), (
            size,
            principal,
        )
    if ours:
        assert seen


@pytest.mark.parametrize(("substrate", "plane", "film_plane"), PAIRS)
def test_every_match_is_what_it_says(substrate, plane, film_plane):
    base, over = in_plane_vectors(substrate, plane), in_plane_vectors(bcc(), film_plane)
    for m in find_matches(base, over):
        target, source = np.array(m.substrate_supercell) @ base, np.array(m.film_supercell) @ over
        assert np.linalg.det(target) > 0
        assert np.linalg.det(source) > 0
        assert m.area_a2 == pytest.approx(np.linalg.det(target), rel=1e-4)
        assert m.area_a2 <= 120.0 + 1e-6
        assert m.n_substrate_cells == round(np.linalg.det(m.substrate_supercell))
        assert m.n_film_cells == round(np.linalg.det(m.film_supercell))
        deformation = film_deformation(m, base, over)
        assert source @ deformation.T == pytest.approx(target, abs=1e-9)
        strains = sorted(100 * (np.linalg.svd(deformation)[1] - 1))
        assert strains == pytest.approx(list(m.principal_percent), abs=0.02)
        assert m.strain_percent == pytest.approx(max(np.abs(strains)), abs=0.02)
        assert m.strain_percent <= 6.0 + 1e-6


def test_order_and_distinctness():
    base, over = in_plane_vectors(bcc("W", 3.165), "110"), in_plane_vectors(bcc(), "110")
    found = find_matches(base, over)
    tiers = [m.strain_percent > 4 for m in found]
    assert tiers == sorted(tiers)
    for tier in (False, True):
        areas = [round(m.area_a2, 1) for m in found if (m.strain_percent > 4) is tier]
        assert areas == sorted(areas)
    assert len({integers(m) for m in found}) == len(found)
    assert found[0] == best_match(base, over)


def test_brute_force_agrees():
    """Every pair of sublattices in every basis with entries up to 4, for an oblique pair."""
    base, over, area, limit = OBLIQUE, np.array([[3.3, 0.0], [0.4, 3.0]]), 70.0, 6.0
    small = [np.array([[a, b], [c, d]]) for a, b, c, d in np.ndindex(9, 9, 9, 9)]
    small = [m - 4 for m in small]
    unimodular = np.array([m for m in small if abs(round(np.linalg.det(m))) == 1])
    strains = set()
    for i in range(1, int(area / abs(np.linalg.det(base))) + 1):
        for j in range(1, int(1.15 * area / abs(np.linalg.det(over))) + 1):
            for s in sublattices(i):
                for f in sublattices(j):
                    f_bases = unimodular @ (gauss_reduce((f @ over) @ (f @ over).T) @ f)
                    s_basis = gauss_reduce((s @ base) @ (s @ base).T) @ s
                    if np.linalg.det(s_basis) < 0:
                        s_basis = s_basis * [[1], [-1]]
                    films = f_bases[np.linalg.det(f_bases) > 0] @ over
                    target = np.broadcast_to(s_basis @ base, films.shape)
                    values = np.linalg.svd(np.linalg.solve(films, target))[1]
                    good = values[(np.abs(values - 1) <= limit / 100).all(axis=1)]
                    strains.update((i, *np.round(sorted(100 * (v - 1)), 3)) for v in good)
    have = find_matches(base, over, max_area_a2=area, max_strain_percent=limit)
    ours = {(m.n_substrate_cells, *np.round(m.principal_percent, 3)) for m in have}
    assert ours
    assert ours <= strains
    for n, low, high in strains:
        assert any(n % k == 0 and abs(p - low) < 2e-3 and abs(q - high) < 2e-3 for k, p, q in ours)


@pytest.mark.parametrize("size", [1e-8, 1e-6])
@pytest.mark.parametrize(("substrate", "plane", "film_plane"), PAIRS)
def test_noise_changes_no_integers(substrate, plane, film_plane, size):
    first = find_matches(in_plane_vectors(substrate, plane), in_plane_vectors(bcc(), film_plane))
    for seed in range(3):
        base = in_plane_vectors(noisy(substrate, size, seed), plane)
        over = in_plane_vectors(noisy(bcc(), size, seed + 9), film_plane)
        assert [integers(m) for m in find_matches(base, over)] == [integers(m) for m in first]


@pytest.mark.parametrize("plane", ["100", "110", "111"])
def test_rotated_crystal_gives_the_same_match(plane):
    base = in_plane_vectors(bcc("W", 3.165), "110")
    first = find_matches(base, in_plane_vectors(bcc(), plane))
    again = find_matches(in_plane_vectors(rotated(bcc("W", 3.165)), "110"), in_plane_vectors(rotated(bcc()), plane))
    assert [integers(m) for m in again] == [integers(m) for m in first]


@pytest.mark.parametrize("lattice", [HEXAGONAL, SQUARE, OBLIQUE])
def test_basis_choice_does_not_matter(lattice):
    over = in_plane_vectors(bcc(a=3.3), "110")
    first = find_matches(lattice, over)
    for change in ([[1, 1], [0, 1]], [[2, 1], [1, 1]], [[0, -1], [1, 0]]):
        again = find_matches(np.array(change) @ lattice, over)
        assert [m.area_a2 for m in again] == pytest.approx([m.area_a2 for m in first], abs=0.01)
        for p, q in zip(again, first, strict=True):
            assert p.principal_percent == pytest.approx(q.principal_percent, abs=0.01)


@pytest.mark.parametrize("lattice", [HEXAGONAL, SQUARE, OBLIQUE])
def test_a_crystal_matches_itself(lattice):
    match = best_match(lattice, lattice)
    assert integers(match) == (((1, 0), (0, 1)), ((1, 0), (0, 1)))
    assert match.strain_percent == pytest.approx(0, abs=1e-9)
    assert match.rotation_deg == pytest.approx(0, abs=1e-6)


def test_known_cell_lpscl_on_lithium():
    found = find_matches(in_plane_vectors(lpscl(10.28), "100"), in_plane_vectors(bcc(a=3.433), "100"))
    # 10.28/3.433 = 2.994: the conventional cell carries 3 x 3 Li cells at 0.2 %
    assert any((m.n_substrate_cells, m.n_film_cells) == (2, 9) and m.strain_percent < 0.25 for m in found)


def test_von_mises_convention_is_pymatgens():
    from pymatgen.analysis.elasticity.strain import Strain

    match = best_match(in_plane_vectors(bcc("W", 3.165), "110"), in_plane_vectors(bcc(), "100"))
    green = np.zeros((3, 3))
    green[:2, :2] = match.strain_tensor
    assert match.von_mises_percent == pytest.approx(100 * Strain(green).von_mises_strain, rel=1e-9)
    stretch = np.diag([1.03, 0.99, 1.0])
    strain = Strain.from_deformation(stretch)
    assert von_mises_strain(0.5 * (stretch.T @ stretch - np.eye(3))) == pytest.approx(strain.von_mises_strain)


def test_strain_tensor_by_hand():
    match = describe_match(((1, 0), (0, 1)), ((1, 0), (0, 1)), np.diag([3.15, 2.97]), np.diag([3.0, 3.0]))
    assert match.principal_percent == pytest.approx((-1.0, 5.0))
    assert match.strain_percent == pytest.approx(5.0)
    assert np.array(match.strain_tensor) == pytest.approx(np.diag([(1.05**2 - 1) / 2, (0.99**2 - 1) / 2]))
    assert match.area_a2 == pytest.approx(3.15 * 2.97)


def test_no_match_says_how_far_away():
    with pytest.raises(LatticeMismatchError, match=r"Li\(100\) on X: smallest strain 10.0 %.*raise max_area"):
        best_match(np.diag([3.3, 3.3]), SQUARE, max_area_a2=12.0, label="Li(100) on X")
    with pytest.raises(LatticeMismatchError, match="no coherent cell of at most 5"):
        best_match(SQUARE, SQUARE, max_area_a2=5.0)
    assert find_matches(SQUARE, SQUARE, max_area_a2=5.0) == ()


@pytest.mark.parametrize("limits", [{"max_area_a2": 0.0}, {"max_strain_percent": -1.0}, {"max_area_a2": float("nan")}])
def test_senseless_limits(limits):
    with pytest.raises(InputError):
        find_matches(SQUARE, SQUARE, **limits)


STORED = json.loads((Path(__file__).parent / "coherent_cells.json").read_text(encoding="utf-8"))
"""What an exhaustive search, one pair of sublattices after the other, found before there was a faster one."""


@pytest.mark.parametrize("row", STORED)
def test_the_cells_are_those_of_the_exhaustive_search(row):
    limits = {name: row[name] for name in ("max_area_a2", "max_strain_percent")}
    found = find_matches(np.array(row["substrate"]), np.array(row["film"]), **limits)
    cells = [[list(map(list, m.substrate_supercell)), list(map(list, m.film_supercell))] for m in found]
    assert len(found) == row["n"]
    assert cells[:2] == row["first"]
    assert [m.strain_percent for m in found[:2]] == pytest.approx(row["strains_percent"], abs=2e-6)
    assert hashlib.sha256(json.dumps(cells).encode()).hexdigest() == row["sha256"]
    if found:
        assert best_match(np.array(row["substrate"]), np.array(row["film"]), **limits) == found[0]


def test_a_strain_at_the_edge_of_preference_is_compared_with_all():
    substrate = SQUARE * (1 + matching.PREFERRED_STRAIN_PERCENT / 100)
    for limit in (6.0, 12.0):
        limits = {"max_area_a2": 150.0, "max_strain_percent": limit}
        assert best_match(substrate, SQUARE, **limits) == find_matches(substrate, SQUARE, **limits)[0]


def test_parts_of_the_search_change_nothing(monkeypatch):
    limits = {"max_area_a2": 90.0, "max_strain_percent": 6.0}
    at_once = find_matches(OBLIQUE, HEXAGONAL, **limits)
    monkeypatch.setattr(matching, "MOST_PAIRS", 7)
    assert find_matches(OBLIQUE, HEXAGONAL, **limits) == at_once
    assert at_once


def test_sublattices_of_several_indices_stand_in_order():
    both = sublattices_of(np.array([3, 4]))
    assert both.tolist() == [*sublattices(3).tolist(), *sublattices(4).tolist()]
    assert sublattices_of(np.array([], dtype=int)).shape == (0, 2, 2)


def test_integer_tools():
    # the number of sublattices of index n is the divisor sum of n
    assert [len(sublattices(n)) for n in (1, 2, 3, 4, 6, 12)] == [1, 3, 4, 7, 12, 28]
    points = lattice_points(np.array([[2, 1], [-1, 3]]))
    assert len(points) == 7
    assert len({tuple(np.round(p @ np.linalg.inv([[2, 1], [-1, 3]]), 9) % 1) for p in points}) == 7
    basis = row_hermite(np.array([[4, 6], [6, 9], [2, 5]]))
    assert abs(round(np.linalg.det(basis))) == 4
    gram = np.array([[9.0, 8.9], [8.9, 9.0]])
    rows = gauss_reduce(gram)
    assert sorted(np.diag(rows @ gram @ rows.T)) == pytest.approx([0.2, 9.0 - 0.0], abs=0.3)
