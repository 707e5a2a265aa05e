"""The campaign file: what a person writes, checked key by key."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from liface.errors import CampaignError, FilterError
from liface.mesoscale.records import WHAT_IF
from liface.mesoscale.stack_file import StackSpec
from liface.workflows.resources import ResourcesByKind
from liface.workflows.specs import Protocol


def _plane(value: Any) -> Any:
    """Take planes written without quotes; YAML reads ``0001`` as the number 1."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"a plane is text such as '110' or '10-10', got {value!r}")
    if isinstance(value, int) and not 100 <= abs(value) <= 999:
        raise ValueError(f"{value} is no plane; put quotes around planes, e.g. '0001'")
    return str(value)


Plane = Annotated[str, BeforeValidator(_plane)]
Count = Annotated[int, Field(ge=1, le=64)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SurfaceEntry(_Entry):
    """Surface energies of one material; its default planes if none are named."""

    material: str
    planes: tuple[Plane, ...] | None = None
    termination: int = Field(default=0, ge=0)


class InterfaceEntry(_Entry):
    """Li interfacial energies of one substrate: every substrate plane with every film plane."""

    substrate: str
    planes: tuple[Plane, ...] | None = None
    film_planes: tuple[Plane, ...] = Field(default=("100",), min_length=1)
    termination: int = Field(default=0, ge=0)
    method: Literal["sandwich", "vacuum"] = "sandwich"
    relaxation: Literal["auto", "coherent", "free"] = Field(
        default="auto", description="auto: free where the substrate has molecular anions, which Li can reduce."
    )
    max_strain_percent: float | None = Field(default=None, gt=0, description="Instead of that of the protocol.")
    max_area_a2: float | None = Field(default=None, gt=0, description="Instead of that of the protocol.")


class BindingEntry(_Entry):
    """Binding of Li on one slab, for each number of monolayers."""

    substrate: str
    plane: Plane
    n_li: tuple[Annotated[int, Field(ge=1, le=8)], ...] = Field(default=(1, 4), min_length=1)
    monolayers: tuple[Annotated[int, Field(ge=0, le=4)], ...] = Field(default=(0,), min_length=1)
    n_li_on_monolayers: tuple[Annotated[int, Field(ge=1, le=8)], ...] | None = None
    film_plane: Plane = "110"
    termination: int = Field(default=0, ge=0)


class AdhesionEntry(_Entry):
    """Work of adhesion of two materials; each on the first of its default planes if none is named."""

    a: str
    b: str
    plane_a: Plane | None = None
    plane_b: Plane | None = None
    termination_a: int = Field(default=0, ge=0)
    termination_b: int = Field(default=0, ge=0)
    strained: Literal["auto", "a", "b"] = Field(
        default="auto", description="auto: Li if it is one of the two, else b; name the softer one there."
    )
    max_strain_percent: float | None = Field(default=None, gt=0, description="Instead of that of the protocol.")
    max_area_a2: float | None = Field(default=None, gt=0, description="Instead of that of the protocol.")


class BarrierEntry(_Entry):
    """Hops of one Li adatom on one slab, for each number of monolayers."""

    substrate: str
    plane: Plane
    monolayers: tuple[Annotated[int, Field(ge=0, le=4)], ...] = Field(default=(0,), min_length=1)
    film_plane: Plane = "110"
    termination: int = Field(default=0, ge=0)
    images: int = Field(default=5, ge=1, le=51, description="Images of each path.")
    longest_hop_a: float = Field(default=6.8, gt=0)
    most_hops: int = Field(default=6, ge=1)


class CorrelationEntry(_Entry):
    """A measured response against a computed descriptor."""

    response: str = "ccd"
    protocol: str | None = Field(default=None, description="Measurement protocol; needed where a response has several.")
    film_plane: Plane = "100"
    descriptor: Literal["gamma_mev_per_a2", "contact_angle_deg", "work_of_adhesion_mev_per_a2", "e_bind_ev_per_li"] = (
        "gamma_mev_per_a2"
    )
    predict: tuple[str, ...] = Field(default=(), description="Substrates to predict the response of.")


class GrowthEntry(_Entry):
    """Kinetic Monte Carlo of Li on one surface, with the rates that its binding energies and barriers imply."""

    substrate: str
    plane: Plane
    atoms: int = Field(default=2000, ge=1)
    size: int = Field(default=64, ge=2, le=2048, description="Columns along each edge of the lattice.")
    seeds: int = Field(default=8, ge=2)
    temperature_c: float = Field(default=25.0, gt=-273.15)
    ratios: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(
        default=None, description="Ratios of arrival rates beside its own; nine from 0.01 to 100 by default."
    )
    step_edge_ev: float = Field(default=0.1, ge=0)
    most_hops: float = Field(default=300.0, gt=0, description="Hops per arrival beyond which all hops are slowed.")
    diffusion_substrate_ev: float | None = Field(default=None, ge=0, description="By hand instead of a barrier.")
    diffusion_li_ev: float | None = Field(default=None, ge=0)


class HostEntry(_Entry):
    """A porous host of Li: what it holds and passes by creep."""

    host: str
    pore_nm: float = Field(gt=0)
    thickness_um: float = Field(gt=0)
    porosity: float | None = Field(default=None, gt=0, le=1)
    capacity_mah_per_cm2: float | None = Field(default=None, gt=0, description="Instead of the porosity.")
    temperature_c: float = Field(default=25.0, gt=-273.15)
    overpotential_mv: float = Field(default=1.0, gt=0)
    current_ma_per_cm2: float | None = Field(default=None, gt=0, description="What is asked of it.")
    wall: str | None = Field(
        default=None, description="Surface along which Li moves, 'Cu(111)': by its stored barrier and binding."
    )

    @model_validator(mode="after")
    def _porosity_is_known(self) -> Self:
        if (self.porosity is None) == (self.capacity_mah_per_cm2 is None):
            raise ValueError("a host has a porosity, or a capacity from which it follows; give one of the two")
        return self


class PhononEntry(_Entry):
    """Phonons of one bulk; what is left out has the values of :class:`~liface.workflows.specs.PhononSpec`."""

    material: str
    edges_a: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] | None = None
    displacement_a: Annotated[float, Field(gt=0, le=0.1)] | None = None
    temperatures_k: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(default=None, min_length=1)
    tolerance_mev_per_atom: Annotated[float, Field(gt=0)] | None = None
    max_displacements: Annotated[int, Field(ge=1)] | None = None
    max_atoms: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"material": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.edges_a is not None and self.edges_a[0] > self.edges_a[1]:
            raise ValueError(f"edges_a has the smaller supercell first, got {self.edges_a}")
        return self

    @property
    def options(self) -> dict[str, Any]:
        """What was given besides the material."""
        return self.model_dump(exclude={"material"}, exclude_none=True)


