"""What a computed result says about quantities that are also published: value, error, and the place it is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from liface.documents import (
    QUANTITIES,
    AdhesionResult,
    BarrierResult,
    BindingResult,
    BulkResult,
    InterfaceResult,
    PhononResult,
    ResultDocument,
    SurfaceResult,
    WettingResult,
)


@dataclass(frozen=True)
class Computed:
    """One number of a result in the unit in which its quantity is reported.

    ``places`` are the materials with planes and the rest that a published value of the same thing may name; an
    adhesion has two, one per order of its materials.
    """

    quantity: str
    system: str
    value: float
    stderr: float | None
    places: tuple[tuple[str, Mapping[str, object]], ...]
    result: Any

    @property
    def unit(self) -> str:
        """The unit of value and error."""
        return QUANTITIES[self.quantity].unit


def computed_values(result: ResultDocument) -> tuple[Computed, ...]:
    """Return the numbers of a result that published values exist for; none for models of growth and the like."""
    for kind, read in _READERS.items():
        if isinstance(result, kind):
            return read(result)
    return ()


def quantities_of(kind: str) -> tuple[str, ...]:
    """Return the quantities that results of a kind may be held against."""
    return {
        "interface": ("interface_gamma",), "surface": ("surface",), "wetting": ("contact_angle", "work_of_adhesion"),
        "adhesion": ("work_of_adhesion",), "binding": ("binding",), "barrier": ("barrier",),
        "bulk": ("lattice_a", "lattice_c"), "phonon": ("highest_phonon",),
    }.get(kind, ())  # fmt: skip


def _facet(material: str, plane: str) -> str:
    return f"{material}({plane})"


def _on(result: Any, **place: object) -> tuple[tuple[str, Mapping[str, object]], ...]:
    return ((result.substrate, {"plane": result.substrate_plane, **place}),)


def _interface(r: InterfaceResult) -> tuple[Computed, ...]:
    system = f"{r.film}({r.film_plane}) on {_facet(r.substrate, r.substrate_plane)}"
    if r.method == "vacuum":
        system += ", vacuum"
    place = _on(r, film=r.film, film_plane=r.film_plane)
    return (Computed("interface_gamma", system, r.gamma_mev_per_a2, r.gamma_stderr_mev_per_a2, place, r),)


def _surface(r: SurfaceResult) -> tuple[Computed, ...]:
    place = ((r.material, {"plane": r.plane}),)
    return (Computed("surface", _facet(r.material, r.plane), r.gamma_j_per_m2, None, place, r),)


def _wetting(r: WettingResult) -> tuple[Computed, ...]:
    system = f"Li({r.film_plane}) on {_facet(r.substrate, r.substrate_plane)}"
    place = _on(r, film="Li", film_plane=r.film_plane)
    return (
        Computed("contact_angle", system, r.contact_angle_deg, None, place, r),
        Computed("work_of_adhesion", system, r.work_of_adhesion_j_per_m2, None, place, r),
    )


def _adhesion(r: AdhesionResult) -> tuple[Computed, ...]:
    a, b = (r.material_a, r.plane_a), (r.material_b, r.plane_b)
    places = tuple((x[0], {"plane": x[1], "film": y[0], "film_plane": y[1]}) for x, y in ((a, b), (b, a)))
    system = f"{_facet(*a)} on {_facet(*b)}"
    return (Computed("work_of_adhesion", system, r.work_of_adhesion_j_per_m2, None, places, r),)


def _binding(r: BindingResult) -> tuple[Computed, ...]:
    where = f"{_facet(r.substrate, r.substrate_plane)}" + (f" + {r.monolayers} ML" if r.monolayers else "")
    place = _on(r, n_li=r.n_li, arrangement=r.arrangement, monolayers=r.monolayers)
    what = "Li" if r.n_li == 1 else f"{r.n_li} Li, {r.arrangement}"
    return (Computed("binding", f"{what} on {where}", r.e_bind_ev_per_li, None, place, r),)


def _barrier(r: BarrierResult) -> tuple[Computed, ...]:
    where = f"{_facet(r.substrate, r.substrate_plane)}" + (f" + {r.monolayers} ML" if r.monolayers else "")
    return (Computed("barrier", where, r.barrier_ev, None, _on(r, monolayers=r.monolayers), r),)


def _bulk(r: BulkResult) -> tuple[Computed, ...]:
    place: tuple[tuple[str, Mapping[str, object]], ...] = ((r.material, {}),)
    return (
        Computed("lattice_a", r.material, r.lattice[0], None, place, r),
        Computed("lattice_c", r.material, r.lattice[2], None, place, r),
    )


def _phonon(r: PhononResult) -> tuple[Computed, ...]:
    return (Computed("highest_phonon", r.material, r.highest_thz, None, ((r.material, {}),), r),)


_READERS: dict[type, Callable[[Any], tuple[Computed, ...]]] = {
    InterfaceResult: _interface,
    SurfaceResult: _surface,
    WettingResult: _wetting,
    AdhesionResult: _adhesion,
    BindingResult: _binding,
    BarrierResult: _barrier,
    BulkResult: _bulk,
    PhononResult: _phonon,
}
