"""Results of the same quantity and system, side by side for every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from liface.documents import InterfaceResult, SurfaceResult
from liface.documents.results import WettingResult
from liface.report.html import EMPTY, Html, join
from liface.report.numbers import facet, pairing
from liface.report.tables import badge

R = TypeVar("R", bound=Any)

UNTRUSTED = frozenset({"unconverged", "reactive", "outside_domain", "nonlinear", "bain_path", "few_points", "partial"})
"""Flags that make a value be drawn hollow."""


@dataclass(frozen=True)
class Group(Generic[R]):
    """One quantity of one system: the newest result of each engine, by fingerprint."""

    key: tuple
    by_engine: dict[str, R]
    replaced: int

    @property
    def any(self) -> R:
        """One of the results, for what they have in common."""
        return next(iter(self.by_engine.values()))

    def values(self, number: Callable[[R], float]) -> list[float]:
        """Read the same number from every engine's result."""
        return [number(result) for result in self.by_engine.values()]

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags of all engines, each once."""
        return tuple(dict.fromkeys(flag for result in self.by_engine.values() for flag in result.flags))


def group(results: Iterable[R], key: Callable[[R], tuple]) -> list[Group[R]]:
    """Put results of one system together; of several by one engine, the newest stands for it."""
    found: dict[tuple, dict[str, list[R]]] = {}
    for result in results:
        found.setdefault(key(result), {}).setdefault(result.engine.fingerprint, []).append(result)
    groups = []
    for system, engines in found.items():
        newest = {f: max(many, key=lambda r: r.provenance.created_at) for f, many in engines.items()}
        groups.append(Group(system, newest, sum(len(many) - 1 for many in engines.values())))
    return groups


def trusted(result: Any) -> bool:
    """Tell whether nothing in its flags speaks against using a value."""
    return result.converged and not ({f.partition(":")[0].strip() for f in result.flags} & UNTRUSTED)


def flag_badges(flags: Iterable[str], meanings: dict[str, str]) -> Html:
    """Write flags as labels."""
    details: dict[str, list[str]] = {}
    for flag in flags:
        slug, _, detail = flag.partition(":")
        details.setdefault(slug.strip(), []).extend(filter(None, [detail.strip()]))
    labels = [badge(f"{slug}: {'; '.join(texts)}", meanings.get(slug)) for slug, texts in details.items()]
    return join(labels, " ") if labels else EMPTY


def interface_key(result: InterfaceResult) -> tuple:
    """Return what makes two interfacial energies the same quantity."""
    return (result.substrate, result.substrate_plane, result.substrate_termination, result.film_plane, result.method)


def ranked_interfaces(results: Iterable[InterfaceResult]) -> list[Group[InterfaceResult]]:
    """Group interfaces by Li plane and, within one, from the highest energy down."""
    groups = group(results, interface_key)
    return sorted(groups, key=lambda g: (g.any.film_plane, -max(g.values(lambda r: r.gamma_mev_per_a2)), g.key))


def interface_name(result: InterfaceResult, *, with_film: bool = True) -> str:
    """Name of an interface; termination and method only where they are not the usual ones."""
    name = pairing(result.substrate, result.substrate_plane, result.film, result.film_plane)
    if not with_film:
        name = facet(result.substrate, result.substrate_plane)
    if result.substrate_termination:
        name += f" termination {result.substrate_termination}"
    return name + (" with vacuum" if result.method == "vacuum" else "")


def surface_key(result: SurfaceResult) -> tuple:
    """Return what makes two surface energies the same quantity."""
    return (result.material, result.plane, result.termination)


def surface_name(result: SurfaceResult) -> str:
    """Name of a surface."""
    suffix = f" termination {result.termination}" if result.termination else ""
    return facet(result.material, result.plane) + suffix


def wetting_key(result: WettingResult) -> tuple:
    """Return what makes two contact angles the same quantity."""
    return (result.substrate, result.substrate_plane, result.film_plane)