class VibrationEntry(_Entry):
    """Vibrations of adsorbed Li (``n_li``), or of the thinnest film of an interface (``film_planes``)."""

    substrate: str
    plane: Plane
    termination: int = Field(default=0, ge=0)
    n_li: tuple[Annotated[int, Field(ge=1, le=8)], ...] | None = Field(default=None, min_length=1)
    monolayers: tuple[Annotated[int, Field(ge=0, le=4)], ...] = Field(default=(0,), min_length=1)
    film_planes: tuple[Plane, ...] | None = Field(default=None, min_length=1)
    displacement_a: Annotated[float, Field(gt=0, le=0.1)] | None = None
    max_displacements: Annotated[int, Field(ge=1)] | None = None
    film_edge_a: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.n_li is None) == (self.film_planes is None):
            raise ValueError("give n_li for adsorbed Li, or film_planes for the film of an interface; one of the two")
        return self

    @property
    def options(self) -> dict[str, Any]:
        """What was given of how they are computed."""
        return self.model_dump(include={"displacement_a", "max_displacements", "film_edge_a"}, exclude_none=True)


class ConvergenceEntry(_Entry):
    """A quantity at several values of a numerical parameter, or with several models."""

    material: str
    plane: Plane | None = None
    of: str = Field(
        description="What is varied: slab_thickness, vacuum, area, force_limit, kspacing, ecut, model, engine.OPTION, "
        "or a number of the protocol."
    )
    quantity: Literal["bulk", "surface", "interface", "binding"] = "surface"
    values: tuple[float | str, ...] | None = Field(
        default=None, description="Coarse to fine; the usual ones of the parameter by default. Engines for models."
    )
    tolerance: float | str | None = Field(
        default=None, description="Largest change that counts as none, e.g. '1 meV/Å²'; 10 meV per Li for bindings."
    )
    film_plane: Plane = Field(default="100", description="Of interfaces.")
    method: Literal["sandwich", "vacuum"] = Field(default="sandwich", description="Of interfaces.")
    n_li: int = Field(default=1, ge=1, le=8, description="Of bindings: Li atoms, dispersed.")
    termination: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _vacuum_is_there(self) -> Self:
        if self.of == "vacuum" and self.quantity == "interface" and self.method == "sandwich":
            raise ValueError("of: vacuum, but a sandwich has none; add method: vacuum")
        return self


