"""What this machine offers to VASP: the commands and the pseudopotentials.

Both are found where atomate2 and pymatgen look for them, so that a machine set up for those needs nothing more:

- ``ATOMATE2_VASP_CMD`` (or ``VASP_CMD`` in ``~/.atomate2.yaml``): the whole command, e.g. ``srun vasp_std``;
  ``ATOMATE2_VASP_GAMMA_CMD`` for meshes of the Γ point alone.
- ``PMG_VASP_PSP_DIR`` (or the same key in ``~/.config/.pmgrc.yaml``): the folder that holds, for example,
  ``POT_GGA_PAW_PBE_54/POTCAR.Li_sv.gz``.

What is missing is the fault of no structure: it is told as :class:`~liface.errors.EngineSetupError` before anything is
written.
"""

from __future__ import annotations

import hashlib
import shlex
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from os.path import expandvars
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from liface.engines.vasp.presets import RUN_TAGS, Level, algo_problem
from liface.errors import EngineSetupError

if TYPE_CHECKING:
    from pymatgen.io.vasp.inputs import PotcarSingle

LAUNCHERS = ("srun", "mpirun", "mpiexec", "mpiexec.hydra", "orterun", "prun", "jsrun", "aprun", "ibrun")
"""Programs that start the last word of the command; behind others (containers, scripts) VASP may be out of sight."""


@dataclass(frozen=True)
class Site:
    """Commands and limits of this machine, from atomate2's settings."""

    command: str
    gamma_command: str
    scratch_dir: str | None
    max_errors: int
    incar_updates: dict[str, Any]


@dataclass(frozen=True)
class Pseudopotential:
    """One POTCAR file, as far as calculations need to know it.

    Attributes
    ----------
    zval
        Valence electrons.
    enmax_ev
        The cutoff its makers recommend, eV.
    recognised
        Its header and data agree with a release that pymatgen knows.
    """

    symbol: str
    element: str
    title: str
    sha256: str
    zval: float
    enmax_ev: float
    recognised: bool


def read_site() -> Site:
    """Read the settings of atomate2 as they are now: environment, then ``~/.atomate2.yaml``."""
    from atomate2.settings import Atomate2Settings

    settings = Atomate2Settings()
    return Site(
        command=settings.VASP_CMD,
        gamma_command=settings.VASP_GAMMA_CMD,
        scratch_dir=settings.CUSTODIAN_SCRATCH_DIR,
        max_errors=settings.VASP_CUSTODIAN_MAX_ERRORS,
        incar_updates={str(tag).upper(): value for tag, value in settings.VASP_INCAR_UPDATES.items()},
    )


def setup_problems(level: Level, elements: Iterable[str]) -> list[str]:
    """Say what is missing on this machine to compute these elements at this level; an empty list is all well."""
    site = read_site()
    problems = command_problems(site.command)
    foreign = sorted(site.incar_updates.keys() - RUN_TAGS)
    if foreign:
        problems.append(
            f"VASP_INCAR_UPDATES of atomate2 sets {', '.join(foreign)}, which would change the level of theory of "
            "every calculation unseen; write it as an option, e.g. vasp:slab?incar_TAG=value"
        )
    if "ALGO" in site.incar_updates and (problem := algo_problem(site.incar_updates["ALGO"])):
        problems.append(f"VASP_INCAR_UPDATES of atomate2 sets ALGO: {problem}")
    if site.scratch_dir:
        problems.append(
            f"CUSTODIAN_SCRATCH_DIR={site.scratch_dir} lets VASP run where nothing of it is found when it is killed, "
            "to go on from or to tell why; unset it, and let jobs run on a file system that is fast enough"
        )
    found: list[Pseudopotential] = []
    for element in sorted(set(elements)):
        try:
            found.append(pseudopotential(level.symbol(element), level.potcar_functional))
        except EngineSetupError as error:
            problems.append(str(error))
    return problems + _cutoff_problems(level, found)


