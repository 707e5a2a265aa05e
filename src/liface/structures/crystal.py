"""A bulk crystal seen along a plane normal.

All whole-number choices (conventional axes, in-plane basis, stacking vector) are taken from a *reference*
crystal, with its metric averaged over its symmetry, and with tolerances; the coordinates come from the *bulk*.
So the relaxed lattices of different engines, and numerical noise, all get the same integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from liface.errors import StructureError
from liface.structures.content import Memory, content_key, read_only
from liface.structures.integers import gauss_reduce, plane_basis, row_hermite, smallest_integers
from liface.structures.layered import is_layered
from liface.structures.planes import _HEXAGONAL_GROUPS, Miller, parse_plane, plane_label

if TYPE_CHECKING:
    from pymatgen.core import Structure

SYMPREC_A = 0.02
"""Distance in Å below which atoms count as symmetry-equivalent; above the noise of tight relaxations."""

SAME_ATOM_A = 1.5
"""Largest displacement in Å for which a relaxed atom is still matched to its reference position."""

SAME_CELL = 0.2
"""Relative change of a cell length up to which a relaxed bulk is still its reference."""

SAME_LAYERED_CELL = 0.5
"""The same for a layered crystal: methods without dispersion leave the distance of its sheets almost free."""

CRYSTALS_KEPT, REPEATS_KEPT = 64, 4096
"""Symmetries (about 30 kB each) and repeats (about 5 kB) that are remembered, the latest: a campaign asks for the same
crystals and planes when it names its cases, when it estimates them and when it builds them."""

TRANSLATION_A = 0.1
"""Deviation in Å up to which a relaxed bulk still has a translation of its reference."""


@dataclass(frozen=True, eq=False)
class Repeat:
    """One repeat of a crystal along a plane normal: the smallest periodic unit of any slab.

    Its arrays cannot be written to, since all that is cut from the crystal along this normal shares them.

    Attributes
    ----------
    vectors
        Rows a, b (in plane, a along x, b in the xy plane) and c (to the next repeat), Å; right-handed.
    frac
        Fractional coordinates of the bulk atoms in ``vectors``, shape (n, 3).
    frac_reference
        Those of the reference atoms, same order; only they decide planes and terminations.
    species
        Chemical symbols.
    operations
        (sign, shift): the symmetry maps the height w (fraction of c) on sign * w + shift.
    """

    hkl: Miller
    label: str
    vectors: np.ndarray
    frac: np.ndarray
    frac_reference: np.ndarray
    species: tuple[str, ...]
    operations: tuple[tuple[int, float], ...]

    @property
    def height_a(self) -> float:
        """Thickness of one repeat, Å."""
        return float(self.vectors[2, 2])

    @property
    def in_plane(self) -> np.ndarray:
        """In-plane vectors as rows, Å, shape (2, 2)."""
        return self.vectors[:2, :2]


_SYMMETRIES: Memory[Any] = Memory(CRYSTALS_KEPT)
_REPEATS: Memory[Repeat] = Memory(REPEATS_KEPT)


def symmetry_of(structure: Structure, symprec: float = SYMPREC_A) -> Any:
    """Return the spglib data set of a structure; raises StructureError where spglib finds none."""
    return _SYMMETRIES.get((content_key(structure), symprec), lambda: _symmetry_of(structure, symprec))


def _symmetry_of(structure: Structure, symprec: float) -> Any:
    import spglib

    numbers = {s: i for i, s in enumerate(sorted({str(site.specie.symbol) for site in structure}))}
    cell = (
        structure.lattice.matrix.tolist(),
        structure.frac_coords.tolist(),
        [numbers[str(site.specie.symbol)] for site in structure],
    )
    for tolerance in (symprec, symprec / 10, symprec / 100):
        try:
            dataset = spglib.get_symmetry_dataset(cell, symprec=tolerance)
        except spglib.SpglibError:  # e.g. atoms closer than symprec
            dataset = None
        if dataset is not None:
            return dataset
    raise StructureError(
        f"no symmetry found for {structure.composition.reduced_formula} ({len(structure)} atoms); "
        "look for overlapping atoms or a degenerate cell"
    )


def repeat_of(
    bulk: Structure, plane: str | Miller, reference: Structure | None = None, keep_cell: bool = False
) -> Repeat:
    """Return one repeat of ``bulk`` along the normal of ``plane``.

    The indices refer to the conventional axes of the reference (default: the bulk itself): its own axes
    where they are conventional, else the standard ones. The lattice is taken over from ``bulk`` unchanged.
    With ``keep_cell`` the given cell is repeated whole, also where it holds a smaller one: for materials that
    relax out of their symmetry, so that every engine gets the same cells.

    Raises
    ------
    MillerIndexError
        If ``plane`` is no plane of this crystal.
    StructureError
        If ``bulk`` and ``reference`` are not the same cell of the same material.
    """
    text = plane if isinstance(plane, str) else ",".join(map(str, plane))
    try:
        key = content_key(bulk)
    except AttributeError:  # a site without a species of its own
        _require_ordered(bulk)
        raise
    before = key if reference is None or reference is bulk else content_key(reference)
    if reference is None or before == key:
        reference = bulk
    return _REPEATS.get((key, text, before, keep_cell), lambda: _repeat_of(bulk, text, reference, keep_cell))


def _repeat_of(bulk: Structure, plane: str, reference: Structure, keep_cell: bool) -> Repeat:
    _require_same_cell(bulk, reference)
    dataset = symmetry_of(reference)
    hexagonal = dataset.number in _HEXAGONAL_GROUPS
    hkl = parse_plane(plane, hexagonal)
    rotations = np.unique(dataset.rotations, axis=0)
    metric = _mean_metric(reference.lattice.matrix, rotations)
    axes = _conventional_axes(dataset, metric, rotations)

    frac = bulk.frac_coords
    frac_reference = _matched_reference(bulk, reference)
    translations = np.zeros((1, 3)) if keep_cell else _common_translations(bulk, _pure_translations(dataset))
    primitive = _primitive_rows(translations)
    keep, frac, frac_reference = _one_per_orbit(bulk.lattice.matrix, frac, frac_reference, _symbols(bulk), translations)

    miller = smallest_integers(primitive @ np.linalg.inv(axes) @ np.array(hkl, dtype=float))
    basis = _stacking_basis(miller, primitive, metric, axes, bulk.lattice.matrix) @ primitive
    to_basis = np.linalg.inv(basis)
    symbols = _symbols(bulk)
    return Repeat(
        hkl=hkl,
        label=plane_label(hkl, hexagonal),
        vectors=read_only(_slab_frame(basis @ bulk.lattice.matrix)),
        frac=read_only(frac @ to_basis),
        frac_reference=read_only(frac_reference @ to_basis),
        species=tuple(symbols[i] for i in keep),
        operations=_plane_operations(dataset, basis),
    )


def plane_family(crystal: Structure, plane: str) -> str:
    """Return the label that stands for all planes which the Laue group of the crystal makes equal to this one.

    (011) of a cubic crystal is ``110``, (01-10) of a hexagonal one ``10-10``. A plane and its opposite are one: they
    are the two faces of the same slab. Indices refer to the same axes as in :func:`repeat_of`.

    Raises
    ------
    MillerIndexError
        If ``plane`` is no plane of this crystal.
    """
    dataset = symmetry_of(crystal)
    hexagonal = dataset.number in _HEXAGONAL_GROUPS
    rotations = np.unique(dataset.rotations, axis=0)
    axes = _conventional_axes(dataset, _mean_metric(crystal.lattice.matrix, rotations), rotations)
    of_cell = np.linalg.solve(axes, np.array(parse_plane(plane, hexagonal), dtype=float))
    images = np.rint(np.einsum("ij,njk,k->ni", axes, rotations.transpose(0, 2, 1), of_cell)).astype(int)
    signed = (tuple(int(i) for i in sign * row) for row in images for sign in (1, -1))
    h, k, last = max(signed, key=lambda hkl: (sum(index >= 0 for index in hkl), hkl))
    return plane_label((h, k, last), hexagonal)


def _symbols(structure: Structure) -> tuple[str, ...]:
    return tuple(str(site.specie.symbol) for site in structure)


def _require_ordered(bulk: Structure) -> None:
    if not bulk.is_ordered:
        raise StructureError(
            f"{bulk.composition.reduced_formula} has partially occupied sites; order it before cutting slabs"
        )


def _require_same_cell(bulk: Structure, reference: Structure) -> None:
    if bulk is reference:
        return
    lengths = np.array(bulk.lattice.abc) / np.array(reference.lattice.abc)
    angles = np.array(bulk.lattice.angles) - np.array(reference.lattice.angles)
    stretched = np.abs(lengths - 1).max()
    too_far = stretched > SAME_CELL and (stretched > SAME_LAYERED_CELL or not is_layered(reference))
    if len(bulk) != len(reference) or too_far or np.abs(angles).max() > 15:
        raise StructureError(
            f"bulk ({len(bulk)} atoms, a, b, c = {_abc(bulk)} Å) and reference ({len(reference)} atoms, "
            f"{_abc(reference)} Å) are not the same cell; give the reference in the cell of the bulk"
        )


def _abc(structure: Structure) -> str:
    return ", ".join(f"{x:.3f}" for x in structure.lattice.abc)


def _mean_metric(lattice: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Metric averaged over the point group: symmetric vectors get exactly equal lengths."""
    gram = lattice @ lattice.T
    return np.einsum("nji,jk,nkl->il", rotations, gram, rotations) / len(rotations)


