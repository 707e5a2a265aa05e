"""Rate classes: columns that do the same things at the same rates.

Class 0 is a bare column. Classes 1 to 5 hold one atom with 0 to 4 lateral bonds. The others hold several atoms, and
the topmost has ``bonds`` lateral bonds, ``flat`` neighbours one lower, where a hop keeps its level, and ``bare``
neighbours, where a hop leads onto the substrate. The numbering is compiled into ``kernel.py``, whose cache does not
notice a change here: change both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np

from liface.mesoscale.spec import GrowthSpec

FLAT, STEP, CROSSING = 0, 1, 2
"""Hops on one level, between levels of Li, and between substrate and Li."""

N_BONDS = 5
"""An atom has 0 to 4 lateral bonds."""


def _li_classes() -> np.ndarray:
    table = np.full((N_BONDS,) * 3, -1, np.int8)
    number = 1 + N_BONDS
    for bonds, flat, bare in product(range(N_BONDS), reversed(range(N_BONDS)), range(N_BONDS)):
        if bonds + flat + bare <= 4:
            table[bonds, flat, bare] = number
            number += 1
    return table


LI_CLASS = _li_classes()
"""Class of a column of several atoms by (bonds, flat, bare)."""

N_CLASSES = int(LI_CLASS.max()) + 1


@dataclass(frozen=True)
class RateTable:
    """Rates in 1/s of one column of each class.

    ``arrival``, ``desorption`` and ``total`` have shape (classes,); ``hop`` has shape (classes, 3) and gives the
    rate of one direction by its kind: flat, step or crossing.
    """

    arrival: np.ndarray
    desorption: np.ndarray
    hop: np.ndarray
    total: np.ndarray


def rate_table(spec: GrowthSpec) -> RateTable:
    """Return the rates of every class."""
    arrival = np.full(N_CLASSES, spec.arrival_li_hz)
    arrival[0] = spec.arrival_substrate_hz
    desorption, hop, total = np.zeros(N_CLASSES), np.zeros((N_CLASSES, 3)), arrival.copy()
    for bonds in range(N_BONDS):
        number = 1 + bonds
        desorption[number] = _desorption(spec, True, bonds)
        hop[number] = _hops(spec, True, bonds)
        total[number] += desorption[number] + (4 - bonds) * hop[number, FLAT] + bonds * hop[number, CROSSING]
    for bonds, flat, bare in np.argwhere(LI_CLASS >= 0):
        number = LI_CLASS[bonds, flat, bare]
        desorption[number] = _desorption(spec, False, bonds)
        hop[number] = _hops(spec, False, bonds)
        directions = (flat, 4 - flat - bare, bare)
        total[number] += desorption[number] + float(np.dot(directions, hop[number]))
    return RateTable(arrival, desorption, hop, total)


def _hops(spec: GrowthSpec, on_substrate: bool, bonds: int) -> tuple[float, float, float]:
    d_s, d_li, delta = spec.diffusion_substrate_ev, spec.diffusion_li_ev, spec.substrate_preference_ev
    edge = spec.step_edge_ev
    if on_substrate:  # no step: the level below is substrate, a neighbour on another level is Li
        barriers = (d_s, math.inf, max(d_s, d_li + delta) + edge)
        bond = spec.bond_substrate_ev
    else:
        barriers = (d_li, d_li + edge, max(d_s - delta, d_li) + edge)
        bond = spec.bond_li_ev
    flat, step, crossing = (spec.attempt_hz * math.exp(-(barrier + bonds * bond) / spec.kt_ev) for barrier in barriers)
    return flat, step, crossing


def _desorption(spec: GrowthSpec, on_substrate: bool, bonds: int) -> float:
    """Rate of leaving, 1/s; in balance with arrival at one chemical potential, whatever the ratio of arrival rates."""
    if spec.desorption_li_ev is None:
        return 0.0
    barrier, bond, factor = spec.desorption_li_ev, spec.bond_li_ev, 1.0
    if on_substrate:
        barrier, bond = barrier + spec.substrate_preference_ev, spec.bond_substrate_ev
        factor = spec.ratio if spec.arrival_li_hz else 1.0
    return spec.attempt_hz * factor * math.exp(-(barrier + bonds * bond) / spec.kt_ev)


def configuration_energy(spec: GrowthSpec, heights: np.ndarray) -> float:
    """Energy H of column heights of shape (size, size), eV; relative to isolated atoms on Li."""
    h = np.asarray(heights)
    energy = -spec.substrate_preference_ev * np.count_nonzero(h)
    for axis in (0, 1):
        shared = np.minimum(h, np.roll(h, -1, axis))
        energy -= spec.bond_substrate_ev * np.count_nonzero(shared)
        energy -= spec.bond_li_ev * np.maximum(shared - 1, 0).sum()
    return float(energy)
