"""What is asked of a flow: materials, planes and the numerical protocol, all frozen and hashable by content."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from liface.documents import CalculationSettings, Document, Geometry, PathSettings, content_hash, quantity
from liface.documents.results import IntMatrix2

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from liface.structures.library import Material
    from liface.structures.matching import Match

BOND_RULE = tuple[str, str, float]


@lru_cache(maxsize=64)
def crystal_of(geometry: Geometry) -> Structure:
    """Return a geometry as a crystal to build from; it is shared by all who ask, so nobody may change it."""
    return geometry.to_structure()


class Protocol(Document):
    """Numerical settings of a campaign. The defaults are the production values of the shipped campaigns."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    fmax_ev_per_a: float = quantity("eV/Å", "Force limit of slabs, interfaces and adsorbates.", default=0.03, gt=0)
    bulk_fmax_ev_per_a: float = quantity("eV/Å", "Force limit of the bulk references.", default=0.01, gt=0)
    max_force_calls: int = quantity("1", "Limit per relaxation.", default=100, ge=1)
    bulk_force_calls: int = quantity("1", "Limit per relaxation of a bulk reference.", default=400, ge=1)
    vacuum_a: float = quantity("Å", "Vacuum of slabs.", default=15.0, ge=6)
    surface_thickness_a: float = quantity(
        "Å", "Least height of slabs for surface energies, outermost atoms.", default=14.0, gt=0
    )
    substrate_thickness_a: float = quantity(
        "Å", "Least height of the substrate in interfaces, outermost atoms.", default=6.0, gt=0
    )
    film_planes_100: tuple[int, ...] = quantity("1", "Li(100) film thicknesses, planes.", default=(4, 6, 8, 10))
    film_planes_110: tuple[int, ...] = quantity("1", "Li(110) film thicknesses, planes.", default=(4, 5, 6, 8))
    film_planes_111: tuple[int, ...] = quantity("1", "Li(111) film thicknesses, planes.", default=(9, 12, 15, 18))
    max_strain_percent: float = quantity("%", "Largest principal film strain.", default=6.0, gt=0)
    max_area_a2: float = quantity("Å²", "Largest interface cell.", default=120.0, gt=0)
    gaps_a: tuple[float, ...] = quantity("Å", "Gaps tried between the facing planes.", default=(1.7, 2.0, 2.3, 2.6))
    registry_grid: int = quantity("1", "Lateral shifts per direction.", default=3, ge=1)
    registry_grid_commensurate: int = quantity(
        "1", "The same where film and substrate share a lattice: halves and thirds need six.", default=6, ge=1
    )
    registry_tolerance_mev_per_a2: float | None = quantity(
        "meV/Å²",
        "Registry scans of interfaces and adhesions stop once no shift left is expected to be lower than the best by "
        "more than this; None scans every shift.",
        default=None,
        ge=0,
    )
    thicker_from_thinner: bool = Field(
        default=False, description="Start thicker coherent films from the relaxed planes of the thinnest."
    )
    release: bool = Field(default=True, description="Release the thinnest coherent film in the plane as well.")
    release_force_calls: int = quantity("1", "Limit of that relaxation.", default=60, ge=1)
    registry_candidates: int = quantity(
        "1", "Registries relaxed where they differ; the best also from a closer gap.", default=2, ge=1
    )
    binding_edge_a: float = quantity("Å", "Shortest edge of adsorption cells.", default=9.0, gt=0)
    binding_thickness_a: float = quantity(
        "Å", "Least height of slabs under adsorbates, outermost atoms.", default=6.0, gt=0
    )
    site_candidates: int = quantity("1", "Adsorption sites relaxed per case.", default=2, ge=1)
    cluster_candidates: int = quantity(
        "1", "Cluster starts relaxed per size; at least one of each dimension.", default=3, ge=2
    )
    rattle_a: float = quantity("Å", "Displacement that breaks the symmetry of compound bulks.", default=0.08, ge=0)
    seed: int = quantity("1", "Seed of every random displacement.", default=0, ge=0)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        for name in ("film_planes_100", "film_planes_110", "film_planes_111"):
            planes = getattr(self, name)
            if len(planes) < 3 or len(set(planes)) != len(planes) or min(planes, default=0) < 1:
                raise ValueError(
                    f"{name} needs at least three different thicknesses of one plane or more, got {planes}"
                )
        if not self.gaps_a or min(self.gaps_a) <= 0:
            raise ValueError(f"gaps_a needs at least one positive distance, got {self.gaps_a}")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_off(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what a case without it was never asked, so that it stays the same case."""
        written = dump(self)
        if self.registry_tolerance_mev_per_a2 is None:
            written.pop("registry_tolerance_mev_per_a2", None)
        return written

    def relaxation(
        self, cell: Literal["fixed", "c_axis", "full"] = "fixed", move: Literal["all", "normal"] = "all"
    ) -> CalculationSettings:
        """Return the settings of a relaxation."""
        bulk = cell == "full"
        return CalculationSettings(
            task="relax",
            cell=cell,
            move=move,
            fmax_ev_per_a=self.bulk_fmax_ev_per_a if bulk else self.fmax_ev_per_a,
            max_force_calls=self.bulk_force_calls if bulk else self.max_force_calls,
        )

    def film_planes(self, plane: str) -> tuple[int, ...]:
        """Return the film thicknesses of a Li plane, ascending; other planes follow the Li(110) thicknesses."""
        planes = {"100": self.film_planes_100, "111": self.film_planes_111}.get(plane, self.film_planes_110)
        return tuple(sorted(planes))


class MaterialSpec(Document):
    """A crystal as it travels with a job: everything a worker needs, no file."""

    name: str
    reference: Geometry = Field(description="Canonical conventional cell; integer cells are derived from it.")
    measured_lengths: tuple[float, float, float] = quantity("Å", "a, b, c of the library entry, in that cell.")
    anion_bonds: tuple[BOND_RULE, ...] = quantity("Å", "Two species and the longest bond between them.", default=())
    closed_shell_salt: bool = False
    broken_symmetry: bool = Field(
        default=False, description="The reference is relaxed without symmetry: molecular anions or chosen ordering."
    )

    @classmethod
    def from_material(cls, material: Material) -> MaterialSpec:
        """Take what a job needs from a library entry."""
        from liface.structures.library.canonical import canonical_structure

        return cls(
            name=material.name,
            reference=Geometry.from_structure(canonical_structure(material)),
            measured_lengths=tuple(round(x, 4) for x in material.structure().lattice.abc),
            anion_bonds=material.anion_bonds,
            closed_shell_salt=material.closed_shell_salt,
            broken_symmetry=bool(material.anion_bonds or material.ordering),
        )

    def structure(self) -> Structure:
        """Return the canonical cell."""
        return self.reference.to_structure()

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements in alphabetical order."""
        return tuple(sorted(set(self.reference.species)))


class MatchSpec(Document):
    """A coherent cell, found once from canonical lattices and stored as integers."""

    substrate_supercell: IntMatrix2 = quantity("1", "Rows: cell vectors in in-plane vectors of the substrate.")
    film_supercell: IntMatrix2 = quantity("1", "The same in those of the film.")
    area_a2: float = quantity("Å²", "Area with the canonical lattices.")
    strain_percent: float = quantity("%", "Largest principal film strain with the canonical lattices.")

    @classmethod
    def from_match(cls, match: Match) -> MatchSpec:
        """Keep the integers of a match."""
        return cls(
            substrate_supercell=match.substrate_supercell,
            film_supercell=match.film_supercell,
            area_a2=round(match.area_a2, 4),
            strain_percent=round(match.strain_percent, 4),
        )


class _CaseSpec(Document):
    @property
    def spec_id(self) -> str:
        """Content hash of what is asked."""
        return content_hash(self.model_dump(mode="json"))


class BulkSpec(_CaseSpec):
    """A reference bulk."""

    kind: Literal["bulk"] = "bulk"
    material: MaterialSpec

    @property
    def name(self) -> str:
        """Readable name."""
        return f"bulk/{self.material.name}"


class SurfaceSpec(_CaseSpec):
    """A free surface."""

    kind: Literal["surface"] = "surface"
    material: MaterialSpec
    plane: str
    termination: int = quantity("1", "Index of the termination.", default=0, ge=0)

    @property
    def name(self) -> str:
        """Readable name."""
        return f"surface/{self.material.name}-{self.plane}" + (f"-t{self.termination}" if self.termination else "")


class InterfaceSpec(_CaseSpec):
    """A Li film of several thicknesses on a substrate plane."""

    kind: Literal["interface"] = "interface"
    substrate: MaterialSpec
    substrate_plane: str
    substrate_termination: int = quantity("1", "Index of the termination.", default=0, ge=0)
    film: MaterialSpec
    film_plane: str
    match: MatchSpec
    method: Literal["sandwich", "vacuum"] = "sandwich"
    relaxation: Literal["coherent", "free"] = Field(
        default="coherent",
        description="coherent: atoms move along the normal, so the film keeps its plane; free: in every direction.",
    )

    @property
    def name(self) -> str:
        """Readable name."""
        side = f"{self.substrate.name}-{self.substrate_plane}"
        if self.substrate_termination:
            side += f"-t{self.substrate_termination}"
        tail = "-vacuum" if self.method == "vacuum" else ""
        if self.relaxation == "free" and not self.substrate.anion_bonds:
            tail += "-free"
        return f"interface/{side}_{self.film.name}-{self.film_plane}{tail}"

    @property
    def move(self) -> Literal["all", "normal"]:
        """The directions atoms may move in."""
        return "normal" if self.relaxation == "coherent" else "all"


class InterfaceStart(Document):
    """Gap and registry of an interface as another engine found them; the integer cells are the same for both."""

    gap_a: float = quantity("Å", "Distance between the facing planes before relaxation.", gt=0)
    shift: tuple[float, float] = quantity("1", "In-plane shift of the film, fractions of the interface cell.")


class BindingSpec(_CaseSpec):
    """Li atoms and clusters on a slab, bare or under Li monolayers."""

    kind: Literal["binding"] = "binding"
    substrate: MaterialSpec
    substrate_plane: str
    substrate_termination: int = quantity("1", "Index of the termination.", default=0, ge=0)
    film: MaterialSpec
    film_plane: str = "110"
    match: MatchSpec | None = Field(description="Cell of the monolayers; None for the bare substrate.")
    monolayers: int = quantity("1", "Li monolayers between substrate and adsorbate.", default=0, ge=0)
    n_li: tuple[int, ...] = quantity("1", "Numbers of adsorbed Li; 1 is a single atom, 2 to 8 also clusters.")

    @property
    def name(self) -> str:
        """Readable name."""
        termination = f"-t{self.substrate_termination}" if self.substrate_termination else ""
        layers = f"-{self.monolayers}ML" if self.monolayers else ""
        if self.monolayers and self.film_plane != "110":
            layers += f"-{self.film_plane}"
        return f"binding/{self.substrate.name}-{self.substrate_plane}{termination}{layers}"


class BarrierSpec(_CaseSpec):
    """Hops of one Li adatom on a slab, bare or under Li monolayers."""

    kind: Literal["barrier"] = "barrier"
    substrate: MaterialSpec
    substrate_plane: str
    substrate_termination: int = quantity("1", "Index of the termination.", default=0, ge=0)
    film: MaterialSpec
    film_plane: str = "110"
    match: MatchSpec | None = Field(description="Cell of the monolayers; None for the bare substrate.")
    monolayers: int = quantity("1", "Li monolayers between substrate and adatom.", default=0, ge=0)
    path: PathSettings = Field(default=PathSettings(), description="Images and springs of every path.")
    longest_hop_a: float = quantity("Å", "Longest hop that is looked at.", default=6.8, gt=0)
    most_hops: int = quantity("1", "Distinct hops computed, shortest first.", default=6, ge=1)

    @property
    def binding(self) -> BindingSpec:
        """The same slab with one Li atom: how both are built is one thing."""
        return BindingSpec(
            substrate=self.substrate,
            substrate_plane=self.substrate_plane,
            substrate_termination=self.substrate_termination,
            film=self.film,
            film_plane=self.film_plane,
            match=self.match,
            monolayers=self.monolayers,
            n_li=(1,),
        )

    @property
    def name(self) -> str:
        """Readable name."""
        return f"barrier/{self.binding.name.removeprefix('binding/')}"


class Side(Document):
    """One of two materials that meet, with the face it shows."""

    material: MaterialSpec
    plane: str
    termination: int = quantity("1", "Index of the termination.", default=0, ge=0)

    @property
    def name(self) -> str:
        """Readable name."""
        return f"{self.material.name}-{self.plane}" + (f"-t{self.termination}" if self.termination else "")

    @property
    def order(self) -> tuple[str, str, int]:
        """What the two sides of a pair are sorted by."""
        return self.material.name, self.plane, self.termination


class AdhesionSpec(_CaseSpec):
    """Two slabs in one coherent cell; A and B stand in the order of their names, whoever takes the strain."""

    kind: Literal["adhesion"] = "adhesion"
    a: Side
    b: Side
    strained: Literal["a", "b"] = Field(description="The side that is strained onto the lattice of the other.")
    match: MatchSpec = Field(description="The side that keeps its lattice is the substrate, the strained one the film.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.b.order < self.a.order:
            raise ValueError(f"the sides of an adhesion stand in order: {self.b.name} before {self.a.name}")
        return self

    @property
    def name(self) -> str:
        """Readable name; the strained side is marked."""
        marks = ("-strained", "") if self.strained == "a" else ("", "-strained")
        return f"adhesion/{self.a.name}{marks[0]}_{self.b.name}{marks[1]}"

    @property
    def held(self) -> Side:
        """The side that keeps its lattice."""
        return self.b if self.strained == "a" else self.a

    @property
    def taut(self) -> Side:
        """The strained side."""
        return self.a if self.strained == "a" else self.b

    @property
    def substrate(self) -> MaterialSpec:
        """Material that keeps its lattice."""
        return self.held.material

    @property
    def film(self) -> MaterialSpec:
        """Material that is strained."""
        return self.taut.material

    @property
    def move(self) -> Literal["all", "normal"]:
        """The directions atoms may move in: Li next to anything but molecular anions keeps its plane."""
        has_li = any(side.material.elements == ("Li",) for side in (self.a, self.b))
        has_anions = any(side.material.anion_bonds for side in (self.a, self.b))
        return "normal" if has_li and not has_anions else "all"


class PhononSpec(_CaseSpec):
    """Phonons of a bulk, from supercells of two sizes."""

    kind: Literal["phonon"] = "phonon"
    material: MaterialSpec
    edges_a: tuple[float, float] = quantity(
        "Å", "Least distance of opposite faces: of the smaller supercell, and of the one that counts.",
        default=(8.0, 11.0),
    )  # fmt: skip
    displacement_a: float = quantity("Å", "Length of the displacements.", default=0.02, gt=0, le=0.1)
    temperatures_k: tuple[float, ...] = quantity("K", "Temperatures.", default=(0.0, 298.15, 333.15))
    mesh_length_a: float = quantity("Å", "Length whose inverse is the spacing of wave vectors.", default=80.0, gt=0)
    tolerance_mev_per_atom: float = quantity(
        "meV", "Change of F_vib per atom from the smaller supercell that is not flagged.", default=1.0, gt=0
    )
    max_displacements: int = quantity("1", "Most displaced supercells of one size.", default=200, ge=1)
    max_atoms: int = quantity("1", "Most atoms in a supercell.", default=600, ge=1)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not 0 < self.edges_a[0] <= self.edges_a[1]:
            raise ValueError(f"edges_a needs two positive lengths, the smaller first, got {self.edges_a}")
        if not self.temperatures_k or min(self.temperatures_k) < 0:
            raise ValueError(f"temperatures_k needs at least one, none below zero, got {self.temperatures_k}")
        return self

    @property
    def name(self) -> str:
        """Readable name."""
        return f"phonon/{self.material.name}"


class VibrationSpec(_CaseSpec):
    """Vibrations of adsorbed Li, or of the thinnest film of an interface, while the substrate stands still."""

    kind: Literal["vibration"] = "vibration"
    of: InterfaceSpec | BindingSpec = Field(discriminator="kind", description="What vibrates.")
    lithium: PhononSpec = Field(description="Bulk Li, which it is held against.")
    displacement_a: float = quantity("Å", "Length of the displacements.", default=0.02, gt=0, le=0.1)
    max_displacements: int = quantity(
        "1", "Most displaced cells of one arrangement; a film needs 6 per Li.", default=240
    )
    film_edge_a: float = quantity(
        "Å",
        "Film cells are repeated in the plane until this wide, so that atoms do not move with their images.",
        default=8.0,
        gt=0,
    )

    @model_validator(mode="after")
    def _film_has_no_free_surface(self) -> Self:
        if isinstance(self.of, InterfaceSpec) and self.of.method == "vacuum":
            raise ValueError(
                "vibrations of a film with vacuum hold those of its free surface, which nothing subtracts; ask for the "
                "sandwich"
            )
        return self

    @property
    def name(self) -> str:
        """Readable name."""
        return f"vibration/{self.of.name.partition('/')[2]}"

    @property
    def substrate(self) -> MaterialSpec:
        """The material below."""
        return self.of.substrate

    @property
    def film(self) -> MaterialSpec:
        """Li."""
        return self.of.film


CaseSpec = (
    BulkSpec | SurfaceSpec | InterfaceSpec | BindingSpec | AdhesionSpec | BarrierSpec | PhononSpec | VibrationSpec
)
