"""The published value that belongs beside a computed one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from liface.documents import BindingResult, InterfaceResult, SurfaceResult, WettingResult
from liface.report.numbers import fixed, signed

if TYPE_CHECKING:
    from liface.analysis.literature import PublishedValue

WANG2023_DOI = "10.1002/adma.202206762"

_DECIMALS = {"eV": 3, "J/m²": 2, "deg": 0}
_SIGNS = {"=": "", "≈": "≈ ", ">=": "≥ ", "<=": "≤ ", ">": "> ", "<": "< "}


class Reference:
    """One published value as it is shown: a bound stays a bound."""

    def __init__(self, row: PublishedValue):
        self.value = row.value
        self.qualifier = row.qualifier
        self.doi = row.doi
        self.note = "; ".join(part for part in (row.method, row.where, row.note) if part)
        number = signed if row.unit == "eV" else fixed
        self.text = _SIGNS[row.qualifier] + number(row.value, _DECIMALS.get(row.unit, 1))

    @property
    def is_bound(self) -> bool:
        """Tell whether only a limit is published."""
        return self.qualifier not in ("=", "≈")


class Literature:
    """Finds the published value for a computed result; a plane our source does not name matches every plane."""

    def interface(self, result: InterfaceResult) -> Reference | None:
        """Li interfacial energy, meV/Å²."""
        return _best("interface_gamma", result.substrate, plane=result.substrate_plane, film_plane=result.film_plane)

    def surface(self, result: SurfaceResult) -> Reference | None:
        """Surface energy, J/m²."""
        return _best("surface", result.material, plane=result.plane)

    def contact_angle(self, result: WettingResult) -> Reference | None:
        """Contact angle of molten Li, degrees."""
        return _best("contact_angle", result.substrate, plane=result.substrate_plane)

    def binding(self, result: BindingResult) -> Reference | None:
        """Binding energy per Li, eV."""
        return _best(
            "binding",
            result.substrate,
            plane=result.substrate_plane,
            n_li=result.n_li,
            arrangement=result.arrangement,
            monolayers=result.monolayers,
        )

    def bindings(self, substrate: str, plane: str) -> dict[tuple[int, int, str], Reference]:
        """All published binding energies on one surface, by monolayers, number of Li and arrangement."""
        return {
            (row.monolayers or 0, row.n_li or 1, row.arrangement or "dispersed"): Reference(row)
            for row in _rows("binding")
            if row.material == substrate and row.plane in (None, plane)
        }


def _best(quantity: str, material: str, **keys: object) -> Reference | None:
    fitting = [
        row
        for row in _rows(quantity)
        if row.material == material and all(getattr(row, k) in (None, wanted) for k, wanted in keys.items())
    ]
    if not fitting:
        return None
    return Reference(max(fitting, key=lambda row: sum(getattr(row, k) is not None for k in keys)))


def _rows(quantity: str) -> Iterable[PublishedValue]:
    from liface.analysis import literature

    return literature.published(quantity)
