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
    desorption, hop = np.zeros(N_CLASSES), np.zeros((N_CLASSES, 3))
    directions = np.zeros((N_CLASSES, 3))
    bonds = np.arange(N_BONDS)
    desorption[1 : 1 + N_BONDS] = _desorption(spec, True)
    hop[1 : 1 + N_BONDS] = _hops(spec, True)
    directions[1 : 1 + N_BONDS] = np.stack([4 - bonds, 0 * bonds, bonds], axis=1)
    bonds, flat, bare = np.nonzero(LI_CLASS >= 0)
    numbers = LI_CLASS[bonds, flat, bare]
    desorption[numbers] = _desorption(spec, False)[bonds]
    hop[numbers] = _hops(spec, False)[bonds]
    directions[numbers] = np.stack([flat, 4 - flat - bare, bare], axis=1)
    return RateTable(arrival, desorption, hop, arrival + desorption + (directions * hop).sum(axis=1))


def _hops(spec: GrowthSpec, on_substrate: bool) -> np.ndarray:
    """Rates of one direction, 1/s, by lateral bonds and kind of hop, shape (5, 3)."""
    d_s, d_li, delta = spec.diffusion_substrate_ev, spec.diffusion_li_ev, spec.substrate_preference_ev
    edge = spec.step_edge_ev
    if on_substrate:  # no step: the level below is substrate, a neighbour on another level is Li
        barriers = (d_s, math.inf, max(d_s, d_li + delta) + edge)
        bond = spec.bond_substrate_ev
    else:
        barriers = (d_li, d_li + edge, max(d_s - delta, d_li) + edge)
        bond = spec.bond_li_ev
    return spec.attempt_hz * np.exp(-np.add.outer(np.arange(N_BONDS) * bond, barriers) / spec.kt_ev)


def _desorption(spec: GrowthSpec, on_substrate: bool) -> np.ndarray:
    """Rates of leaving, 1/s, by lateral bonds; in balance with arrival at one chemical potential at every ratio."""
    if spec.desorption_li_ev is None:
        return np.zeros(N_BONDS)
    barrier, bond, factor = spec.desorption_li_ev, spec.bond_li_ev, 1.0
    if on_substrate:
        barrier, bond = barrier + spec.substrate_preference_ev, spec.bond_substrate_ev
        factor = spec.ratio if spec.arrival_li_hz else 1.0
    return spec.attempt_hz * factor * np.exp(-(barrier + np.arange(N_BONDS) * bond) / spec.kt_ev)


def configuration_energy(spec: GrowthSpec, heights: np.ndarray) -> float:
    """Energy H of column heights of shape (size, size), eV; relative to isolated atoms on Li."""
    h = np.asarray(heights)
    energy = -spec.substrate_preference_ev * np.count_nonzero(h)
    for axis in (0, 1):
        shared = np.minimum(h, np.roll(h, -1, axis))
        energy -= spec.bond_substrate_ev * np.count_nonzero(shared)
        energy -= spec.bond_li_ev * np.maximum(shared - 1, 0).sum()
    return float(energy)
