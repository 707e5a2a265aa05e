"""Phonons of a crystal from forces in displaced supercells, by phonopy (10.1016/j.scriptamat.2015.07.021).

Polar splitting of optical modes (LO-TO) is not corrected: no engine here gives Born charges.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from liface.analysis.vibrations import Thermal, atomic_masses, thermal
from liface.documents import Geometry
from liface.errors import AnalysisError

SYMMETRY_A = 1e-3
"""Atoms that symmetry maps onto each other to this distance are equivalent; a relaxation leaves less noise."""
NOISE_THZ = 0.05
"""What noise of forces may do to a frequency at a wave vector that fits the supercell."""
NUMERICAL_THZ = 0.3
"""An imaginary acoustic mode near Γ below this is noise of forces and interpolation."""
DOS_POINTS = 200


@dataclass(frozen=True)
class Modes:
    """Every phonon of one mesh of the Brillouin zone; frequencies in THz, imaginary ones negative."""

    mesh: tuple[int, int, int]
    frequencies_thz: np.ndarray
    weights: np.ndarray
    """Wave vectors that each row stands for, shape (nq,)."""
    translations: np.ndarray
    """The three modes at Γ that move the whole crystal, same shape as the frequencies; they carry no energy."""
    near_gamma: np.ndarray
    """Acoustic modes nearer to Γ than any wave vector that fits the supercell, same shape."""
    n_atoms: int
    """Atoms of the primitive cell."""
    wave_vectors: np.ndarray
    """Of every row, fractions of the primitive reciprocal cell, shape (nq, 3)."""

    @cached_property
    def imaginary(self) -> np.ndarray:
        """Modes of no positive frequency, but for the translations."""
        return (self.frequencies_thz <= 0) & ~self.translations

    @cached_property
    def numerical(self) -> np.ndarray:
        """Imaginary modes that are small, acoustic and near Γ."""
        return self.imaginary & self.near_gamma & (self.frequencies_thz > -NUMERICAL_THZ)

    def count(self, modes: np.ndarray) -> int:
        """Count modes over the whole mesh."""
        return int(np.sum(modes * self.weights[:, None]))

    @property
    def n_modes(self) -> int:
        """Modes of the whole mesh."""
        return int(self.weights.sum()) * self.frequencies_thz.shape[1]

    @property
    def lowest_thz(self) -> float:
        """Lowest frequency but for the translations."""
        return float(self.frequencies_thz[~self.translations].min())

    @property
    def lowest_q(self) -> tuple[float, float, float]:
        """Wave vector of the lowest frequency, or one that symmetry makes equivalent."""
        lowest = np.where(self.translations, np.inf, self.frequencies_thz).min(axis=1)
        a, b, c = (round(float(x), 6) for x in self.wave_vectors[lowest.argmin()])
        return a, b, c

    def real(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the positive frequencies and how often each counts per atom."""
        kept = ~self.imaginary & ~self.translations
        share = np.broadcast_to(self.weights[:, None], self.frequencies_thz.shape) / self.weights.sum() / self.n_atoms
        return self.frequencies_thz[kept], share[kept]

    def thermal(self, temperature_k: float) -> Thermal:
        """Return the sums per atom over modes of positive frequency."""
        frequencies, share = self.real()
        return thermal(frequencies, temperature_k, share)


def standardised(cell: Geometry) -> Geometry:
    """Return the conventional cell with its symmetry made exact; positions move by less than 1 mÅ.

    Raises
    ------
    AnalysisError
        No symmetry can be found, not even the identity.
    """
    import spglib

    species = sorted(set(cell.species))
    numbers = [species.index(name) for name in cell.species]
    fractional = np.linalg.solve(cell.cell_array.T, cell.position_array.T).T
    crystal: Any = (cell.cell_array, fractional, numbers)
    found: Any = spglib.standardize_cell(crystal, symprec=SYMMETRY_A)
    if found is None:
        raise AnalysisError("the symmetry of the relaxed bulk cannot be found; atoms overlap, or the cell is flat")
    matrix, points, kinds = found
    return Geometry(
        cell=_rows(matrix),
        species=tuple(species[kind] for kind in kinds),
        positions=_rows(points @ matrix),
        frozen=(False,) * len(kinds),
        roles=("bulk",) * len(kinds),
    )


def multiples_for(cell: Geometry, edge_a: float) -> tuple[int, int, int]:
    """Return how often the cell is repeated so that opposite faces lie at least ``edge_a`` apart."""
    n = np.ceil(edge_a / widths(cell.cell_array) - 1e-6).astype(int)
    return int(max(n[0], 1)), int(max(n[1], 1)), int(max(n[2], 1))


def widths(cell: np.ndarray) -> np.ndarray:
    """Return the distances of opposite faces, Å."""
    return 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)


def displaced_supercells(cell: Geometry, multiples: Sequence[int], displacement_a: float) -> tuple[Geometry, ...]:
    """Return the supercells with one atom moved each; symmetry leaves out those that follow from others.

    Where -d does not follow from +d by symmetry both are made, so that forces left by the relaxation cancel.
    """
    return tuple(
        Geometry(
            cell=_rows(found.cell),
            species=tuple(found.symbols),
            positions=_rows(found.positions),
            frozen=(False,) * len(found),
            roles=("bulk",) * len(found),
        )
        for found in _displaced(cell, tuple(multiples), displacement_a).supercells_with_displacements or ()
        if found is not None
    )


