"""A layer that grows in kmcos: runs in an environment of its own, asked by the benchmarks through a pipe.

    .peers/kmcos/bin/python benchmarks/peers/kmcos_worker.py FOLDER

The model is built in the folder first, with the backend that kmcos chooses by default, local_smart. Sites of a periodic
square lattice are empty or hold one Li; Li arrives on empty sites, and hops to empty neighbours at a rate that depends
on the number of its Li neighbours: one process per direction and arrangement of neighbours.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from kmcos.cli import main as kmcos_command
from kmcos.types import Action, Condition, Layer, Project, Site, Species
from peer_process import serve

NAME, BACKEND = "layer", "local_smart"
DIRECTIONS = {"east": (1, 0), "north": (0, 1), "west": (-1, 0), "south": (0, -1)}
PACKAGES = ("kmcos", "numpy")


def build() -> None:
    """Write the model and compile it, here."""
    project = Project()
    project.set_meta(author="liface", email="liface@example.org", model_name=NAME, model_dimension=2)
    project.add_species(Species(name="empty"), Species(name="Li", representation="Atoms('Li')"))
    project.species_list.default_species = "empty"
    layer = project.add_layer(Layer(name="square"))
    layer.sites.append(Site(name="hollow", pos="0.5 0.5 0.5"))
    project.lattice.cell = np.diag([3.0, 3.0, 10.0])
    site = {step: project.lattice.generate_coord("hollow.({},{},0).square".format(*step)) for step in
            [(0, 0), *DIRECTIONS.values()]}  # fmt: skip
    here = site[0, 0]
    project.add_parameter(name="k_arrive", value=1.0, adjustable=True)
    for bonds in range(len(DIRECTIONS)):
        project.add_parameter(name=f"k_hop{bonds}", value=1.0, adjustable=True)
    project.add_process(
        name="arrive",
        conditions=[Condition(species="empty", coord=here)],
        actions=[Action(species="Li", coord=here)],
        rate_constant="k_arrive",
    )
    for full in itertools.product((False, True), repeat=len(DIRECTIONS)):
        near = [
            Condition(species="Li" if li else "empty", coord=site[step])
            for li, step in zip(full, DIRECTIONS.values(), strict=True)
        ]
        for (name, step), li in zip(DIRECTIONS.items(), full, strict=True):
            if not li:
                project.add_process(
                    name=f"hop_{name}_{''.join(str(int(one)) for one in full)}",
                    conditions=[Condition(species="Li", coord=here), *near],
                    actions=[Action(species="empty", coord=here), Action(species="Li", coord=site[step])],
                    rate_constant=f"k_hop{sum(full)}",
                )
    project.save(f"{NAME}.xml")
    kmcos_command(f"export {NAME}.xml -b {BACKEND}")


def grow(size: int, seed: int, atoms: int, k_arrive: float, k_hop: list[float]) -> dict[str, Any]:
    """Grow from a bare substrate until ``atoms`` have arrived; rates in 1/s."""
    from kmcos.run import KMC_Model

    model = KMC_Model(banner=False, print_rates=False, size=size, random_seed=seed)
    model.parameters.k_arrive = k_arrive
    for bonds, rate in enumerate(k_hop):
        setattr(model.parameters, f"k_hop{bonds}", rate)
    arrive, events = int(model.proclist.arrive), 0
    cpu = time.process_time()
    while missing := atoms - int(model.base.get_procstat(arrive)):
        model.do_steps(missing)  # each event adds one atom at most, so none too many arrive
        events += missing
    cpu = time.process_time() - cpu
    li = int(model.proclist.li)
    found = {
        "cpu_s": cpu,
        "events": events,
        "time_s": float(model.base.get_kmc_time()),
        "heights": (np.array(model._get_configuration()).reshape(size, size) == li).astype(int).tolist(),
    }
    model.deallocate()
    return found


def main() -> None:
    """Build the model in a process of its own, and answer; with ``build``, build it here."""
    if sys.argv[1] == "build":
        build()
        return
    os.chdir(sys.argv[1])
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def answer(**question: Any) -> dict[str, Any]:
        if question:
            return grow(**question)
        started = time.perf_counter()
        subprocess.run([sys.executable, __file__, "build"], check=True)  # kmcos.run is to find the model when imported
        sys.path.insert(0, str(Path(f"{NAME}_{BACKEND}").resolve()))
        return {"build_wall_s": time.perf_counter() - started, "versions": {name: version(name) for name in PACKAGES}}

    serve(answer)


if __name__ == "__main__":
    main()