def check_setup(level: Level, elements: Iterable[str]) -> tuple[Pseudopotential, ...]:
    """Return the pseudopotentials of the elements, in alphabetical order of the elements.

    Raises
    ------
    EngineSetupError
        If anything is missing; all that is missing is told at once.
    """
    elements = sorted(set(elements))
    if problems := setup_problems(level, elements):
        raise EngineSetupError("VASP cannot run on this machine: " + "; ".join(problems))
    return tuple(pseudopotential(level.symbol(element), level.potcar_functional) for element in elements)


def command_problems(command: str) -> list[str]:
    """Say what of a command cannot be executed."""
    try:
        words = shlex.split(expandvars(command))
    except ValueError as error:
        return [f"ATOMATE2_VASP_CMD={command!r} cannot be read ({error})"]
    if not words:
        return ["ATOMATE2_VASP_CMD is empty; set it to the command that runs VASP, e.g. 'srun vasp_std'"]
    programs = [words[0]]
    if len(words) > 1 and Path(words[0]).name in LAUNCHERS:
        programs.append(words[-1])
    return [
        f"{program!r} of the command {command!r} is not an executable on the PATH; set ATOMATE2_VASP_CMD to the "
        "command that runs VASP, e.g. 'srun vasp_std', and load its module in the job script"
        for program in programs
        if which(program) is None
    ]


def pseudopotential(symbol: str, functional: str) -> Pseudopotential:
    """Read a POTCAR of this machine.

    Raises
    ------
    EngineSetupError
        If the folder or the file is missing, or the file is no pseudopotential of that name.
    """
    single = _potcar(symbol, functional)
    try:
        title, zval, enmax = str(single.TITEL), float(single.ZVAL), float(single.ENMAX)
        element = single.element
    except (AttributeError, KeyError, ValueError) as error:
        raise EngineSetupError(f"the POTCAR {symbol} of {functional} has no TITEL, ZVAL, ENMAX or VRHFIN") from error
    if symbol not in title.split():
        raise EngineSetupError(f"the file of POTCAR {symbol} ({functional}) holds another potential: {title!r}")
    return Pseudopotential(
        symbol=symbol,
        element=element,
        title=title,
        sha256=hashlib.sha256(single.data.encode()).hexdigest(),
        zval=zval,
        enmax_ev=enmax,
        recognised=single.is_valid,
    )


def _potcar(symbol: str, functional: str) -> PotcarSingle:
    from pymatgen.core import SETTINGS
    from pymatgen.io.vasp.inputs import PmgVaspPspDirError, PotcarSingle, UnknownPotcarWarning

    folder = SETTINGS.get("PMG_VASP_PSP_DIR")
    if not folder:
        raise EngineSetupError(
            "the folder of the pseudopotentials is not known; set PMG_VASP_PSP_DIR to the folder that holds "
            f"{PotcarSingle.functional_dir[functional]}/POTCAR.{symbol} (the command 'pmg config -p' prepares one)"
        )
    if not Path(folder).is_dir():
        raise EngineSetupError(f"PMG_VASP_PSP_DIR={folder} is no folder; set it to the folder of the pseudopotentials")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnknownPotcarWarning)  # told by Pseudopotential.recognised
            return PotcarSingle.from_symbol_and_functional(symbol, functional)
    except FileNotFoundError as error:
        raise EngineSetupError(
            f"no POTCAR {symbol} of {functional} under PMG_VASP_PSP_DIR={folder}: it should be "
            f"{PotcarSingle.functional_dir[functional]}/POTCAR.{symbol}[.gz] or .../{symbol}/POTCAR"
        ) from error
    except (PmgVaspPspDirError, OSError, KeyError, IndexError, ValueError) as error:
        raise EngineSetupError(
            f"the POTCAR {symbol} of {functional} under {folder} cannot be read ({type(error).__name__}: {error})"
        ) from error


def _cutoff_problems(level: Level, found: list[Pseudopotential]) -> list[str]:
    """Say which pseudopotentials are too hard for the cutoff."""
    return [
        f"ENCUT {level.encut_ev:g} eV is below the {p.enmax_ev:g} eV that POTCAR {p.symbol} needs; raise encut, or "
        f"take a softer potential with potcar_{p.element}=SYMBOL"
        for p in found
        if p.enmax_ev > level.encut_ev + 1e-6
    ]
