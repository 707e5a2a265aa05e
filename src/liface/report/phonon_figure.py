"""Figure of phonons: the density of states, and the vibrational free energy over the temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from liface.analysis.vibrations import thermal
from liface.report.canvas import INK, MUTED, PALETTE, PAPER, Plot, drawing, frame, render
from liface.units import MEV

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from liface.documents import PhononResult

HOTTEST_K = 600.0


def phonon_plot(result: PhononResult, slug: str = "phonons") -> Plot:
    """Draw the density of states, imaginary modes to the left of zero, beside the free energy per atom."""
    title = f"Phonons of {result.material}, {result.engine.label}"
    with drawing(7.2, 3.2) as figure:
        left, right = figure.subplots(1, 2)
        _density(left, result)
        _free_energy(right, result)
        figure.suptitle(title)
        alt = (
            f"{title}: density of states up to {result.highest_thz:.2f} THz, lowest {result.lowest_thz:.2f} THz; "
            f"free energy {MEV * result.f_vib_298_ev_per_atom:.1f} meV per atom at 298.15 K"
        )
        return render(figure, slug, title, alt)


def free_energy_curve(result: PhononResult, temperatures_k: np.ndarray) -> np.ndarray:
    """Return the free energy per atom from the density of states, eV; near the exact sums at the points."""
    frequency, density = np.array(result.dos).T
    weight = density * np.gradient(frequency)
    real = (frequency > 0) & (weight > 0)
    return np.array([thermal(frequency[real], float(t), weight[real]).free_energy_ev for t in temperatures_k])


def _density(axes: Axes, result: PhononResult) -> None:
    frequency, density = np.array(result.dos).T
    axes.fill_between(frequency, density, color=PALETTE[0], alpha=0.25, lw=0)
    axes.plot(frequency, density, color=PALETTE[0], lw=1.2)
    if result.lowest_thz < 0:
        imaginary = frequency < 0
        axes.fill_between(frequency[imaginary], density[imaginary], color=PALETTE[1], lw=0, label="imaginary")
        axes.legend(loc="upper left")
    axes.axvline(0, color=MUTED, lw=0.8)
    axes.set_ylim(bottom=0)
    axes.set(xlabel="frequency (THz)", ylabel="density of states (per THz and atom)")
    frame(axes, "y")


def _free_energy(axes: Axes, result: PhononResult) -> None:
    hottest = max(HOTTEST_K, *(point.temperature_k for point in result.points))
    temperatures = np.linspace(0, hottest, 121)
    axes.plot(temperatures, MEV * free_energy_curve(result, temperatures), color=PALETTE[0], lw=1.2)
    points = [(point.temperature_k, MEV * point.f_vib_ev_per_atom) for point in result.points]
    axes.plot(*zip(*points, strict=True), "o", ms=5, color=INK, mfc=PAPER)
    axes.axhline(0, color=MUTED, lw=0.8)
    axes.set(xlabel="temperature (K)", ylabel="F_vib (meV per atom)")
    frame(axes, "y")
