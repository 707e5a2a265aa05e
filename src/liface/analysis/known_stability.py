"""What is known of materials against Li metal, to stand beside what entries say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from liface.analysis.stability import LithiumStability, Verdict

WANG2020 = "10.1016/j.chempr.2020.09.005"
OH2024 = "10.1039/d4ee03130j"

Class = Literal["MIEC", "ELI", "conductor at rest", "at rest", "reactive"]

_CLASSES: dict[Verdict, Class] = {
    "end member": "MIEC",
    "immiscible": "conductor at rest",
    "nothing competes": "conductor at rest",
    "insulator": "ELI",
    "stable": "at rest",
    "alloys with Li": "reactive",
    "reacts with Li": "reactive",
    "not stable": "reactive",
}


@dataclass(frozen=True)
class KnownStability:
    """A published statement on one material, and the verdicts that agree with it."""

    statement: str
    verdicts: tuple[Verdict, ...]
    doi: str
    products: frozenset[str] = frozenset()
    """Phases it becomes; empty where it is at rest or none are stated."""

    def agrees(self, found: LithiumStability) -> bool:
        """Tell whether a verdict, and its products where they are stated, agree."""
        same = not self.products or self.products == {product.name for product in found.products}
        return found.verdict in self.verdicts and same


_AT_REST: tuple[Verdict, ...] = ("immiscible",)
_END = KnownStability("end member on a tie-line with bcc Li (MIEC)", ("end member",), WANG2020)
_IMMISCIBLE = KnownStability("immiscible with Li, some solubility at the interface", _AT_REST, WANG2020)
_NO_ALLOY = KnownStability("forms no alloy with Li", _AT_REST, OH2024)
_INSULATOR = KnownStability("Li-ion and electron insulator, gap above 4 eV (ELI)", ("insulator",), WANG2020)

KNOWN: dict[str, KnownStability] = {
    **dict.fromkeys(("LiC6", "Li9Al4", "Li22Si5"), _END),
    **dict.fromkeys(("W", "Ni", "TiN"), _IMMISCIBLE),
    **dict.fromkeys(("Cr", "Mo", "Ti", "Zr"), _NO_ALLOY),
    **dict.fromkeys(("BeO", "SrF2"), _INSULATOR),
    "Li6PS5Cl": KnownStability(
        "becomes Li2S + Li3P + LiCl", ("reacts with Li", "not stable"), WANG2020, frozenset({"Li2S", "Li3P", "LiCl"})
    ),
}
"""Published statements by the name of the material in the library."""


def agreement(found: LithiumStability) -> Literal["yes", "no", "untested", "nothing known"]:
    """Hold a verdict against what is known; at rest for want of other phases is no agreement."""
    known = KNOWN.get(found.material)
    if known is None:
        return "nothing known"
    if found.untested and class_of(found.verdict) != "reactive":
        return "untested"
    return "yes" if known.agrees(found) else "no"


def class_of(verdict: Verdict) -> Class:
    """Return the class of wang2020: conductor of Li and electrons (MIEC), insulator (ELI), or reactive.

    Metals that hold no Li are at rest and conduct electrons, and Li only along their surface; insulators whose gap is
    narrow or not known are at rest and in neither class.
    """
    return _CLASSES[verdict]
