"""Exact answers for lattices small enough to write every state down."""

from __future__ import annotations

import itertools
import math

import numpy as np

from liface.mesoscale.rates import configuration_energy


def states(columns: int, atoms: int) -> list[tuple[int, ...]]:
    """Every way to put so many atoms on so many columns."""
    return [h for h in itertools.product(range(atoms + 1), repeat=columns) if sum(h) == atoms]


def boltzmann(spec, atoms: int) -> dict[tuple[int, ...], float]:
    """Exact occupation of every state of a closed lattice."""
    found = states(spec.size**2, atoms)
    energies = [configuration_energy(spec, np.reshape(h, (spec.size, spec.size))) for h in found]
    weights = [math.exp(-(energy - min(energies)) / spec.kt_ev) for energy in energies]
    return {h: w / sum(weights) for h, w in zip(found, weights, strict=True)}


def hop_rates(spec, heights: tuple[int, ...]) -> dict[tuple[int, ...], float]:
    """Rate of every hop out of a state, from the words of the Hamiltonian and not from rate classes."""
    size, h = spec.size, np.reshape(heights, (spec.size, spec.size))
    rates: dict[tuple[int, ...], float] = {}
    for x, y in itertools.product(range(size), repeat=2):
        if not h[x, y]:
            continue
        around = [((x + dx) % size, (y + dy) % size) for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        bonds = sum(h[column] >= h[x, y] for column in around)
        for target in around:
            after = h.copy()
            after[x, y] -= 1
            level, other = after[x, y], after[target]
            on_substrate = [-spec.substrate_preference_ev + spec.diffusion_substrate_ev] if 0 in (level, other) else []
            on_li = [spec.diffusion_li_ev] if max(level, other) > 0 else []
            saddle = max(on_substrate + on_li) + (spec.step_edge_ev if level != other else 0.0)
            bond = spec.bond_li_ev if level else spec.bond_substrate_ev
            start = -bonds * bond - (0.0 if level else spec.substrate_preference_ev)
            after[target] += 1
            key = tuple(after.ravel().tolist())
            rates[key] = rates.get(key, 0.0) + spec.attempt_hz * math.exp(-(saddle - start) / spec.kt_ev)
    return rates
