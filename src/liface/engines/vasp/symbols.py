"""Which pseudopotential stands for which element.

``mp`` is the choice of atomate2's base input set (Materials Project conventions): semicore states where they matter,
``Li_sv`` with the 1s electrons among them. ``standard`` is the potential without suffix, and where VASP's releases have
none, the recommended one. Pseudopotentials are part of a level of theory, so both tables are written out here: a new
version of a library cannot change them unseen.
"""

from __future__ import annotations

from functools import lru_cache

FUNCTIONALS = ("PBE_54", "PBE_64", "PBE_52", "PBE", "PBE_54_W_HASH", "PBE_52_W_HASH")
"""Releases by their names in pymatgen."""

SETS = ("mp", "standard")

_MP = (
    "Ac Ag Al Am Ar As At Au B Ba_sv Be Bi_d Br C Ca_sv Cd Ce Cf Cl Cm Co Cr_pv Cs_sv Cu Dy_3 Er_3 Eu_2 F Fe Fr_sv "
    "Ga_d Gd_3 Ge_d H He Hf_pv Hg Ho_3 I In_d Ir K_sv Kr La Li_sv Lu_3 Mg Mn_pv Mo_sv N Na_pv Nb_sv Nd_3 Ne Ni Np O "
    "Os P Pa Pb_d Pd Pm_3 Po_d Pr_3 Pt Pu Ra_sv Rb_sv Re Rh_pv Rn Ru_pv S Sb Sc_sv Se Si Sm_3 Sn_d Sr_sv Ta_pv Tb_3 "
    "Tc_pv Te Th Ti_sv Tl_d Tm_3 U V_sv W_sv Xe Y_sv Yb_3 Zn Zr_sv"
)

_NO_STANDARD = "Ba_sv Ca_pv Cs_sv Fr_sv K_pv Nb_pv Ra_sv Rb_pv Sr_sv Y_sv Zr_sv"
"""Elements that VASP's releases have no potential without a suffix for."""

_LANTHANIDES = "Dy_3 Er_3 Eu_2 Gd_3 Ho_3 Lu_3 Nd_3 Pm_3 Pr_3 Sm_3 Tb_3 Tm_3 Yb_2"
"""Potentials with the 4f electrons in the core; those without suffix need more than a plain functional."""


@lru_cache(maxsize=4)
def symbols_of(name: str) -> dict[str, str]:
    """Return the table of a set, by element; an element that is not in it has the potential of its own name."""
    text = _MP if name == "mp" else f"{_NO_STANDARD} {_LANTHANIDES}"
    return {symbol.partition("_")[0]: symbol for symbol in text.split()}
