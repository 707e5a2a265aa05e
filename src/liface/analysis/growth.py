"""Growth mode of Li from clusters against atoms on bare and covered substrate (10.1002/adma.202206762)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Literal

from liface.errors import AnalysisError

GrowthMode = Literal["Frank-van der Merwe", "Stranski-Krastanov", "Volmer-Weber", "undecided"]
Preference = Literal["atoms", "islands"]

GROWTH_TOLERANCE_EV = 0.005
"""Differences below this are noise of the relaxations."""


def growth_mode(
    delta_e: Mapping[tuple[int, int], float],
    *,
    tolerance_ev: float = 0.0,
    wetted: Collection[tuple[int, int]] = (),
) -> tuple[GrowthMode, str]:
    """Name the growth mode from ΔE = E_b(cluster) - E_b(dispersed) per Li, in eV.

    ``delta_e`` is keyed by (Li monolayers under the adsorbate, Li atoms in it); a positive value says that
    dispersed atoms win and the layer wets. Atoms favoured on the bare and on every covered substrate: layer
    by layer (Frank-van der Merwe); on the bare one only: layer, then islands (Stranski-Krastanov); not on
    the bare one: islands (Volmer-Weber). The lowest covered layer on which islands win decides; thicker
    ones would not form. A layer on which cluster sizes contradict each other, or where a ``|ΔE|`` does not
    exceed ``tolerance_ev``, leaves the mode undecided, as does a missing bare or covered substrate.

    ``wetted`` are keys for which no three-dimensional cluster survived its relaxation: there is no ΔE then, and
    the layer wets.

    Returns
    -------
    mode, evidence
        The verdict and a sentence with the numbers it rests on.
    """
    if bad := {key: value for key, value in delta_e.items() if not math.isfinite(value)}:
        raise AnalysisError(f"ΔE is not finite for {bad}; leave failed cases out")
    layers = sorted({monolayers for monolayers, _ in (*delta_e, *wetted)})
    numbers = "; ".join(_describe(delta_e, wetted, layer) for layer in layers)
    for expected, layer in enumerate(layers):
        if layer != expected:
            return "undecided", _sentence(f"no cluster and atoms on {name_of(expected)} to compare", numbers)
        preference, doubt = _preference(delta_e, wetted, layer, tolerance_ev)
        if preference is None:
            return "undecided", _sentence(doubt, numbers)
        if preference == "islands" and layer == 0:
            return "Volmer-Weber", _sentence("clusters win on the bare substrate", numbers)
        if preference == "islands":
            reason = f"atoms win on the bare substrate, clusters on {layer} ML of Li"
            return "Stranski-Krastanov", _sentence(reason, numbers)
    if not layers:
        return "undecided", "no cluster and atoms were compared on any layer"
    if layers == [0]:
        return "undecided", _sentence("atoms win on the bare substrate, but no covered one was computed", numbers)
    reason = f"atoms win on the bare substrate and on {' and '.join(map(str, layers[1:]))} ML of Li"
    return "Frank-van der Merwe", _sentence(reason, numbers)


def turns_without_lowest(delta_e_ev: float, clusters: Collection[float], atoms: Collection[float]) -> float | None:
    """Tell whether a ΔE rests on one start: whether it changes sign once the lowest start of the winner is left out.

    Parameters
    ----------
    delta_e_ev
        E_b(cluster) - E_b(dispersed) per Li, eV, of the lowest of each.
    clusters, atoms
        Binding energies of all relaxed starts, eV per Li; of clusters, those that stayed three-dimensional.

    Returns
    -------
    gap
        How much higher the winner's next start ended, eV per Li, where that turns the sign. None where it does not, and
        where the winner has one start only, which says nothing.
    """
    lowest = sorted(atoms if delta_e_ev > 0 else clusters)[:2]
    gap = lowest[-1] - lowest[0] if lowest else 0.0
    return gap if gap > abs(delta_e_ev) else None


def _preference(
    delta_e: Mapping[tuple[int, int], float], wetted: Collection[tuple[int, int]], layer: int, tolerance: float
) -> tuple[Preference | None, str]:
    values = {n: value for (monolayers, n), value in sorted(delta_e.items()) if monolayers == layer}
    if small := [n for n, value in values.items() if abs(value) <= tolerance]:
        which = " and ".join(f"Li{n}" for n in small)
        return None, f"{which} on {name_of(layer)}: |ΔE| does not exceed the tolerance of {tolerance:g} eV"
    if all(value > 0 for value in values.values()):
        return "atoms", ""
    if all(value < 0 for value in values.values()) and not any(monolayers == layer for monolayers, _ in wetted):
        return "islands", ""
    return None, f"cluster sizes contradict each other on {name_of(layer)}"


def _describe(delta_e: Mapping[tuple[int, int], float], wetted: Collection[tuple[int, int]], layer: int) -> str:
    items = [f"Li{n} {value:+.3f} eV" for (m, n), value in sorted(delta_e.items()) if m == layer]
    items += [f"Li{n} flattened" for m, n in sorted(wetted) if m == layer]
    return f"{name_of(layer)}: {', '.join(items)}"


def name_of(layer: int) -> str:
    """Return what Li stands on, from the number of Li monolayers."""
    return "the bare substrate" if layer == 0 else f"{layer} ML of Li"


def _sentence(reason: str, numbers: str) -> str:
    return f"{reason} (ΔE per Li; {numbers})"
