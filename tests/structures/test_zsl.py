import numpy as np
import pytest
from crystals import antifluorite, bcc, fcc, hcp, lpscl, rotation, triclinic
from hypothesis import example, given, settings
from hypothesis import strategies as st

from liface.errors import InputError
from liface.structures import zsl
from liface.structures.matching import in_plane_vectors
from liface.structures.zsl import zsl_matches

SQUARE, HEXAGONAL = np.diag([3.0, 3.0]), np.array([[3.0, 0.0], [-1.5, 1.5 * 3**0.5]])


@pytest.fixture(scope="module", autouse=True)
def _pymatgen():
    """Load what is compared with for these tests alone: it takes seconds, and every worker reads every file."""
    global ZSLGenerator
    from pymatgen.analysis.interfaces.zsl import ZSLGenerator


def reference(film, substrate, **limits):
    """What pymatgen finds, as a list of pairs of transformations."""
    rows = [np.column_stack([v, np.zeros(2)]) if v.shape == (2, 2) else v for v in (film, substrate)]
    found = ZSLGenerator(**limits)(*rows)
    return [tuple(whole(t) for t in (m.film_transformation, m.substrate_transformation)) for m in found]


def whole(transformation):
    return tuple(map(tuple, np.rint(transformation).astype(int).tolist()))


def assert_same_set(film, substrate, **limits):
    ours, theirs = list(zsl_matches(film, substrate, **limits)), reference(film, substrate, **limits)
    assert len(ours) == len(set(ours)) == len(theirs)
    assert set(ours) == set(theirs)
    return ours


@pytest.mark.parametrize(
    ("film_plane", "substrate", "plane"),
    [
        ("110", bcc("W", 3.165), "110"),
        ("110", antifluorite(), "111"),
        ("100", lpscl(), "100"),
        ("111", fcc(), "111"),
        ("100", hcp(), "0001"),
        ("110", triclinic(), "100"),
        ("110", bcc(), "110"),
    ],
)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_real_planes(film_plane, substrate, plane, bidirectional):
    film, base = in_plane_vectors(bcc(), film_plane), in_plane_vectors(substrate, plane)
    assert_same_set(film, base, max_area=90.0, bidirectional=bidirectional)
    wide = {"max_length_tol": 0.1, "max_angle_tol": 0.1}
    assert assert_same_set(film, base, max_area=100.0, bidirectional=bidirectional, **wide)


lengths = st.floats(2.4, 6.0)


@st.composite
def lattices(draw):
    kind = draw(st.sampled_from(["square", "nearly square", "hexagonal", "nearly hexagonal", "rectangular", "oblique"]))
    a, noise = draw(lengths), draw(st.sampled_from([1e-15, 1e-12, 1e-9, 1e-6, 1e-3]))
    rows = {
        "square": np.diag([a, a]),
        "nearly square": np.array([[a, 0.0], [noise, a * (1 + noise)]]),
        "hexagonal": a * HEXAGONAL / 3,
        "nearly hexagonal": a * HEXAGONAL / 3 + np.array([[0.0, noise], [0.0, 0.0]]),
        "rectangular": np.diag([a, draw(lengths)]),
        "oblique": np.array([[a, 0.0], [draw(st.floats(-9.0, 9.0)), draw(lengths)]]),
    }[kind]
    flat = np.column_stack([rows * draw(st.sampled_from([1.0, -1.0])), np.zeros(2)])
    return flat @ rotation(draw(st.integers(0, 50))).T if draw(st.booleans()) else flat


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    film=lattices(),
    substrate=lattices(),
    scale=st.sampled_from([None, 1.0, 1.03, 1 / 1.03, 1.06]),
    area=st.sampled_from([25.0, 36.0, 60.0, 81.0]),
    ratio=st.sampled_from([0.05, 0.09, 0.2]),
    length=st.sampled_from([0.0, 0.03, 0.06, 0.1]),
    angle=st.sampled_from([0.0, 0.01, 0.1]),
    bidirectional=st.booleans(),
)
@example(SQUARE, SQUARE, None, 90.0, 0.09, 0.03, 0.01, False)  # the area is a whole number of cells
@example(SQUARE, 1.03 * SQUARE, None, 81.0, 0.09, 0.03, 0.01, True)  # the strain is the tolerance
@example(HEXAGONAL, HEXAGONAL, None, 60.0, 0.09, 0.0, 0.0, False)  # the tolerances are nothing
def test_any_lattices(film, substrate, scale, area, ratio, length, angle, bidirectional):
    assert_same_set(
        film,
        substrate if scale is None else film * scale,
        max_area=area,
        max_area_ratio_tol=ratio,
        max_length_tol=length,
        max_angle_tol=angle,
        bidirectional=bidirectional,
    )


def test_on_the_edge_the_reference_decides(monkeypatch):
    asked = []
    by_reference = zsl._Test.by_reference
    monkeypatch.setattr(zsl._Test, "by_reference", lambda *a: asked.append(a) or by_reference(*a))
    zsl_matches(SQUARE, 1.02 * SQUARE, max_area=81.0)
    assert not asked
    assert_same_set(SQUARE, 1.03 * SQUARE, max_area=81.0)
    assert asked


def test_chunks_change_nothing(monkeypatch):
    film, substrate = in_plane_vectors(bcc(), "110"), in_plane_vectors(bcc("W", 3.165), "110")
    whole_at_once = list(zsl_matches(film, substrate, max_area=200.0))
    monkeypatch.setattr(zsl, "MOST_PAIRS", 50)
    assert list(zsl_matches(film, substrate, max_area=200.0)) == whole_at_once
    assert len(whole_at_once) == 70


def test_order_and_areas():
    film, substrate = in_plane_vectors(bcc(), "110"), in_plane_vectors(bcc("W", 3.165), "110")
    found = zsl_matches(film, substrate, max_area=200.0)
    cells = [round(np.linalg.det(f)) * round(np.linalg.det(s)) for f, s in found]
    assert cells == sorted(cells)
    assert found.areas_a2 == pytest.approx([abs(np.linalg.det(np.array(f) @ film)) for f, _ in found])
    assert (found.areas_a2 < 200.0).all()


def test_nothing_fits():
    assert len(zsl_matches(SQUARE, SQUARE, max_area=5.0)) == 0
    assert list(zsl_matches(SQUARE, HEXAGONAL, max_area=20.0)) == []


@pytest.mark.parametrize(
    ("film", "limits"),
    [
        (np.array([[1.0, 0.0], [2.0, 0.0]]), {}),
        (np.eye(3), {}),
        (np.full((2, 2), np.nan), {}),
        (SQUARE, {"max_area": 0.0}),
        (SQUARE, {"max_area": np.inf}),
        (SQUARE, {"max_length_tol": -0.1}),
    ],
)
def test_what_is_refused(film, limits):
    with pytest.raises(InputError):
        zsl_matches(film, SQUARE, **limits)
