import pytest
from crystals import antifluorite, bcc, fcc, hcp, quartz
from pymatgen.core import Lattice, Structure

from liface.errors import MillerIndexError
from liface.structures.crystal import plane_family
from liface.structures.planes import is_hexagonal, parse_plane, plane_label


@pytest.mark.parametrize(
    ("text", "hkl"),
    [
        ("110", (1, 1, 0)),
        ("(1 1 0)", (1, 1, 0)),
        ("-110", (-1, 1, 0)),
        ("1-10", (1, -1, 0)),
        ("1,-1,0", (1, -1, 0)),
        ("2 2 0", (1, 1, 0)),
        ("[0 0 -2]", (0, 0, -1)),
        ("10 1 0", (10, 1, 0)),
        ("1\N{MINUS SIGN}10", (1, -1, 0)),
    ],
)
def test_three_indices(text, hkl):
    assert parse_plane(text, hexagonal=False) == hkl


@pytest.mark.parametrize(
    ("text", "hkl"),
    [("0001", (0, 0, 1)), ("10-10", (1, 0, 0)), ("1,1,-2,0", (1, 1, 0)), ("11-22", (1, 1, 2)), ("100", (1, 0, 0))],
)
def test_four_indices(text, hkl):
    assert parse_plane(text, hexagonal=True) == hkl


@pytest.mark.parametrize("text", ["", "000", "abc", "11", "1-", "1.5 0 0", "10-11-2", "(110", "1 1 0 0 0", "--110"])
def test_nonsense_is_refused(text):
    with pytest.raises(MillerIndexError):
        parse_plane(text, hexagonal=False)


def test_four_indices_need_a_hexagonal_crystal():
    with pytest.raises(MillerIndexError, match="not hexagonal"):
        parse_plane("10-10", hexagonal=False)


def test_third_index_must_fit():
    with pytest.raises(MillerIndexError, match="must be 0"):
        parse_plane("1100", hexagonal=True)


@pytest.mark.parametrize("hexagonal", [False, True])
@pytest.mark.parametrize("hkl", [(1, 1, 0), (-1, 1, 0), (0, 0, 1), (2, -1, 3), (11, -3, 1)])
def test_label_reads_back(hkl, hexagonal):
    assert parse_plane(plane_label(hkl, hexagonal), hexagonal) == hkl


def test_labels():
    assert plane_label((1, -1, 0)) == "1-10"
    assert plane_label((0, 0, 1), hexagonal=True) == "0001"
    assert plane_label((1, 0, 0), hexagonal=True) == "10-10"


def test_hexagonal_crystals():
    assert is_hexagonal(hcp())
    assert is_hexagonal(quartz())
    assert is_hexagonal(hcp().make_supercell([[1, 1, 0], [-1, 1, 0], [0, 0, 1]], in_place=False))
    assert not any(is_hexagonal(s) for s in (bcc(), fcc(), antifluorite()))


@pytest.mark.parametrize(
    ("crystal", "planes", "family"),
    [
        (bcc, ("110", "011", "-101", "1-10", "0-1-1"), "110"),
        (bcc, ("210", "120", "0-12", "20-1"), "210"),
        (fcc, ("111", "-111", "1-1-1", "-1-1-1"), "111"),
        (hcp, ("10-10", "01-10", "-1100", "0-110"), "10-10"),
        (hcp, ("0001", "000-1"), "0001"),
        (hcp, ("11-20", "-2110", "1-210"), "11-20"),
    ],
)
def test_equivalent_planes_are_one_family(crystal, planes, family):
    assert {plane_family(crystal(), plane) for plane in planes} == {family}


def test_families_follow_the_symmetry_and_not_the_digits():
    stretched = Structure(Lattice.tetragonal(3.2, 3.6), bcc().species, bcc().frac_coords)
    assert plane_family(stretched, "110") == "110" != plane_family(stretched, "011")
    assert plane_family(stretched, "011") == plane_family(stretched, "101") == "101"


def test_a_primitive_cell_names_the_same_families():
    assert plane_family(fcc().get_primitive_structure(), "-111") == "111"
    assert plane_family(quartz(), "10-11") != plane_family(quartz(), "01-11"), "two sets of rhombohedral faces"
