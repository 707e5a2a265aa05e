"""A plan in the hands of atomate2: input set, makers and error handlers.

Importing this module imports atomate2, custodian and pymatgen; import it inside functions.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from atomate2.vasp.jobs.base import BaseVaspMaker
from atomate2.vasp.jobs.core import RelaxMaker, StaticMaker
from atomate2.vasp.run import JobType
from atomate2.vasp.sets.base import VaspInputGenerator
from custodian.custodian import ErrorHandler
from custodian.vasp.handlers import (
    FrozenJobErrorHandler,
    MeshSymmetryErrorHandler,
    NonConvergingErrorHandler,
    PositiveEnergyErrorHandler,
    PotimErrorHandler,
    StdErrHandler,
    UnconvergedErrorHandler,
    VaspErrorHandler,
)
from custodian.vasp.io import load_vasprun
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp.inputs import BadIncarWarning, Incar, Kpoints, Poscar, Potcar, VaspInput
from pymatgen.io.vasp.sets import BadInputSetWarning

from liface.engines.vasp.inputs import Plan
from liface.engines.vasp.presets import Level
from liface.engines.vasp.site import Pseudopotential, Site
from liface.errors import EngineSetupError

POLL_S = 2.0
"""How often custodian asks whether VASP has ended."""

CHECK_S = 300.0
"""How often custodian looks for errors in a running calculation."""

ELECTRONIC_CORRECTIONS = 3

DEVIATION_A = 1e-8

UNKNOWN_TO_PYMATGEN = ("METAGGA: Cannot find R2scan",)
"""Complaints about tags that VASP takes since 6.2."""


class ElectronicConvergence(UnconvergedErrorHandler):
    """Try other electronic algorithms where the last self-consistency loop did not converge, then let the run end.

    A relaxation that reached its limit of steps is left alone: it ends unconverged, as the limit asks.
    """

    max_num_corrections = ELECTRONIC_CORRECTIONS
    raise_on_max = False
    raises_runtime_error = False

    def check(self, directory: str = "./") -> bool:
        """Tell whether the last electronic loop failed; files that cannot be read are for the validators."""
        if not super().check(directory):
            return False
        return not load_vasprun(f"{directory}/{self.output_filename}").converged_electronic


@dataclass
class PlannedInputs(VaspInputGenerator):
    """The input set of one plan; nothing in it is left to defaults that depend on a version of atomate2."""

    tags: dict = field(default_factory=dict)

    @property
    def incar_updates(self) -> dict:
        """Return all tags of the plan."""
        return self.tags

    def get_input_set(self, *args: Any, **kwargs: Any) -> VaspInput:
        """Return the inputs, or refuse what VASP would misread."""
        inputs = super().get_input_set(*args, **kwargs)
        if self.structure is not None:
            check_inputs(inputs, self.structure)
        return inputs


def structure_of(plan: Plan, positions: np.ndarray | None = None, cell: np.ndarray | None = None) -> Structure:
    """Return the atoms of a plan, at other positions (Cartesian, Å) and in another cell if given."""
    geometry = plan.geometry
    return Structure(
        Lattice(geometry.cell_array if cell is None else cell),
        list(geometry.species),
        geometry.position_array if positions is None else positions,
        coords_are_cartesian=True,
        site_properties={"selective_dynamics": [list(f) for f in plan.selective]} if plan.selective else None,
    )


def input_generator(plan: Plan, level: Level, site_tags: dict[str, Any] | None = None) -> PlannedInputs:
    """Return the input set generator of a plan; tags of the site give way to those that a person asked for."""
    elements = sorted(set(plan.geometry.species))
    tags = {**plan.incar, **(site_tags or {}), **level.run_tags}
    with warnings.catch_warnings():
        # It is the table of the level that counts, not the one of the library.
        warnings.simplefilter("ignore", BadInputSetWarning)
        return PlannedInputs(
            config_dict={
                "INCAR": {},
                "KPOINTS": {},
                "POTCAR": {element: level.symbol(element) for element in elements},
                "POTCAR_FUNCTIONAL": level.potcar_functional,
            },
            user_kpoints_settings=Kpoints.gamma_automatic(plan.mesh),  # type: ignore[arg-type]
            # Tags that pymatgen would drop from a single point, though parsers ask for them.
            user_incar_settings={tag: tags[tag] for tag in ("IBRION", "ISIF")},
            user_potcar_functional=level.potcar_functional,  # type: ignore[arg-type]
            sort_structure=False,
            validate_magmom=False,
            auto_ismear=False,
            auto_metal_kpoints=False,
            inherit_incar=False,
            tags=tags,
        )


def maker_of(plan: Plan, level: Level, site: Site, name: str) -> BaseVaspMaker:
    """Return the maker that runs a plan: inputs, custodian with its handlers, parsing."""
    relaxes = plan.relaxer == "vasp"
    vasp_job_kwargs: dict[str, Any] = {"ediffg": None, "auto_npar": False} if plan.twice else {}
    return (RelaxMaker if relaxes else StaticMaker)(
        name=name,
        input_set_generator=input_generator(plan, level, site.incar_updates),
        write_input_set_kwargs={"apply_incar_updates": False},
        run_vasp_kwargs={
            "job_type": JobType.DOUBLE_RELAXATION if plan.twice else JobType.NORMAL,
            "vasp_cmd": site.command,
            "vasp_gamma_cmd": site.gamma_command,
            "max_errors": site.max_errors,
            "scratch_dir": site.scratch_dir,
            "handlers": handlers(),
            "vasp_job_kwargs": vasp_job_kwargs,
            "custodian_kwargs": {"polling_time_step": POLL_S, "monitor_freq": max(1, round(CHECK_S / POLL_S))},
        },
        task_document_kwargs={
            "store_additional_json": False,
            "parse_dos": False,
            "parse_bandstructure": False,
            "run_bader": False,
            "run_ddec6": False,
            "average_locpot": False,
            "vasprun_kwargs": {"parse_potcar_file": False},
        },
        stop_children_kwargs={"handle_unsuccessful": False},
    )


def handlers() -> list[ErrorHandler]:
    """Return custodian's handlers, new ones for each run: they count the errors they have seen.

    atomate2's default handlers without those that would change the level of theory of a single calculation (another
    smearing, another density of k-points), so that its energy could not be subtracted from others any more.
    """
    return [
        VaspErrorHandler(),
        MeshSymmetryErrorHandler(),
        ElectronicConvergence(),
        NonConvergingErrorHandler(),
        PotimErrorHandler(),
        PositiveEnergyErrorHandler(),
        FrozenJobErrorHandler(),
        StdErrHandler(),
    ]


def check_inputs(inputs: VaspInput, structure: Structure) -> None:
    """Refuse inputs that VASP would not read as they are meant.

    Raises
    ------
    EngineSetupError
        Unknown INCAR tags or values, positions that lose digits in POSCAR, pseudopotentials in another order than the
        species, or no valence electrons.
    """
    problems = incar_problems(Incar.from_str(str(inputs["INCAR"])))
    poscar = Poscar.from_str(str(inputs["POSCAR"]))
    if [str(s.specie) for s in poscar.structure] != [str(s.specie) for s in structure]:
        problems.append("POSCAR lists other atoms than the request")
    else:
        moved = structure.lattice.get_cartesian_coords(poscar.structure.frac_coords - structure.frac_coords)
        deviation = max(
            float(np.abs(moved).max(initial=0.0)),
            float(np.abs(poscar.structure.lattice.matrix - structure.lattice.matrix).max()),
        )
        if deviation > DEVIATION_A:
            problems.append(f"POSCAR is off by {deviation:.1e} Å")
    potcar = inputs["POTCAR"]
    if isinstance(potcar, Potcar):
        listed = [single.element for single in potcar]
        if listed != poscar.site_symbols:
            problems.append(f"POTCAR lists {' '.join(listed)}, POSCAR {' '.join(poscar.site_symbols)}")
    if problems:
        raise EngineSetupError("the inputs of VASP are not as they should be: " + "; ".join(problems))


def incar_problems(incar: Incar) -> list[str]:
    """Return pymatgen's complaints about tags and values."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BadIncarWarning)
        incar.check_params()
    complaints = [str(w.message) for w in caught if issubclass(w.category, BadIncarWarning)]
    return [text for text in complaints if not text.startswith(UNKNOWN_TO_PYMATGEN)]


def electrons(plan: Plan, potentials: tuple[Pseudopotential, ...]) -> float:
    """Return the number of valence electrons of a plan."""
    zval = {p.element: p.zval for p in potentials}
    return float(sum(zval[species] for species in plan.geometry.species))