class LatticeDynamics:
    """Force constants of a supercell, and the phonons that follow from them.

    Parameters
    ----------
    forces_ev_per_a
        Forces in the cells of :func:`displaced_supercells`, in their order; shape (ncells, natoms, 3).
    """

    def __init__(
        self, cell: Geometry, multiples: Sequence[int], displacement_a: float, forces_ev_per_a: np.ndarray
    ) -> None:
        self._phonopy = deepcopy(_displaced(cell, tuple(multiples), displacement_a))
        expected = len(self._phonopy.supercells_with_displacements or ())
        if len(forces_ev_per_a) != expected:
            raise AnalysisError(f"{len(forces_ev_per_a)} sets of forces for {expected} displaced supercells")
        self._phonopy.forces = np.asarray(forces_ev_per_a)
        self._phonopy.produce_force_constants()
        self.acoustic_gamma_thz = float(np.abs(self._at_gamma()[:3]).max())
        """Largest frequency of the three translations before they are set to zero: noise of the forces."""
        self._phonopy.symmetrize_force_constants()
        self.lowest_commensurate_thz = self._lowest_commensurate()
        """Lowest frequency at a wave vector that fits the supercell, where nothing is interpolated; no translations."""
        self._shortest = float(np.min(1 / (np.asarray(multiples) * widths(cell.cell_array))))

    def modes(self, mesh_length_a: float) -> Modes:
        """Return the phonons on a mesh around Γ; ``mesh_length_a`` times a reciprocal vector gives its numbers."""
        self._phonopy.run_mesh(mesh_length_a, is_gamma_center=True)
        mesh = self._phonopy.mesh
        frequencies, weights = np.array(mesh.frequencies), np.array(mesh.weights)
        points = np.array(mesh.qpoints)
        distance = _distance_from_gamma(points, self._phonopy.primitive.cell)
        acoustic = np.argsort(np.argsort(frequencies, axis=1), axis=1) < 3
        translations = np.zeros(frequencies.shape, dtype=bool)
        for row in np.flatnonzero(distance < 1e-9):
            translations[row, np.argsort(np.abs(frequencies[row]))[:3]] = True
        near = acoustic & (distance < self._shortest - 1e-9)[:, None]
        numbers = tuple(int(n) for n in mesh.mesh_numbers)
        return Modes(
            (numbers[0], numbers[1], numbers[2]),
            frequencies,
            weights,
            translations,
            near,
            len(self._phonopy.primitive),
            points,
        )

    def density(self) -> tuple[tuple[float, float], ...]:
        """Return frequency (THz) and density of states (per THz and atom) on the last mesh; its integral is 3."""
        frequencies = np.array(self._phonopy.mesh.frequencies)
        low, high = float(frequencies.min()), float(frequencies.max())
        margin = 0.02 * (high - low)
        pitch = (high - low + 2 * margin) / (DOS_POINTS - 1)
        self._phonopy.run_total_dos(freq_min=low - margin, freq_max=high + margin + pitch / 2, freq_pitch=pitch)
        total = self._phonopy.total_dos
        density = np.array(total.dos) / len(self._phonopy.primitive)
        pairs = zip(total.frequency_points, density, strict=True)
        return tuple((round(float(f), 5), round(float(g), 6)) for f, g in pairs)

    def _lowest_commensurate(self) -> float:
        from phonopy.harmonic.dynmat_to_fc import get_commensurate_points

        matrix = np.linalg.inv(self._phonopy.primitive_matrix) @ self._phonopy.supercell_matrix
        points = get_commensurate_points(np.rint(matrix).astype(int))
        self._phonopy.run_qpoints(points)
        frequencies = np.array(self._phonopy.qpoints.frequencies)
        for row in np.flatnonzero(_distance_from_gamma(np.array(points), self._phonopy.primitive.cell) < 1e-9):
            frequencies[row, np.argsort(np.abs(frequencies[row]))[:3]] = np.inf
        return float(frequencies.min())

    def _at_gamma(self) -> np.ndarray:
        self._phonopy.run_qpoints([[0.0, 0.0, 0.0]])
        frequencies = np.array(self._phonopy.qpoints.frequencies)[0]
        return frequencies[np.argsort(np.abs(frequencies))]


@lru_cache(maxsize=2)
def _displaced(cell: Geometry, multiples: tuple[int, ...], displacement_a: float) -> Any:
    """Return phonopy with its displacements, to be read only: finding the symmetry of a supercell takes seconds."""
    from phonopy import Phonopy  # typed as Any: what it has depends on what was run
    from phonopy.structure.atoms import PhonopyAtoms
    from phonopy.structure.cells import guess_primitive_matrix

    atoms = PhonopyAtoms(
        symbols=list(cell.species),
        cell=cell.cell_array,
        positions=cell.position_array,
        masses=atomic_masses(cell.species),
    )
    phonopy = Phonopy(
        atoms,
        supercell_matrix=np.diag(multiples),
        primitive_matrix=guess_primitive_matrix(atoms, symprec=SYMMETRY_A),
        symprec=SYMMETRY_A,
    )
    phonopy.generate_displacements(distance=displacement_a)
    return phonopy


def _distance_from_gamma(points: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Return the distance of wave vectors from the nearest Γ, 1/Å without 2π."""
    reciprocal = np.linalg.inv(cell).T
    images = np.array(np.meshgrid(*[(-1, 0, 1)] * 3, indexing="ij")).reshape(3, -1).T
    return np.linalg.norm((points[:, None, :] + images[None]) @ reciprocal, axis=2).min(axis=1)


def _rows(array: np.ndarray) -> tuple[tuple[float, float, float], ...]:
    return tuple((float(x), float(y), float(z)) for x, y, z in np.asarray(array))