def _conventional_axes(dataset: Any, metric: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Rows: conventional axes as fractions of the reference cell."""
    matrix = np.asarray(dataset.transformation_matrix, dtype=float)
    if abs(abs(np.linalg.det(matrix)) - 1) < 1e-3 and _is_conventional(dataset.number, metric):
        return np.eye(3)
    n = len(_pure_translations(dataset))
    axes = np.rint(np.linalg.inv(matrix).T * n) / n
    # spglib's choice among symmetry-equivalent axes may depend on noise: take the one nearest the given cell.
    proper = [w if np.linalg.det(w) > 0 else -w for w in rotations]
    images = [axes @ w.T for w in proper]
    return max(images, key=lambda m: (round(float(np.trace(m)), 6), *np.round(m, 6).ravel().tolist()))


def _is_conventional(number: int, metric: np.ndarray) -> bool:
    """Tell whether a cell of the right volume has the axes its crystal system is indexed on."""
    lengths = np.sqrt(np.diag(metric))
    cosines = np.array([metric[1, 2], metric[0, 2], metric[0, 1]]) / (lengths.prod() / lengths)
    close = lambda x, y: abs(x - y) < 2e-3  # noqa: E731
    equal_ab = close(lengths[0] / lengths[1], 1)
    right = [close(c, 0) for c in cosines]
    if number < 3:
        return True
    if number < 16:
        return sum(right) >= 2
    if number < 75:
        return all(right)
    if number < 143:
        return all(right) and equal_ab
    if number < 195:
        return right[0] and right[1] and close(cosines[2], -0.5) and equal_ab
    return all(right) and equal_ab and close(lengths[1] / lengths[2], 1)


def _pure_translations(dataset: Any) -> np.ndarray:
    identity = (dataset.rotations == np.eye(3, dtype=int)).all(axis=(1, 2))
    found = dataset.translations[identity]
    n = len(found)
    return (np.rint(found * n) % n) / n


def _common_translations(bulk: Structure, candidates: np.ndarray) -> np.ndarray:
    """Keep the translations that the bulk itself still has after relaxation."""
    symbols = np.array(_symbols(bulk))
    kept = [t for t in candidates if _images(bulk.lattice.matrix, bulk.frac_coords, symbols, t) is not None]
    if len(kept) == len(candidates) or not kept:
        return np.array(kept or np.zeros((1, 3)))
    n = len(candidates)
    closed = row_hermite(np.vstack([np.rint(np.array(kept) * n), n * np.eye(3)]))
    # A set of approximate translations that is no group would tear the crystal: fall back to the given cell.
    order = round(n**3 / abs(np.linalg.det(closed)))
    return np.array(kept) if order == len(kept) else np.zeros((1, 3))


def _images(lattice: np.ndarray, frac: np.ndarray, symbols: np.ndarray, translation: np.ndarray) -> np.ndarray | None:
    """Index of the atom each atom is moved on, or None where some atom has no image."""
    delta = frac[:, None, :] + translation - frac[None, :, :]
    delta -= np.rint(delta)
    distance = np.linalg.norm(delta @ lattice, axis=-1)
    distance[symbols[:, None] != symbols[None, :]] = np.inf
    image = distance.argmin(axis=1)
    if distance.min(axis=1).max() > TRANSLATION_A or len(set(image.tolist())) < len(image):
        return None
    return image


def _primitive_rows(translations: np.ndarray) -> np.ndarray:
    n = len(translations)
    return row_hermite(np.vstack([np.rint(translations * n).astype(int), n * np.eye(3, dtype=int)])) / n


def _one_per_orbit(
    lattice: np.ndarray,
    frac: np.ndarray,
    frac_reference: np.ndarray,
    symbols: tuple[str, ...],
    translations: np.ndarray,
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Average the atoms that lattice translations map on each other; the first of each orbit stays."""
    names = np.array(symbols)
    images = np.array([_images(lattice, frac, names, t) for t in translations])
    keep = [i for i in range(len(frac)) if images[:, i].min() == i]

    def mean(coordinates: np.ndarray) -> np.ndarray:
        moved = coordinates[images[:, keep]] - translations[:, None, :]
        offset = moved - coordinates[keep][None]
        return coordinates[keep] + (offset - np.rint(offset)).mean(axis=0)

    return keep, mean(frac), mean(frac_reference)


def _matched_reference(bulk: Structure, reference: Structure) -> np.ndarray:
    """Return the reference coordinates nearest to the bulk atoms; the bulk itself where they do not pair."""
    frac = bulk.frac_coords
    if reference is bulk or _symbols(reference) != _symbols(bulk):
        return frac
    delta = reference.frac_coords - frac
    delta -= np.rint(delta)
    drift = delta - delta.mean(axis=0)
    if np.linalg.norm(drift @ bulk.lattice.matrix, axis=1).max() > SAME_ATOM_A:
        return frac
    return frac + delta


def _stacking_basis(
    miller: tuple[int, ...],
    primitive: np.ndarray,
    metric: np.ndarray,
    axes: np.ndarray,
    lattice: np.ndarray,
) -> np.ndarray:
    """Integer rows: two shortest in-plane vectors and the stacking vector nearest to the normal."""
    rows = plane_basis(miller)
    gram = primitive @ metric @ primitive.T
    to_axes = primitive @ np.linalg.inv(axes)
    reduced = gauss_reduce(rows[:2] @ gram @ rows[:2].T) @ rows[:2]
    volume_sign = np.linalg.det(primitive @ lattice)

    def indices(row: np.ndarray) -> tuple[float, ...]:
        return tuple(np.round(row @ to_axes, 6).tolist())

    scale = float(np.trace(reduced @ gram @ reduced.T))
    vectors = np.array([pq for pq in product((-2, -1, 0, 1, 2), repeat=2) if any(pq)]) @ reduced
    lengths = [_quantum(v @ gram @ v, scale) for v in vectors]
    steps = [indices(v) for v in vectors]

    def pair_key(pair: tuple[int, int]) -> tuple:
        i, j = pair
        dot = _quantum(vectors[i] @ gram @ vectors[j], scale)
        # shortest, then obtuse or right angle (the hexagonal convention), then the largest indices
        return lengths[i], lengths[j], dot > 0, tuple(-x for x in steps[i] + steps[j])

    volumes = np.cross(vectors[:, None], vectors[None]) @ rows[2] * np.sign(volume_sign)
    first, second = min(zip(*(found.tolist() for found in np.nonzero(volumes == 1)), strict=True), key=pair_key)
    a, b = vectors[first], vectors[second]
    plane = np.array([a, b])
    along = np.linalg.solve(plane @ gram @ plane.T, plane @ gram @ rows[2])
    nearest = rows[2] - np.rint(along).astype(int) @ plane
    offsets = [nearest + np.array(pq) @ plane for pq in product((-1, 0, 1), repeat=2)]
    c = min(offsets, key=lambda v: (_quantum(v @ gram @ v, scale), tuple(-x for x in indices(v))))
    return np.array([a, b, c])


def _quantum(value: float, scale: float) -> int:
    """Whole number of steps of 1e-4 of the scale: differences by noise compare as equal."""
    return round(float(value) / (1e-4 * scale) + 0.137)


def _slab_frame(vectors: np.ndarray) -> np.ndarray:
    """Rotate rows so that a lies along x and b in the xy plane with b_y > 0."""
    a, b, c = vectors
    e1 = a / np.linalg.norm(a)
    normal = np.cross(a, b)
    e3 = normal / np.linalg.norm(normal)
    frame = np.array([e1, np.cross(e3, e1), e3])
    rotated = np.array([a, b, c]) @ frame.T
    rotated[0, 1:] = 0.0
    rotated[1, 2] = 0.0
    return rotated


def _plane_operations(dataset: Any, basis: np.ndarray) -> tuple[tuple[int, float], ...]:
    """(sign, shift) of the heights for every operation that keeps the plane."""
    inverse = np.linalg.inv(basis.T)
    rows = (inverse @ dataset.rotations @ basis.T)[:, 2]
    signs = np.rint(rows[:, 2])
    keeps = (np.abs(signs) == 1) & (np.abs(rows[:, :2]) < 1e-6).all(axis=1) & (np.abs(rows[:, 2] - signs) < 1e-5)
    shifts = (dataset.translations @ inverse.T)[:, 2]
    found = {
        (int(sign), round(float(shift) % 1.0, 6) % 1.0) for sign, shift in zip(signs[keeps], shifts[keeps], strict=True)
    }
    return tuple(sorted(found))
