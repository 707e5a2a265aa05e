"""What lattice vibrations add to energies: phonons of bulks, vibrations of adsorbed Li and of films."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from liface.documents.base import Document, quantity
from liface.documents.geometry import Geometry
from liface.documents.results import ResultBase

Multiples = tuple[int, int, int]


class ThermalPoint(Document):
    """Harmonic vibrations per atom at one temperature; zero-point energy included."""

    temperature_k: float = quantity("K", "Temperature.", ge=0)
    f_vib_ev_per_atom: float = quantity("eV", "Free energy.")
    u_vib_ev_per_atom: float = quantity("eV", "Energy.")
    entropy_ev_per_k_per_atom: float = quantity("eV/K", "Entropy.")
    heat_capacity_ev_per_k_per_atom: float = quantity("eV/K", "Heat capacity at constant volume.")


class PhononResult(ResultBase):
    """Phonons of a relaxed bulk in the harmonic approximation, at the lattice of 0 K."""

    kind: Literal["phonon"] = "phonon"
    material: str
    zpe_ev_per_atom: float = quantity("eV", "Zero-point energy per atom.")
    f_vib_298_ev_per_atom: float = quantity("eV", "Vibrational free energy per atom at 298.15 K.")
    f_vib_333_ev_per_atom: float = quantity("eV", "The same at 333.15 K.")
    points: tuple[ThermalPoint, ...] = Field(description="Every temperature that was asked for, ascending.")
    highest_thz: float = quantity("THz", "Highest frequency.")
    lowest_thz: float = quantity("THz", "Lowest frequency without the translations at Γ; negative is imaginary.")
    lowest_q: tuple[float, float, float] = quantity(
        "1", "Wave vector of the lowest frequency, fractions of the reciprocal vectors of the primitive cell."
    )
    lowest_commensurate_thz: float = quantity(
        "THz", "Lowest at wave vectors that fit the supercell, where nothing is interpolated."
    )
    n_imaginary: int = quantity("1", "Imaginary modes on the mesh, translations at Γ not counted.", ge=0)
    n_imaginary_near_gamma: int = quantity("1", "Of these, small acoustic ones near Γ: numerical.", ge=0)
    n_modes: int = quantity("1", "All modes on the mesh.", ge=1)
    supercell: Multiples = quantity("1", "Repeats of the conventional cell.")
    n_atoms: int = quantity("1", "Atoms in the supercell.")
    n_displacements: int = quantity("1", "Displaced supercells of this size.")
    displacement_a: float = quantity("Å", "Length of every displacement.")
    smaller_supercell: Multiples | None = quantity("1", "The one it is held against; None where it is the same.")
    supercell_change_mev_per_atom: float | None = quantity(
        "meV", "F_vib at 298.15 K minus that of the smaller supercell, per atom; None where there is none."
    )
    mesh: Multiples = quantity("1", "Wave vectors in the Brillouin zone of the primitive cell.")
    mesh_change_mev_per_atom: float = quantity("meV", "F_vib at 298.15 K minus that of a mesh with 2/3 as many.")
    acoustic_gamma_thz: float = quantity("THz", "Largest translation at Γ before the sum rule: noise of the forces.")
    energy_ev_per_atom: float = quantity("eV", "Energy of the relaxed bulk without vibrations.")
    dos: tuple[tuple[float, float], ...] = quantity(
        "THz, 1/THz", "Frequency and density of states per atom; the integral is 3."
    )
    structure: Geometry


class VibrationPoint(Document):
    """Vibrations of Li on a substrate against bulk Li at one temperature, per Li; zero-point energy included."""

    temperature_k: float = quantity("K", "Temperature.", ge=0)
    f_vib_ev_per_li: float = quantity("eV", "Free energy of the Li on the substrate.")
    f_vib_bulk_ev_per_li: float = quantity("eV", "Free energy of bulk Li: bcc, for a film strained like it.")
    correction_ev_per_li: float = quantity("eV", "The first minus the second.")


class VibrationResult(ResultBase):
    """Vibrations of Li on a substrate that stands still, and the energies at a temperature that follow from them."""

    kind: Literal["vibration"] = "vibration"
    substrate: str
    substrate_plane: str
    substrate_termination: int = quantity("1", "Index of the termination of the substrate.")
    film_plane: str = Field(description="Li plane of the film, or of the monolayers below the adsorbate.")
    monolayers: int = quantity("1", "Li monolayers below the adsorbate; 0 for films.")
    arrangement: Literal["dispersed", "cluster", "film"]
    n_li: int = quantity("1", "Li atoms that move: adsorbed, or in the film.")
    zpe_ev_per_li: float = quantity("eV", "Zero-point energy of the Li on the substrate.")
    correction_0_ev_per_li: float = quantity(
        "eV", "Vibrations minus those of bulk Li, at 0 K; for films bulk Li strained like them."
    )
    correction_298_ev_per_li: float = quantity("eV", "The same at 298.15 K.")
    correction_333_ev_per_li: float = quantity("eV", "The same at 333.15 K.")
    e_bind_ev_per_li: float | None = quantity("eV", "Binding energy without vibrations; None for films.")
    e_bind_0_ev_per_li: float | None = quantity("eV", "Binding energy with zero-point energies.")
    e_bind_298_ev_per_li: float | None = quantity("eV", "Binding free energy at 298.15 K.")
    e_bind_333_ev_per_li: float | None = quantity("eV", "Binding free energy at 333.15 K.")
    delta_e_ev_per_li: float | None = quantity(
        "eV", "Of clusters: E_b(cluster) - E_b(dispersed) without vibrations; positive: atoms win."
    )
    delta_e_0_ev_per_li: float | None = quantity("eV", "The same with zero-point energies.")
    delta_e_298_ev_per_li: float | None = quantity("eV", "The same at 298.15 K.")
    delta_e_333_ev_per_li: float | None = quantity("eV", "The same at 333.15 K.")
    gamma_mev_per_a2: float | None = quantity("meV/Å²", "Interfacial energy without vibrations; None for adsorbates.")
    gamma_0_mev_per_a2: float | None = quantity("meV/Å²", "Interfacial energy with zero-point energies.")
    gamma_298_mev_per_a2: float | None = quantity("meV/Å²", "Interfacial free energy at 298.15 K.")
    gamma_333_mev_per_a2: float | None = quantity("meV/Å²", "Interfacial free energy at 333.15 K.")
    lowest_thz: float = quantity("THz", "Lowest frequency; negative is imaginary.")
    n_imaginary: int = quantity("1", "Imaginary modes, left out of the sums.", ge=0)
    n_soft: int = quantity("1", "Modes below 1.5 THz.", ge=0)
    soft_298_ev_per_li: float = quantity("eV", "What soft modes give to the free energy at 298.15 K.")
    frequencies_thz: tuple[float, ...] = quantity("THz", "All modes, ascending; negative is imaginary.")
    points: tuple[VibrationPoint, ...] = Field(description="Every temperature that was asked for, ascending.")
    displacement_a: float = quantity("Å", "Length of every displacement.")
    n_displacements: int = quantity("1", "Displaced cells.")
    multiples: tuple[int, int] = quantity("1", "Repeats of the cell in the plane while atoms are moved.")
    residual_ev_per_a: float = quantity("eV/Å", "Largest force left on a moved atom in the relaxed cell.")
    area_a2: float = quantity("Å²", "Area of the cell, not repeated.")
    n_interfaces: int = quantity("1", "Interfaces in the cell; 0 for adsorbates.", ge=0)
    structure: Geometry = Field(description="The relaxed cell, not repeated.")
