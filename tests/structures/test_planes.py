import pytest
from crystals import antifluorite, bcc, fcc, hcp, quartz

from liface.errors import MillerIndexError
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