class StoryEntry(_Entry):
    """Everything about one substrate plane: energies, growth, deposition, creep, stability, and a verdict."""

    substrate: str
    plane: Plane
    film_planes: tuple[Plane, ...] = Field(default=("100", "110"), min_length=1)
    n_li: tuple[Annotated[int, Field(ge=1, le=8)], ...] = Field(default=(1, 4), min_length=1)
    monolayers: tuple[Annotated[int, Field(ge=0, le=4)], ...] = Field(default=(0, 1), min_length=1)
    max_strain_percent: float | None = Field(default=None, gt=0, description="Instead of that of the protocol.")
    max_area_a2: float | None = Field(default=None, gt=0, description="Instead of that of the protocol.")
    host: str | None = Field(default=None, description="Name of one of the hosts of the campaign.")
    growth: bool = Field(default=True, description="Grow Li on it.")


class ScreeningEntry(_Entry):
    """A cheaper engine before the others: it ranks cases, and begins the relaxations of those that go on."""

    engine: str = Field(description="The cheap engine; those under engines stay the costly ones.")
    top: int | None = Field(default=None, ge=1, description="Cases of each ranked kind that go on; null: all.")
    kinds: tuple[Literal["surface", "interface", "binding", "adhesion"], ...] = Field(
        default=("interface",),
        description="Kinds that are ranked. The others go on; bulks and surfaces only of materials that are needed.",
    )
    by: str = Field(
        default="gamma_mev_per_a2", description="Any numeric column of the ranked kinds in the results database."
    )
    order: Literal["ascending", "descending"] = "ascending"
    where: str | None = Field(default=None, description="Filter that cheap results must pass, as in liface query.")

    @model_validator(mode="after")
    def _columns_exist(self) -> Self:
        from liface.database.columns import RESULT_NOUNS
        from liface.database.filters import filter_expression

        for noun in (RESULT_NOUNS[kind] for kind in self.kinds):
            numeric = [column.name for column in noun.columns.values() if column.type in ("integer", "float")]
            if self.by not in numeric:
                raise ValueError(f"by: {self.by!r} is no number of {noun.name}; known: {', '.join(numeric)}")
            if self.where is not None:
                try:
                    filter_expression(noun, self.where)
                except FilterError as error:
                    raise ValueError(f"where: {error}") from error
        return self


