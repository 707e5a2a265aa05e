"""The pairs of planes that interfaces are built of in the benchmarks, and the same cells for liface and pymatgen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from pymatgen.analysis.interfaces.coherent_interfaces import CoherentInterfaceBuilder
from pymatgen.analysis.interfaces.zsl import ZSLGenerator, ZSLMatch
from pymatgen.core import Lattice, Structure
from pymatgen.core.interface import Interface

from liface.structures.cutting import cut_slab
from liface.structures.interfaces import InterfaceBuilder
from liface.structures.matching import Match, describe_match, in_plane_vectors

GAP_A, VACUUM_A = 2.0, 15.0
LAYERS = 4
"""Layers of each side, as pymatgen counts them."""


@cache
def crystal(name: str) -> Structure:
    """Return a conventional cell; LPSCl is ordered Li6PS5Cl with the sites of the argyrodite."""
    sites = {
        "Li": ("Im-3m", 3.44, ["Li"], [[0, 0, 0]]),
        "W": ("Im-3m", 3.165, ["W"], [[0, 0, 0]]),
        "Li2S": ("Fm-3m", 5.71, ["Li", "S"], [[0.25, 0.25, 0.25], [0, 0, 0]]),
        "LPSCl": (
            "F-43m",
            10.0,
            ["Li", "P", "S", "S", "Cl"],
            [[0.018, 0.25, 0.25], [0, 0, 0.5], [0.1195, -0.1195, 0.6195], [0.75, 0.75, 0.75], [0, 0, 0]],
        ),
    }
    group, a, species, positions = sites[name]
    return Structure.from_spacegroup(group, Lattice.cubic(a), species, positions)


@dataclass(frozen=True)
class Pair:
    """A film plane on a substrate plane."""

    film: str
    film_plane: str
    substrate: str
    substrate_plane: str
    anion_bonds: tuple[tuple[str, str, float], ...] = ()

    @property
    def name(self) -> str:
        """``Li(110)/W(110)``."""
        return f"{self.film}({self.film_plane})/{self.substrate}({self.substrate_plane})"

    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the in-plane vectors of film and substrate, rows of three numbers, Å."""
        planes = (self.film, self.film_plane), (self.substrate, self.substrate_plane)
        film, substrate = (in_plane_vectors(crystal(name), plane) for name, plane in planes)
        return np.column_stack([film, np.zeros(2)]), np.column_stack([substrate, np.zeros(2)])

    def pymatgen(self, max_area: float) -> CoherentInterfaceBuilder:
        """Return pymatgen's builder, which finds matches and terminations at once."""
        film, substrate = (tuple(map(int, plane)) for plane in (self.film_plane, self.substrate_plane))
        generator = ZSLGenerator(max_area=max_area)
        return CoherentInterfaceBuilder(crystal(self.substrate), crystal(self.film), film, substrate, generator)

    def ours(self, match: Match, film_planes: int, substrate_planes: int) -> InterfaceBuilder:
        """Return the builder of liface for one match."""
        return InterfaceBuilder(
            crystal(self.substrate),
            self.substrate_plane,
            crystal(self.film),
            self.film_plane,
            match,
            film_planes=film_planes,
            substrate_planes=substrate_planes,
            anion_bonds=self.anion_bonds,
        )


PAIRS = (
    Pair("Li", "110", "W", "110"),
    Pair("Li", "110", "Li2S", "111"),
    Pair("Li", "100", "LPSCl", "100", (("P", "S", 2.5),)),
)


def first_interfaces(builder: CoherentInterfaceBuilder, n: int) -> list[Interface]:
    """Return the first n interfaces of the first termination."""
    made = builder.get_interfaces(
        builder.terminations[0],
        gap=GAP_A,
        vacuum_over_film=VACUUM_A,
        film_thickness=LAYERS,
        substrate_thickness=LAYERS,
    )
    return [interface for interface, _ in zip(made, range(n), strict=False)]


def same_match(pair: Pair, found: ZSLMatch) -> Match:
    """Return the match of liface with the sublattices of one of pymatgen, in the basis that strains the film least."""
    film, substrate = (vectors[:, :2] for vectors in pair.vectors())
    upper = np.rint(found.film_transformation).astype(int) @ _change(film, np.array(found.film_vectors))
    lower = np.rint(found.substrate_transformation).astype(int) @ _change(substrate, np.array(found.substrate_vectors))
    lower, upper = _reduced(lower, substrate), _reduced(upper, film)
    bases = [np.array(flat).reshape(2, 2) for flat in product((-1, 0, 1), repeat=4)]
    trials = [
        describe_match(lower.tolist(), (basis @ upper).tolist(), substrate, film)
        for basis in bases
        if round(np.linalg.det(basis)) == 1
    ]
    return min(trials, key=lambda match: match.strain_percent)


def _change(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Return the whole numbers that make their lattice of ours, whatever the orientation in space."""
    gram, wanted = ours @ ours.T, theirs @ theirs.T
    for flat in sorted(product(range(-3, 4), repeat=4), key=lambda numbers: sum(map(abs, numbers))):
        change = np.array(flat).reshape(2, 2)
        if np.allclose(change @ gram @ change.T, wanted, rtol=1e-6) and np.linalg.det(change) > 0:
            return change
    raise ValueError(f"the in-plane lattices {ours.tolist()} and {theirs.tolist()} do not fit together")


def _reduced(supercell: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    from liface.structures.integers import gauss_reduce

    rows = supercell @ vectors
    reduced = gauss_reduce(rows @ rows.T) @ supercell
    return reduced if np.linalg.det(reduced) > 0 else reduced * np.array([[1], [-1]])


def same_planes(pair: Pair, match: Match, interface: Interface) -> tuple[int, int]:
    """Return the film and substrate planes that give as many atoms as an interface of pymatgen has.

    Raises
    ------
    ValueError
        No whole number of repeats does.
    """
    asked = (
        (pair.film, pair.film_plane, (), len(interface.film_indices) / match.n_film_cells),
        (
            pair.substrate,
            pair.substrate_plane,
            pair.anion_bonds,
            len(interface.substrate_indices) / match.n_substrate_cells,
        ),
    )
    found = []
    for name, plane, bonds, wanted in asked:
        for n in range(1, 60):
            slab = cut_slab(crystal(name), plane, n_planes=n, anion_bonds=bonds)
            if len(slab.species) == wanted:
                found.append(n)
                break
        else:
            raise ValueError(f"{pair.name}: no slab of {name}({plane}) has {wanted} atoms per cell")
    return found[0], found[1]
