"""Options of ``liface grow``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

Surface = Annotated[
    str | None,
    Argument(metavar="[SURFACE]", help="Substrate whose numbers are read from the database, e.g. 'Cu(111)'."),
]
Ratio = Annotated[
    list[float] | None,
    Option("--ratio", metavar="X", help="k_Li-substrate / k_Li-Li; repeatable. Nine from 0.01 to 100 by default."),
]
FromBinding = Annotated[
    tuple[float, float] | None,
    Option(
        "--from-binding",
        metavar="E_SUBSTRATE E_LI",
        help="Binding energies of one Li on substrate and on Li, eV: ratio and preference follow.",
    ),
]
OnSubstrate = Annotated[
    tuple[int, float, float] | None,
    Option(
        "--cluster",
        metavar="N E_ATOMS E_CLUSTER",
        help="Binding energies of N atoms and of their cluster on the substrate, eV per Li: bond energy follows.",
    ),
]
OnLi = Annotated[
    tuple[int, float, float] | None,
    Option("--cluster-on-li", metavar="N E_ATOMS E_CLUSTER", help="The same on Li."),
]
Size = Annotated[int, Option("--size", min=2, max=2048, help="Columns along each edge of the lattice.")]
Atoms = Annotated[int, Option("--atoms", min=1, help="Atoms on the lattice at the end.")]
Temperature = Annotated[float, Option("--temperature", help="Temperature, K.")]
DiffusionSubstrate = Annotated[
    float, Option("--diffusion-substrate", help="Barrier of a lone atom on the substrate, eV.")
]
DiffusionLi = Annotated[float, Option("--diffusion-li", help="Barrier of a lone atom on Li, eV.")]
BondSubstrate = Annotated[float, Option("--bond-substrate", help="Energy per lateral bond in the first layer, eV.")]
BondLi = Annotated[float, Option("--bond-li", help="Energy per lateral bond in other layers, eV.")]
Preference = Annotated[
    float, Option("--preference", help="How much more strongly the substrate binds an atom than Li does, eV.")
]
StepEdge = Annotated[float, Option("--step-edge", help="Barrier added to hops up or down a step, eV.")]
Desorption = Annotated[
    float | None, Option("--desorption", help="Barrier of a lone atom on Li to leave, eV; without, Li stays.")
]
Attempt = Annotated[float, Option("--attempt", help="Prefactor of hops and desorption, 1/s.")]
Arrival = Annotated[float, Option("--arrival", help="k_Li-Li, 1/s per column.")]
MostHops = Annotated[
    float | None,
    Option("--most-hops", help="Slow all hops down: a lone atom makes at most so many per direction and 1/k_Li-Li."),
]
Seeds = Annotated[int, Option("--seeds", min=2, help="Runs at each ratio.")]
FirstSeed = Annotated[int, Option("--first-seed", min=0, help="Seed of the first run; the others count up.")]
Figure = Annotated[Path | None, Option("--figure", metavar="FILE.png", help="Draw bands and deposits.")]
Animation = Annotated[Path | None, Option("--animation", metavar="FILE.gif", help="Draw the deposits as they grow.")]
Checkpoint = Annotated[
    Path | None,
    Option("--checkpoint", metavar="FILE", help="Where Ctrl-C leaves what is done; a free name if not given."),
]
Resume = Annotated[Path | None, Option("--resume", metavar="FILE", help="Go on from a checkpoint, with its settings.")]
Save = Annotated[
    str | None, Option("--save", metavar="NAME", help="Store the result in the database under this name (what-if).")
]
Engine = Annotated[
    str | None, Option("--engine", "-e", metavar="ENGINE:MODEL", help="Needed where several are stored.")
]