class CampaignFile(_Entry):
    """A campaign as written."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    title: str = ""
    description: str = ""
    doi: tuple[str, ...] = ()
    engines: tuple[str, ...] = Field(default=("sevennet",), min_length=1)
    materials: dict[str, str] = Field(default_factory=dict, description="CIF files by name.")
    protocol: Protocol = Field(default_factory=Protocol)
    screening: ScreeningEntry | None = Field(default=None, description="A cheaper engine before the others.")
    bulks: tuple[str, ...] = ()
    surfaces: tuple[SurfaceEntry, ...] = ()
    interfaces: tuple[InterfaceEntry, ...] = ()
    bindings: tuple[BindingEntry, ...] = ()
    adhesions: tuple[AdhesionEntry, ...] = ()
    barriers: tuple[BarrierEntry, ...] = Field(default=(), description="Slabs on which Li hops.")
    phonons: tuple[PhononEntry, ...] = Field(default=(), description="Bulks whose phonons are asked for.")
    vibrations: tuple[VibrationEntry, ...] = Field(
        default=(), description="Slabs and interfaces whose Li vibrates; their energies at a temperature."
    )
    convergence: tuple[ConvergenceEntry, ...] = Field(
        default=(), description="Series that show from which value of a parameter on a quantity no longer changes."
    )
    stories: tuple[StoryEntry, ...] = Field(default=(), description="Substrates whose whole story is asked for.")
    stability: tuple[str, ...] = Field(default=(), description="Materials to judge against Li metal.")
    growths: tuple[GrowthEntry, ...] = ()
    stacks: tuple[StackSpec, ...] = Field(default=(), description="Stacks in which Li looks for a place.")
    hosts: tuple[HostEntry, ...] = ()
    wetting: bool = Field(default=True, description="Derive adhesion and contact angles where surfaces are known.")
    correlations: tuple[CorrelationEntry, ...] = ()
    resources: ResourcesByKind = Field(
        default=ResourcesByKind(), description="Resources on a queue, over those of the site."
    )
    responses: str | None = Field(default=None, description="File with measured points of your own.")

    @model_validator(mode="after")
    def _models_belong_together(self) -> Self:
        hosts = [entry.host for entry in self.hosts]
        if twice := sorted({name for name in hosts if hosts.count(name) > 1}):
            raise ValueError(f"hosts: {', '.join(twice)} named twice; give every host a name of its own")
        unknown = sorted({story.host for story in self.stories if story.host and story.host not in hosts})
        if unknown:
            known = ", ".join(hosts) or "none"
            raise ValueError(f"stories: no host {', '.join(map(repr, unknown))} under hosts; known: {known}")
        for key in ("growths", "stories"):
            surfaces = [(entry.substrate, entry.plane) for entry in getattr(self, key)]
            if twice := sorted({f"{a}({b})" for a, b in surfaces if surfaces.count((a, b)) > 1}):
                raise ValueError(f"{key}: {', '.join(twice)} asked for twice; join the entries")
        if self.name == WHAT_IF:
            raise ValueError(f"name: {WHAT_IF} is kept for results that are saved by hand; give another name")
        return self


SHIPPED = ("quickstart", "oh2024", "wang2023", "story", "bulks", "regression")


def shipped_campaigns() -> dict[str, CampaignFile]:
    """Return the campaigns that come with the package, by name."""
    return {name: load_campaign(name)[0] for name in SHIPPED}


def load_campaign(name_or_path: str | Path) -> tuple[CampaignFile, Path]:
    """Read a shipped campaign by name or any campaign by path.

    Returns
    -------
    tuple
        The campaign and the folder its relative paths refer to.

    Raises
    ------
    CampaignError
        No such campaign, no YAML, or wrong keys, types or values; every one of them is named.
    """
    text, source, base = _read(name_or_path)
    return parse_campaign(text, source, base), base


def parse_campaign(text: str, source: str, base: Path | None = None) -> CampaignFile:
    """Check the text of a campaign file.

    ``source`` names it in messages; a protocol file that it includes is looked for from ``base``, by default the
    working folder.
    """
    import yaml

    from liface.workflows.protocol_file import included

    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CampaignError(f"{source}: not YAML: {_one_line(error)}") from error
    except RecursionError as error:
        raise CampaignError(f"{source}: nested too deeply") from error
    if not isinstance(data, dict):
        raise CampaignError(f"{source}: expected keys such as name, engines, interfaces; got {type(data).__name__}")
    try:
        return CampaignFile.model_validate(included(data, base or Path.cwd(), source))
    except ValidationError as error:
        raise CampaignError(_explain(error, source)) from error


def _read(name_or_path: str | Path) -> tuple[str, str, Path]:
    if str(name_or_path) in SHIPPED:
        file = resources.files("liface.workflows") / "library" / f"{name_or_path}.yaml"
        return file.read_text(encoding="utf-8"), f"{name_or_path}.yaml", Path.cwd()
    path = Path(name_or_path)
    if not path.is_file():
        raise CampaignError(f"no campaign {str(name_or_path)!r}: neither a file nor one of {', '.join(SHIPPED)}")
    try:
        return path.read_text(encoding="utf-8"), str(path), path.resolve().parent
    except (OSError, UnicodeDecodeError) as error:
        raise CampaignError(f"{path}: cannot be read as text: {error}") from error


def _explain(error: ValidationError, source: str) -> str:
    lines = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"]) or "file"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = f"unknown key; known here: {', '.join(_keys_at(problem['loc']))}"
        elif problem["type"] != "missing":
            message += f" (got {str(problem['input'])[:60]!r})"
        lines.append(f"  {where}: {message}")
    return f"{source}: {len(lines)} problem{'s' if len(lines) > 1 else ''}\n" + "\n".join(lines)


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "surfaces": SurfaceEntry,
        "interfaces": InterfaceEntry,
        "bindings": BindingEntry,
        "adhesions": AdhesionEntry,
        "barriers": BarrierEntry,
        "correlations": CorrelationEntry,
        "protocol": Protocol,
        "screening": ScreeningEntry,
        "growths": GrowthEntry,
        "stacks": StackSpec,
        "hosts": HostEntry,
        "stories": StoryEntry,
        "phonons": PhononEntry,
        "convergence": ConvergenceEntry,
        "vibrations": VibrationEntry,
    }
    model = models.get(str(location[0]), CampaignFile) if len(location) > 1 else CampaignFile
    return sorted(model.model_fields)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


__all__ = [
    "SHIPPED",
    "AdhesionEntry",
    "BarrierEntry",
    "BindingEntry",
    "CampaignFile",
    "ConvergenceEntry",
    "CorrelationEntry",
    "GrowthEntry",
    "HostEntry",
    "InterfaceEntry",
    "PhononEntry",
    "ScreeningEntry",
    "StoryEntry",
    "SurfaceEntry",
    "VibrationEntry",
    "load_campaign",
    "parse_campaign",
    "shipped_campaigns",
]
