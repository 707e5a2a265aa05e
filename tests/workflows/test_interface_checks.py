"""Did the film keep its planes, and does it still touch the substrate: on cells made by hand."""

import numpy as np
import pytest

from liface.documents import Geometry
from liface.workflows.steps.interface import DEBONDED_GAP_A, is_bonded
from liface.workflows.steps.interface_result import keeps_planes

EDGE_A = 3.4


def stack(substrate, film, height) -> Geometry:
    """Two atoms per plane, at the given heights, in a cell of the given height (Å)."""
    heights = np.repeat([*substrate, *film], 2)
    lateral = np.tile([[0.0, 0.0], [EDGE_A / 2, EDGE_A / 2]], (len(heights) // 2, 1))
    return Geometry(
        cell=((EDGE_A, 0.0, 0.0), (0.0, EDGE_A, 0.0), (0.0, 0.0, float(height))),
        species=("W",) * (2 * len(substrate)) + ("Li",) * (2 * len(film)),
        positions=tuple((float(x), float(y), float(z)) for (x, y), z in zip(lateral, heights, strict=True)),
        frozen=(False,) * len(heights),
        roles=("substrate",) * (2 * len(substrate)) + ("film",) * (2 * len(film)),
    )


def moved(geometry: Geometry, atoms, by) -> Geometry:
    positions = geometry.position_array
    positions[atoms] += by
    return geometry.with_positions(positions)


SUBSTRATE = (1.0, 2.6, 4.2)


# --- planes --------------------------------------------------------------------------------------------------

WIDE = stack(SUBSTRATE, (6.4, 8.1, 9.8, 11.5), 13.7)
"""Li(100)-like: planes 1.7 Å apart, which never overlap in a film that keeps them."""
NARROW = stack(SUBSTRATE, (6.4, 7.4, 8.4, 9.4, 10.4), 12.6)
"""Li(111)-like: planes 1.0 Å apart, neighbours may overlap."""
FIRST = 6
"""Index of the first film atom."""


@pytest.mark.parametrize(
    "by",
    [(0, 0, 0), (0, 0, 0.8), (1.0, -0.4, 0)],
    ids=["unmoved", "raised together", "slid together"],
)
def test_a_film_that_moves_as_one_keeps_its_planes(by):
    for film in (WIDE, NARROW):
        atoms = list(range(FIRST, film.n_atoms))
        assert keeps_planes(film, moved(film, atoms, by))


def test_planes_may_breathe_and_buckle():
    after = moved(WIDE, [FIRST, FIRST + 3], (0, 0, 0.5))
    assert keeps_planes(WIDE, moved(after, [FIRST + 1], (0, 0, -0.4)))


@pytest.mark.parametrize(("atom", "up"), [(FIRST, 1.75), (FIRST + 3, -1.75), (FIRST + 7, -1.8)])
def test_an_atom_that_reaches_the_next_plane_breaks_its_own(atom, up):
    assert keeps_planes(WIDE, moved(WIDE, [atom], (0, 0, 0.9 * up)))
    assert not keeps_planes(WIDE, moved(WIDE, [atom], (0, 0, up)))


def test_close_planes_may_overlap_their_neighbours_but_not_the_next_but_one():
    assert keeps_planes(NARROW, moved(NARROW, [FIRST], (0, 0, 1.2)))
    assert not keeps_planes(NARROW, moved(NARROW, [FIRST], (0, 0, 2.1)))


def test_the_substrate_and_films_of_one_plane_have_no_say():
    assert keeps_planes(WIDE, moved(WIDE, list(range(FIRST)), (0, 0, 9.0)))
    single = stack(SUBSTRATE, (6.4,), 20.0)
    assert keeps_planes(single, moved(single, [FIRST], (0, 0, 3.0)))


def test_planes_are_those_of_the_film_as_built():
    """Small corrugation of one plane does not make two planes of it."""
    built = moved(WIDE, [FIRST + 1], (0, 0, 0.1))
    assert keeps_planes(built, moved(built, [FIRST], (0, 0, 0.4)))
    assert not keeps_planes(built, moved(built, [FIRST], (0, 0, 1.75)))


# --- contact -------------------------------------------------------------------------------------------------


def sandwich(lower, upper) -> Geometry:
    film = 4.2 + lower + np.array([0.0, 1.7, 3.4])
    return stack(SUBSTRATE, film, film[-1] + upper - SUBSTRATE[0])


@pytest.mark.parametrize(
    ("lower", "upper", "bonded"),
    [
        (2.2, 2.2, True),
        (DEBONDED_GAP_A - 0.05, DEBONDED_GAP_A - 0.05, True),
        (DEBONDED_GAP_A + 0.05, 2.2, False),
        (2.2, DEBONDED_GAP_A + 0.05, False),
        (2.2, 5.5, False),
        (4.5, 4.5, False),
        (2.2, 15.0, False),
    ],
)
def test_a_sandwich_touches_on_both_sides(lower, upper, bonded):
    assert is_bonded(sandwich(lower, upper), "sandwich") is bonded


@pytest.mark.parametrize(("gap", "bonded"), [(2.0, True), (3.4, True), (3.6, False), (9.0, False)])
def test_under_vacuum_only_the_interface_counts(gap, bonded):
    assert is_bonded(sandwich(gap, 15.0), "vacuum") is bonded


def test_contact_does_not_depend_on_where_the_stack_lies_in_its_cell():
    for gap, bonded in ((2.2, True), (4.0, False)):
        cell = sandwich(gap, 2.2)
        moved_on = moved(cell, list(range(cell.n_atoms)), (EDGE_A, -2 * EDGE_A, 0.3))
        assert is_bonded(moved_on, "sandwich") is bonded
