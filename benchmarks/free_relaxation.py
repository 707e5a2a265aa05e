"""Relax W(110)|Li(100) freely with ASE's own optimizers and watch the film leave its plane.

    python benchmarks/free_relaxation.py --optimizer bfgs --steps 80

Atoms move in every direction, the height of the cell too. Each line: step, gamma (meV/Å²), largest force (eV/Å), cell
height (Å). The last line counts the film atoms in slices of 0.45 Å from below.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything loads a threaded library

import numpy as np
from ase.filters import UnitCellFilter
from ase.optimize import BFGS, FIRE

from liface.documents import Geometry
from liface.engines import pin_threads, resolve
from liface.engines.base import EngineSpec
from liface.engines.batch import run_batch
from liface.engines.registry import engine_info
from liface.structures.library import MaterialsLibrary
from liface.workflows.campaign import interface_spec
from liface.workflows.steps import bulk, interface
from liface.workflows.steps.common import BulkReference, Case

GAP_A = 2.3


def main() -> None:
    """Build, relax, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="sevennet")
    parser.add_argument("--optimizer", choices=("bfgs", "fire"), default="bfgs")
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--planes", type=int, default=5)
    options = parser.parse_args()
    pin_threads()
    engine = EngineSpec.parse(options.engine)
    spec = interface_spec(MaterialsLibrary(), "W", "110", "100")
    case = Case(name="free", engine=engine_info(engine))

    def reference(material) -> BulkReference:
        return bulk.bulk_reference(material, tuple(run_batch(bulk.bulk_requests(case, material), engine)))

    setup = interface.unstrained_setup(spec, reference(spec.substrate), reference(spec.film))
    start = Geometry.from_structure(interface.stack(case, setup, options.planes, GAP_A, (0.0, 0.0)).structure)
    atoms = start.to_ase()
    atoms.calc = resolve(engine).calculator(needs_stress=True)
    relaxed = UnitCellFilter(atoms, mask=[0, 0, 1, 0, 0, 0])
    optimizer = {"bfgs": BFGS, "fire": FIRE}[options.optimizer](relaxed, logfile=None)
    zero = start.count(role="substrate") * setup.substrate.energy_ev_per_atom
    zero += start.count(role="film") * setup.film.energy_ev_per_atom
    for step, _ in enumerate(optimizer.irun(fmax=0.03, steps=options.steps)):
        if step % 4 == 0:
            gamma = (atoms.get_potential_energy() - zero) / (2 * start.in_plane_area) * 1e3
            largest = np.linalg.norm(relaxed.get_forces(), axis=1).max()
            print(f"{step:4d} {gamma:7.1f} {largest:7.3f} {atoms.cell[2, 2]:7.2f}", flush=True)
    heights = atoms.positions[[role == "film" for role in start.roles], 2]
    print(np.histogram(heights, bins=np.arange(heights.min() - 0.2, heights.max() + 0.5, 0.45))[0])


if __name__ == "__main__":
    main()
