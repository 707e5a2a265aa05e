"""From atoms to pores and films: growth of Li, creep of Li in porous hosts, and where Li deposits.

Growth is rejection-free kinetic Monte Carlo (10.1002/adma.202206762), with its names here:

``spec`` what is asked; ``rates`` and ``kernel`` how events are drawn; ``growth`` one run; ``morphology`` what came
out; ``sweep`` ensembles over k_Li-substrate / k_Li-Li; ``binding`` the way from computed energies to rates.
"""

from liface.mesoscale.binding import BindingRates, bond_energy, rates_from_binding
from liface.mesoscale.growth import Growth
from liface.mesoscale.morphology import Morphology, morphology
from liface.mesoscale.spec import GrowthSpec
from liface.mesoscale.sweep import GrowthSweep, SweepRun, SweepSpec

__all__ = [
    "BindingRates",
    "Growth",
    "GrowthSpec",
    "GrowthSweep",
    "Morphology",
    "SweepRun",
    "SweepSpec",
    "bond_energy",
    "morphology",
    "rates_from_binding",
]
