"""The Li interfacial energy once more: γ(n) of every film, both lines through them, scan and release."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from liface.analysis.film_series import LEAST_PLANES
from liface.analysis.recompute.evidence import (
    ABSOLUTE,
    Check,
    Evidence,
    area,
    composition_of,
    has,
    lacks,
    per_atom,
    strain_checks,
)
from liface.documents import EnergyCalculation, FilmPoint, InterfaceResult, LineFit
from liface.errors import AnalysisError
from liface.units import MEV, j_per_m2

PER_AREA = ABSOLUTE["meV/Å²"]


def interface(result: InterfaceResult, evidence: Evidence) -> Iterator[list[Check]]:
    """Recompute the whole series, for every pair of bulks that it may have been measured against."""
    below = evidence.bulks(composition_of(result.structure, ("substrate",)))
    above = evidence.bulks(composition_of(result.structure, ("film",)))
    for substrate in below:
        for film in above:
            yield list(_Series(result, evidence, substrate, film).checks())


class _Series:
    """One interface against one pair of bulks."""

    def __init__(
        self, result: InterfaceResult, evidence: Evidence, substrate: EnergyCalculation, film: EnergyCalculation
    ):
        self.result, self.evidence = result, evidence
        self.substrate, self.film = substrate, film
        self.n_interfaces = 2 if result.method == "sandwich" else 1
        strained = evidence.relaxed(lacks("substrate"), lacks("film"))
        if not strained:
            raise AnalysisError("bulk Li strained like the film is not among its calculations")
        self.strained = strained[0]
        self.strain_ev = per_atom(self.strained) - per_atom(film)

    def gamma(self, outcome: EnergyCalculation) -> float:
        """(E - N_s e_bulk - n μ) / (interfaces A), meV/Å²."""
        cell = outcome.final
        excess = (
            outcome.energy_ev
            - cell.count(role="substrate") * per_atom(self.substrate)
            - cell.count(role="film") * per_atom(self.film)
        )
        return MEV * excess / (self.n_interfaces * area(cell))

    def free_surfaces(self) -> tuple[EnergyCalculation, ...]:
        """Return the free slabs of the vacuum route; none of a sandwich."""
        if self.result.method == "sandwich":
            return ()
        pairs = (("substrate", "film"), ("film", "substrate"))
        found = [self.evidence.relaxed(has(role), lacks(other)) for role, other in pairs]
        if not all(found):
            raise AnalysisError("a free slab is not among its calculations")
        return tuple(each[0] for each in found)

    def offset(self) -> float:
        """Return γ of both free surfaces, the film against bulk Li strained like it, meV/Å²."""
        slabs = self.free_surfaces()
        return sum(
            MEV * (slab.energy_ev - slab.final.n_atoms * reference) / (2 * area(slab.final))
            for slab, reference in zip(slabs, (per_atom(self.substrate), per_atom(self.strained)), strict=False)
        )

    def checks(self) -> Iterator[Check]:
        result = self.result
        yield from strain_checks(result)
        yield Check("n_interfaces", result.n_interfaces, self.n_interfaces)
        yield Check("strain_energy_mev_per_li", result.strain_energy_mev_per_li, MEV * self.strain_ev, ABSOLUTE["meV"])
        offset = self.offset()
        series: list[tuple[FilmPoint, float]] = []
        for i, point in enumerate(result.points):
            outcome = self.evidence.named(point.calc_id)
            value = self.gamma(outcome) - offset
            series.append((point, value))
            yield Check(f"points.{i}.energy_ev", point.energy_ev, outcome.energy_ev)
            yield Check(f"points.{i}.n_li", point.n_li, outcome.final.count(role="film"))
            yield Check(f"points.{i}.n_atoms", point.n_atoms, outcome.final.n_atoms)
            yield Check(f"points.{i}.gamma_mev_per_a2", point.gamma_mev_per_a2, value, PER_AREA)
            yield Check(f"points.{i}.converged", point.converged, outcome.status == "converged")
        for i, scanned in enumerate(result.scan):
            value = self.gamma(self.evidence.named(scanned.calc_id))
            yield Check(f"scan.{i}.gamma_mev_per_a2", scanned.gamma_mev_per_a2, value, PER_AREA)
        thickest = self.evidence.named(max(result.points, key=lambda point: point.n_planes).calc_id)
        yield Check("structure is the thickest film", result.structure == thickest.final, True)
        yield Check("area_a2", result.area_a2, area(thickest.final))
        yield from self._whole()
        yield from self._release()
        yield from self._fits(series, area(thickest.final))

    def _whole(self) -> Iterator[Check]:
        """No thicker film may be left out, and all that enters must have converged where the result says so."""
        result = self.result
        thinnest = min(point.n_li for point in result.points)
        films = self.evidence.relaxed(
            has("substrate"), has("film"), lambda each: each.final.count(role="film") > thinnest
        )
        listed = sorted(point.calc_id for point in result.points if point.n_li > thinnest)
        yield Check("points", listed, sorted(each.calc_id for each in films))
        stacks = [self.evidence.named(point.calc_id) for point in result.points]
        used = (self.substrate, self.film, self.strained, *self.free_surfaces(), *stacks)
        whole = not any(flag.startswith("partial") for flag in result.flags)
        yield Check("converged", result.converged, whole and all(each.status == "converged" for each in used))

    def _release(self) -> Iterator[Check]:
        """Gain of the thinnest coherent film once it is free in the plane."""
        freed = self.evidence.relaxed(has("substrate"), has("film"), lambda each: each.settings.move == "all")
        if self.result.relaxation == "free" or not freed:
            expected = None
        else:
            thinnest = min(self.result.points, key=lambda point: point.n_planes)
            expected = self.gamma(self.evidence.named(thinnest.calc_id)) - self.gamma(freed[0])
        yield Check("release_gain_mev_per_a2", self.result.release_gain_mev_per_a2, expected, PER_AREA)

    def _fits(self, series: list[tuple[FilmPoint, float]], area_a2: float) -> Iterator[Check]:
        result = self.result
        thick = sorted(
            ((point, value) for point, value in series if point.n_planes >= LEAST_PLANES.get(result.film_plane, 4)),
            key=lambda pair: pair[0].n_li,
        )
        left_out = any(flag.startswith("thin_film") for flag in result.flags)
        used = thick[1:] if left_out else thick
        yield Check("n_points", result.n_points, len(used))
        n = np.array([point.n_li for point, _ in used], dtype=float)
        gamma = np.array([value for _, value in used])
        slope = MEV * self.strain_ev / (self.n_interfaces * area_a2)
        level = gamma - slope * n
        headline, stderr = level.mean(), level.std(ddof=1) / np.sqrt(len(n))
        yield Check("gamma_mev_per_a2", result.gamma_mev_per_a2, float(headline), PER_AREA)
        yield Check("gamma_j_per_m2", result.gamma_j_per_m2, j_per_m2(float(headline)))
        yield Check("gamma_stderr_mev_per_a2", result.gamma_stderr_mev_per_a2, float(stderr), PER_AREA)
        yield Check("gamma_plateau_mev_per_a2", result.gamma_plateau_mev_per_a2, float(level[-2:].mean()), PER_AREA)
        worst = float(np.abs(level - headline).max())
        yield Check("max_residual_mev_per_a2", result.max_residual_mev_per_a2, worst, PER_AREA)
        yield from _line("fixed_fit", result.fixed_fit, n, gamma, slope, float(headline), float(stderr))
        free_slope, free = np.polyfit(n, gamma, 1)
        yield Check("gamma_free_mev_per_a2", result.gamma_free_mev_per_a2, float(free), PER_AREA)
        error = _intercept_error(n, gamma - free - free_slope * n, level - headline)
        yield from _line("free_fit", result.free_fit, n, gamma, float(free_slope), float(free), error)


def _intercept_error(n: np.ndarray, residuals: np.ndarray, about_fixed: np.ndarray) -> float:
    """Return the standard error of the free intercept; of two films, from the scatter about the fixed line."""
    scatter = residuals @ residuals / (len(n) - 2) if len(n) > 2 else about_fixed @ about_fixed / (len(n) - 1)
    design = np.column_stack([np.ones_like(n), n])
    return float(np.sqrt(scatter * np.linalg.inv(design.T @ design)[0, 0]))


def _line(
    name: str, fit: LineFit, n: np.ndarray, gamma: np.ndarray, slope: float, intercept: float, stderr: float
) -> Iterator[Check]:
    residuals = gamma - intercept - slope * n
    yield Check(f"{name}.intercept_mev_per_a2", fit.intercept_mev_per_a2, intercept, PER_AREA)
    yield Check(f"{name}.slope_mev_per_a2_per_li", fit.slope_mev_per_a2_per_li, slope, PER_AREA)
    yield Check(f"{name}.stderr_mev_per_a2", fit.stderr_mev_per_a2, stderr, PER_AREA)
    total = float(((gamma - gamma.mean()) ** 2).sum())
    if fit.r_squared is not None and total > 0:
        yield Check(f"{name}.r_squared", fit.r_squared, 1 - float(residuals @ residuals) / total, 1e-4)
    yield Check(f"{name}.residuals_mev_per_a2 (number)", len(fit.residuals_mev_per_a2), len(n))
    for i, (stored, value) in enumerate(zip(fit.residuals_mev_per_a2, residuals, strict=False)):
        yield Check(f"{name}.residuals_mev_per_a2.{i}", stored, float(value), PER_AREA)
