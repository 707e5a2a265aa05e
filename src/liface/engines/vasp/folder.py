"""The folder of a calculation: whose it is, how far a killed run came, what an earlier one left.

A marker file names the calculation that runs in the folder. A run that was killed goes on from its CONTCAR, and the
ionic steps it had spent count. Killed while it wrote that, or before its first step, it goes on from its POSCAR, and
the steps spent before that count; the files of anything else are set aside beside the folder, never overwritten.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from liface.documents.calculation import CalculationRequest
from liface.engines.potential import check_distances
from liface.engines.vasp.inputs import Plan
from liface.errors import CalculationError

MARKER = "liface.json"

CELL_TOLERANCE_A = 1e-3
"""What a fixed lattice vector of a CONTCAR may be off by, Å."""

_FILES = re.compile(
    r"(INCAR|KPOINTS|POSCAR|POTCAR|POTCAR\.spec|OUTCAR|OSZICAR|CONTCAR|vasprun\.xml|vasp\.out|std_err\.txt|CHGCAR|CHG|"
    r"WAVECAR|DOSCAR|EIGENVAL|IBZKPT|PCDAT|PROCAR|REPORT|XDATCAR|vaspout\.h5|custodian\.json|liface\.json)"
    r"(\.orig|\.relax\d)?(\.gz)?|(error|earlier)\.\d+\.tar(\.gz)?"
)


@dataclass(frozen=True)
class Start:
    """Where a calculation starts: positions (Cartesian, Å), cell (Å), and the ionic steps spent before."""

    positions: np.ndarray
    cell: np.ndarray
    spent: int = 0
    resumed: bool = False


FIXED_ROWS = {"fixed": [True, True, True], "c_axis": [True, True, False], "full": [False, False, False]}
"""Which lattice vectors a calculation keeps."""


def enter(folder: Path, request: CalculationRequest, plan: Plan) -> Start:
    """Make a folder ready for a calculation and say where it starts."""
    calc_id = request.calc_id
    folder.mkdir(parents=True, exist_ok=True)
    fresh = Start(plan.geometry.position_array, plan.geometry.cell_array)
    marker = read_marker(folder)
    if marker.get("calc_id") != calc_id or marker.get("state") != "running":
        set_aside(folder)
        _write_marker(folder, calc_id, 0)
        return fresh
    fixed, earlier = np.array(FIXED_ROWS[request.settings.cell]), int(marker.get("force_calls", 0))
    if (reached := _reached(folder, plan, fixed, "CONTCAR")) is not None:
        return Start(*reached, bank(folder, calc_id, earlier), resumed=True)
    # Steps that led to no geometry are lost, and count no more than they are worth.
    reached = _reached(folder, plan, fixed, "POSCAR")
    spent = earlier if reached is not None else 0
    bank(folder, calc_id, 0)
    _write_marker(folder, calc_id, spent)
    return Start(*(reached or (fresh.positions, fresh.cell)), spent, resumed=True)


def bank(folder: Path, calc_id: str, spent: int) -> int:
    """Add the ionic steps that lie in a folder to those spent, in the marker; return the sum. They count no more."""
    spent += ionic_steps(folder)
    _write_marker(folder, calc_id, spent)
    for path in list(folder.glob("OSZICAR*")):
        path.unlink()
    for number, path in enumerate(sorted(folder.glob("error.*.tar*")), 1 + len(list(folder.glob("earlier.*.tar*")))):
        path.rename(folder / f"earlier.{number}.{path.name.split('.', 2)[2]}")
    return spent


def forget_results(folder: Path) -> None:
    """Remove what an earlier run of the same calculation left, so that none of it is taken for the next one's."""
    for pattern in ("OUTCAR*", "vasprun.xml*", "*.relax[12]*"):
        for path in list(folder.glob(pattern)):
            if _FILES.fullmatch(path.name):
                path.unlink()


def leave(folder: Path, calc_id: str, spent: int) -> None:
    """Note that the calculation has ended, however it ended: the next one in this folder starts anew."""
    _write_marker(folder, calc_id, spent, "ended")


