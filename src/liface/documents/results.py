"""Derived quantities: surface, interfacial, binding and wetting results, each with its evidence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from liface.documents.base import Document, Moment, content_hash, now, quantity
from liface.documents.calculation import EngineInfo
from liface.documents.geometry import Geometry

Matrix2 = tuple[tuple[float, float], tuple[float, float]]
IntMatrix2 = tuple[tuple[int, int], tuple[int, int]]

Flag = str
"""``slug`` or ``slug: detail``; the slugs are listed in :data:`FLAGS`."""

FLAGS = {
    "unconverged": "a relaxation behind this number ended before its force limit",
    "reconstructs": "free in the plane, the film leaves its plane for denser or rotated layers",
    "slides": "free in the plane, the film keeps its planes but finds a clearly lower place",
    "debonded": "the film left the substrate while relaxing; the value is that of two free surfaces",
    "nonlinear": "gamma(n) is not a straight line within the limits",
    "reactive": "broken anions, gamma < 0, or energy still falling: the value depends on the protocol",
    "inequivalent_interfaces": "the two interfaces of the sandwich differ; the value is their average",
    "high_strain": "film strain above the preferred limit",
    "thin_film": "the thinnest film is not yet bulk-like and was left out of the fit",
    "bain_path": "the strained film left the bcc basin",
    "few_points": "fewer film thicknesses than asked for entered the fit",
    "slope_mismatch": "fitted slope and computed strain energy disagree",
    "outside_domain": "outside what the model was trained on; no conclusion may rest on it",
    "gga_u_mixing": "a +U metal appears with and without O or F; training data mix GGA and GGA+U",
    "model_softness": "surface energies of this model are known to be too low",
    "polar": "polar termination",
    "inequivalent_faces": "the two faces of the slab differ; the value is their average",
    "reference_not_minimum": "the clean slab relaxed lower after the adsorbate was removed",
    "shape_changed": "the adsorbate changed its arrangement while relaxing",
    "single_start": "one start of this size and arrangement was relaxed; another may end lower",
    "one_start_decides": "an energy difference behind the verdict would turn without the lowest of the relaxed starts",
    "symmetry_broken": "the symmetric bulk is no minimum of this model",
    "magnetic_order": "cells whose energies are subtracted hold different magnetic orders",
    "thickness": "the surface energy still changes with slab thickness",
    "saddle_order": "the highest image is a saddle point of higher order of the adatom, or its curvature is not known",
    "partial": "some candidates failed; the lowest of the others is given",
    "no_dispersion": "the sheets of a layered crystal hold by dispersion forces that the method leaves out; too low",
    "ratio_cut": "the ratio of arrival rates lay outside 1/1000 to 1000 and was cut to that",
    "hops_slowed": "hops are faster than can be followed one by one; all were slowed by one factor, which keeps "
    "the equilibrium and makes islands smaller and denser",
    "bonds_assumed": "no flat Li island is stored there; its lateral bonds are taken from elsewhere",
    "repulsion_cut": "lateral repulsion was cut so that no barrier falls below zero",
    "supercell_size": "the vibrational free energy still changes with the size of the supercell",
    "one_supercell": "the convergence with the supercell was not checked: both sizes are met by the same cell",
    "mesh_size": "the vibrational free energy still changes with the mesh of wave vectors",
    "imaginary_near_gamma": "small imaginary acoustic modes near the zone centre: numerical; left out of F_vib",
    "imaginary_interpolated": "imaginary modes only between the wave vectors that fit the supercell: a larger one "
    "decides whether they are real; they are left out of F_vib",
    "imaginary_modes": "imaginary modes: the structure is no minimum of this model at 0 K; they are left out of F_vib",
    "not_stationary": "forces are left on the moved atoms, so that the harmonic frequencies are those of a slope",
    "soft_modes": "modes so soft that the harmonic approximation overestimates their entropy",
    "not_settled": "the series still changes at its end by more than the tolerance: no value of it is converged",
    "same_cells": "several values of the parameter give the same cells, so that they prove nothing about each other",
    "preference_assumed": "no wetting of the substrate is stored; a layer on it is taken to be bound as on Li",
}


class Provenance(Document):
    """Where a number comes from."""

    campaign: str
    case: str = Field(description="Readable name of the case inside its campaign.")
    calc_ids: tuple[str, ...] = Field(description="Every calculation that enters the number.")
    liface_version: str
    doi: tuple[str, ...] = Field(description="Papers that define the quantity.")
    screened_by: str | None = Field(
        default=None, description="Record of a cheaper engine by which this case was chosen."
    )
    created_at: Moment = Field(default_factory=now)


class ResultBase(Document):
    """What every derived quantity has."""

    definition: str = Field(description="The formula, with interfaces, surfaces and strained side spelled out.")
    engine: EngineInfo
    converged: bool = Field(description="Every calculation that enters the number converged.")
    flags: tuple[Flag, ...] = ()
    provenance: Provenance

    @property
    def record_id(self) -> str:
        """Content identity: everything but provenance."""
        return content_hash(self.model_dump(mode="json", exclude={"provenance"}))


class SurfaceResult(ResultBase):
    """Energy of a relaxed free surface; positive, costs energy to make."""

    kind: Literal["surface"] = "surface"
    material: str
    plane: str
    termination: int = quantity("1", "Index of the termination, counted along the plane normal.")
    gamma_mev_per_a2: float = quantity("meV/Å²", "Surface energy; mean of both faces where they differ.")
    gamma_j_per_m2: float = quantity("J/m²", "The same.")
    gamma_unrelaxed_mev_per_a2: float | None = quantity(
        "meV/Å²", "Before the atoms were relaxed; None where a cheaper engine relaxed them first."
    )
    thickness_a: float = quantity("Å", "Slab thickness.")
    n_planes: int = quantity("1", "Atomic planes in the slab.")
    n_atoms: int = quantity("1", "Atoms in the slab.")
    area_a2: float = quantity("Å²", "Area of one face.")
    vacuum_a: float = quantity("Å", "Vacuum between periodic images.")
    thickness_drift_mev_per_a2: float = quantity("meV/Å²", "Value minus that of the next thinner slab.")
    structure: Geometry


class FilmPoint(Document):
    """One film thickness of a series."""

    n_planes: int = quantity("1", "Li planes in the film.")
    n_li: int = quantity("1", "Li atoms in the film.")
    n_atoms: int = quantity("1", "Atoms in the cell.")
    energy_ev: float = quantity("eV", "Energy of the relaxed cell.")
    gamma_mev_per_a2: float = quantity("meV/Å²", "Excess energy per interface area with unstrained references.")
    converged: bool
    calc_id: str


class ScanPoint(Document):
    """One single point of a gap or registry scan."""

    kind: Literal["gap", "registry"]
    gap_a: float = quantity("Å", "Distance between the facing planes before relaxation.")
    shift: tuple[float, float] = quantity("1", "In-plane shift of the film, fractions of the interface cell.")
    gamma_mev_per_a2: float = quantity("meV/Å²", "Unrelaxed excess energy per interface area.")
    calc_id: str


class LineFit(Document):
    """gamma(n_li) = intercept + slope n_li."""

    intercept_mev_per_a2: float = quantity("meV/Å²", "Value at zero film thickness.")
    stderr_mev_per_a2: float = quantity("meV/Å²", "Standard error of the intercept.")
    slope_mev_per_a2_per_li: float = quantity("meV/Å²", "Slope per Li atom in the cell.")
    r_squared: float | None = quantity("1", "None where the series has no variance to explain.", default=None)
    residuals_mev_per_a2: tuple[float, ...] = quantity("meV/Å²", "Observed minus fitted, in the order of the points.")


class InterfaceResult(ResultBase):
    """Li interfacial energy of one substrate plane with one Li plane; negative forms spontaneously."""

    kind: Literal["interface"] = "interface"
    substrate: str
    substrate_plane: str
    substrate_termination: int = quantity("1", "Index of the termination, counted along the plane normal.")
    film: str = "Li"
    film_plane: str
    method: Literal["sandwich", "vacuum"] = Field(description="Two interfaces, or one interface and two surfaces.")
    relaxation: Literal["coherent", "free"] = Field(
        default="coherent", description="Along the normal only, or in every direction."
    )
    release_gain_mev_per_a2: float | None = quantity(
        "meV/Å²",
        "Gain of the thinnest coherent film when set free in its plane; None where not tried.",
        default=None,
    )
    n_interfaces: int = quantity("1", "Interfaces in the cell.")
    equivalent_interfaces: bool = Field(description="Inversion maps one interface of the sandwich on the other.")
    gamma_mev_per_a2: float = quantity("meV/Å²", "Headline: intercept with the slope fixed to the strain energy.")
    gamma_j_per_m2: float = quantity("J/m²", "The same.")
    gamma_stderr_mev_per_a2: float = quantity("meV/Å²", "Standard error of the headline value.")
    gamma_free_mev_per_a2: float = quantity("meV/Å²", "Intercept of the free fit, the published method.")
    gamma_plateau_mev_per_a2: float = quantity("meV/Å²", "Mean of the two thickest films, strain removed.")
    max_residual_mev_per_a2: float = quantity("meV/Å²", "Largest residual of the headline fit.")
    free_fit: LineFit
    fixed_fit: LineFit
    strain_energy_mev_per_li: float = quantity("meV", "Bulk Li strained onto the cell, height relaxed, per atom.")
    strain_percent: float = quantity("%", "Largest principal strain of the film, by absolute value.")
    von_mises_percent: float = quantity("%", "Von Mises strain of the film.")
    strain_tensor: Matrix2 = quantity("1", "In-plane Green-Lagrange strain of the film.")
    area_a2: float = quantity("Å²", "Area of the interface cell.")
    substrate_supercell: IntMatrix2 = quantity("1", "Rows: cell vectors in in-plane vectors of the substrate.")
    film_supercell: IntMatrix2 = quantity("1", "The same in those of the film.")
    n_points: int = quantity("1", "Film thicknesses in the fit.")
    points: tuple[FilmPoint, ...] = Field(description="All thicknesses, also those left out of the fit.")
    scan: tuple[ScanPoint, ...]
    shift: tuple[float, float] = quantity("1", "Registry of the chosen start, fractions of the interface cell.")
    gap_a: float = quantity("Å", "Gap of the chosen start.")
    anion_bonds_lost: float = quantity("1", "Share of bonds inside molecular anions lost while relaxing.", default=0.0)
    substrate_planes: int = quantity("1", "Atomic planes of the substrate.")
    structure: Geometry = Field(description="Relaxed cell of the thickest film.")


class BindingCandidate(Document):
    """One start that was relaxed."""

    start: str = Field(description="Site or isomer and orientation, e.g. hollow-1 or tetrahedron/vertex.")
    e_bind_ev_per_li: float = quantity("eV", "Binding energy per Li against bcc Li.")
    shape: str = Field(description="What it became: adatoms, raft or 3d.")
    height_a: float = quantity("Å", "Highest adsorbed Li above the surface.")
    converged: bool
    calc_id: str


class BindingResult(ResultBase):
    """Binding of n Li on a slab, per Li; positive is less stable than bulk bcc Li."""

    kind: Literal["binding"] = "binding"
    substrate: str
    substrate_plane: str
    monolayers: int = quantity("1", "Li monolayers between substrate and adsorbate.")
    n_li: int = quantity("1", "Adsorbed Li atoms.")
    arrangement: Literal["dispersed", "cluster"]
    e_bind_ev_per_li: float = quantity("eV", "Lowest of all candidates, per Li.")
    candidates: tuple[BindingCandidate, ...] = Field(description="All starts, lowest first.")
    e_bind_lowest_3d_ev_per_li: float | None = quantity("eV", "Lowest that stayed three-dimensional.", default=None)
    substrate_termination: int = quantity("1", "Index of the termination of the substrate.", default=0)
    film_plane: str = Field(default="110", description="Plane of the Li monolayers, where there are any.")
    reference_gain_ev: float = quantity("eV", "How much lower the slab relaxed after removal; 0 if it did not.")
    area_a2: float = quantity("Å²", "Area of the slab cell.")
    n_atoms: int = quantity("1", "Atoms in the cell.")
    strain_percent: float = quantity("%", "Largest principal strain of the Li monolayers.", default=0.0)
    structure: Geometry


class GrowthResult(ResultBase):
    """Cluster against atoms on bare and covered substrate, and the growth mode that follows."""

    kind: Literal["growth"] = "growth"
    substrate: str
    substrate_plane: str
    mode: Literal["Frank-van der Merwe", "Stranski-Krastanov", "Volmer-Weber", "undecided"]
    delta_e_ev_per_li: dict[str, float] = quantity(
        "eV", "E_b(cluster) - E_b(dispersed) per Li, keyed 'monolayers/n_li'; positive: atoms win, the layer wets."
    )
    evidence: str


class WettingResult(ResultBase):
    """Adhesion and contact angle of Li on a substrate (Young-Dupré)."""

    kind: Literal["wetting"] = "wetting"
    substrate: str
    substrate_plane: str
    film_plane: str
    gamma_substrate_mev_per_a2: float = quantity("meV/Å²", "Surface energy of the substrate.")
    gamma_li_mev_per_a2: float = quantity("meV/Å²", "Surface energy of Li on the film plane.")
    gamma_interface_mev_per_a2: float = quantity("meV/Å²", "Li interfacial energy.")
    work_of_adhesion_mev_per_a2: float = quantity("meV/Å²", "gamma_A + gamma_Li - gamma_A|Li.")
    work_of_adhesion_j_per_m2: float = quantity("J/m²", "The same.")
    cos_theta: float = quantity("1", "(gamma_A - gamma_A|Li)/gamma_Li, not clipped.")
    contact_angle_deg: float = quantity("deg", "0 where cos_theta >= 1, 180 where <= -1.")


class AdhesionResult(ResultBase):
    """Work of adhesion of two materials; positive where they stick. A and B stand in the order of their names."""

    kind: Literal["adhesion"] = "adhesion"
    material_a: str
    plane_a: str
    termination_a: int = quantity("1", "Index of the termination, counted along the plane normal.")
    material_b: str
    plane_b: str
    termination_b: int = quantity("1", "The same of B.")
    strained: Literal["a", "b"] = Field(description="Side that takes the strain; the other keeps its lattice.")
    work_of_adhesion_mev_per_a2: float = quantity("meV/Å²", "(E_A + E_B - E_AB) / area; positive sticks.")
    work_of_adhesion_j_per_m2: float = quantity("J/m²", "The same.")
    energy_a_ev: float = quantity("eV", "Slab of A alone, relaxed in the cell of the interface.")
    energy_b_ev: float = quantity("eV", "Slab of B alone, relaxed in the cell of the interface.")
    energy_ab_ev: float = quantity("eV", "Both slabs in contact, relaxed.")
    area_a2: float = quantity("Å²", "Area of the interface cell.")
    strain_percent: float = quantity("%", "Largest principal strain of the strained side, by absolute value.")
    von_mises_percent: float = quantity("%", "Von Mises strain of the strained side.")
    strain_tensor: Matrix2 = quantity("1", "In-plane Green-Lagrange strain of the strained side.")
    supercell_a: IntMatrix2 = quantity("1", "Rows: cell vectors in in-plane vectors of A.")
    supercell_b: IntMatrix2 = quantity("1", "The same of B.")
    face_a: str = Field(description="Species of the plane of A that meets B.")
    face_b: str = Field(description="Species of the plane of B that meets A.")
    n_planes_a: int = quantity("1", "Atomic planes of A.")
    n_planes_b: int = quantity("1", "Atomic planes of B.")
    thickness_a_a: float = quantity("Å", "Height of the slab of A, outermost atoms, as built.")
    thickness_b_a: float = quantity("Å", "Height of the slab of B, outermost atoms, as built.")
    n_atoms: int = quantity("1", "Atoms in the cell of both.")
    gap_a: float = quantity("Å", "Distance between the facing outermost atoms, relaxed.")
    start_gap_a: float = quantity("Å", "Gap of the chosen start.")
    shift: tuple[float, float] = quantity(
        "1", "Registry of the chosen start: strained side over the other, fractions of the interface cell."
    )
    scan: tuple[ScanPoint, ...] = Field(
        description="Gaps, then registries; unrelaxed, the two free surfaces included in the energy."
    )
    anion_bonds_lost: float = quantity("1", "Share of bonds inside molecular anions lost while relaxing.", default=0.0)
    structure: Geometry = Field(description="Relaxed cell of both; the strained side has the role film.")


class BulkResult(ResultBase):
    """A relaxed reference bulk."""

    kind: Literal["bulk"] = "bulk"
    material: str
    energy_ev_per_atom: float = quantity("eV", "Energy per atom of the relaxed cell.")
    volume_a3_per_atom: float = quantity("Å³", "Volume per atom.")
    lattice: tuple[float, float, float, float, float, float] = quantity("Å, deg", "Conventional a, b, c, α, β, γ.")
    lattice_error_percent: float | None = quantity("%", "Largest deviation of a, b, c from the library.", default=None)
    symmetry_lowering_mev_per_atom: float = quantity("meV", "Gain of breaking the symmetry of the start.", default=0.0)
    structure: Geometry


class FailedCase(Document):
    """A case that gave no result, with its reason."""

    status: Literal["failed"] = "failed"
    case_id: str
    campaign: str
    case: str
    kind: str
    engine: EngineInfo
    reason: str
    calc_ids: tuple[str, ...] = ()
    created_at: Moment = Field(default_factory=now)


class FinishedCase(Document):
    """A case whose results are all stored."""

    status: Literal["finished"] = "finished"
    case_id: str
    campaign: str
    case: str
    kind: str
    engine: EngineInfo
    record_ids: tuple[str, ...]
    calc_ids: tuple[str, ...]
    failures: tuple[str, ...] = Field(default=(), description="Reasons of calculations that failed on the way.")
    created_at: Moment = Field(default_factory=now)


CaseDocument = Annotated[FinishedCase | FailedCase, Field(discriminator="status")]
CASE_ADAPTER: TypeAdapter[FinishedCase | FailedCase] = TypeAdapter(CaseDocument)