def read_marker(folder: Path) -> dict:
    """Return the marker of a folder, empty where there is none that can be read."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, json.JSONDecodeError):
        return {}
    return marker if isinstance(marker, dict) else {}


def set_aside(folder: Path) -> Path | None:
    """Move the files of an earlier calculation to ``FOLDER.1`` (2, 3, ...); None where there are none."""
    found = [path for path in folder.iterdir() if path.is_file() and _FILES.fullmatch(path.name)]
    if not found:
        return None
    folder = folder.resolve()
    number = 1
    while (target := folder.with_name(f"{folder.name}.{number}")).exists():
        number += 1
    target.mkdir()
    for path in found:
        path.rename(target / path.name)
    return target


def ionic_steps(folder: Path) -> int:
    """Count the ionic steps of all runs in a folder: what lies there, and what custodian put away before a retry."""
    steps = {key: len(re.findall(rb"^\s*\d+\s+F=", content, re.MULTILINE)) for key, content in _oszicars(folder)}
    return sum(steps.values())


def output_file(folder: Path, name: str) -> Path | None:
    """Return the last version of an output file: of the second relaxation, and zipped or not."""
    for suffix in (".relax2", "", ".relax1"):
        for ending in ("", ".gz"):
            if (path := folder / f"{name}{suffix}{ending}").is_file():
                return path
    return None


def tail(folder: Path, name: str, lines: int = 3) -> str:
    """Return the last lines of a text file, empty where there is none."""
    from monty.io import zopen

    path = output_file(folder, name)
    if path is None:
        return ""
    with zopen(path, mode="rt", encoding="utf-8", errors="replace") as handle:
        kept = [str(line).strip() for line in handle if str(line).strip()]
    return " | ".join(kept[-lines:])


def _oszicars(folder: Path) -> Iterator[tuple[tuple[str, float], bytes]]:
    """Yield every OSZICAR with its hash and time, which are the same where custodian has put one away twice."""
    from monty.io import zopen

    for path in sorted(folder.glob("error.*.tar*")):
        try:
            with tarfile.open(path) as archive:
                for member in archive:
                    kept = archive.extractfile(member) if Path(member.name).name == "OSZICAR" else None
                    if kept is not None:
                        yield _key(content := kept.read(), member.mtime), content
        except (tarfile.TarError, EOFError, OSError):
            continue  # cut off when the run was killed; its run is the one whose OSZICAR still lies here
    copied = set()
    for path in sorted(folder.glob("OSZICAR*"), reverse=True):
        with zopen(path, mode="rb") as handle:
            content = bytes(handle.read())
        key = _key(content, path.stat().st_mtime)
        if key[0] not in copied:  # the first relaxation of two is there twice until the second begins
            yield key, content
        copied.add(key[0])


def _key(content: bytes, mtime: float) -> tuple[str, float]:
    return hashlib.sha256(content).hexdigest(), round(mtime, 3)


def _reached(folder: Path, plan: Plan, fixed: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return positions and cell of a CONTCAR or POSCAR that fits the plan, None where there is none to go on from."""
    from pymatgen.io.vasp.inputs import Poscar

    # Of two relaxations, the first is left as .relax1 while its copy goes on; the second ends as .relax2.
    names = [f"{name}{suffix}{ending}" for suffix in ("", ".relax2") for ending in ("", ".gz")]
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        return None
    try:
        structure = Poscar.from_file(path, check_for_potcar=False).structure
    except (ValueError, IndexError, OSError, EOFError, UnicodeDecodeError):
        return None  # empty or cut off in the moment it was written
    if tuple(site.specie.symbol for site in structure) != plan.geometry.species:
        return None
    cell, start = structure.lattice.matrix, plan.geometry.cell_array
    if np.abs((cell - start)[fixed]).max(initial=0.0) > CELL_TOLERANCE_A:
        return None
    if not np.isfinite(structure.frac_coords).all() or not 1 / 3 < np.linalg.det(cell) / np.linalg.det(start) < 3:
        return None
    cell = np.where(fixed[:, None], start, cell)
    first = np.linalg.solve(start.T, plan.geometry.position_array.T).T
    moved = structure.frac_coords - first
    positions = (first + moved - np.rint(moved)) @ cell
    try:
        check_distances(plan.geometry.species, positions, cell)
    except CalculationError:
        return None
    return positions, cell


def _write_marker(folder: Path, calc_id: str, spent: int, state: str = "running") -> None:
    new = folder / f"{MARKER}.new"
    new.write_text(json.dumps({"calc_id": calc_id, "force_calls": spent, "state": state}), encoding="utf-8")
    new.replace(folder / MARKER)
