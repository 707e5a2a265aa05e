"""Where a model's answer must not be believed: flags by rule, from what the model was trained on.

The rules are those that measured failures support; they hold for potentials trained on MPtrj alone or with
it, whose data are near-equilibrium bulk crystals with PBE and PBE+U mixed. DFT engines get no flag here.

- A neutral Li on a closed-shell Li salt puts one excess electron into a full valence shell; no such
  configuration is in the data, and every model tried gets the sign of Li on Li2Te(110) wrong (-0.7 to -0.9
  against +0.54 eV, PBE).
- PBE+U was used for Co, Cr, Fe, Mn, Mo, Ni, V and W where O or F is present. A quantity whose cells and
  references hold such a metal both with and without O or F subtracts energies of two functionals.
- Surface energies come out too low, most for Li (30-45 % in every model tried). Models that also saw
  off-equilibrium data (OMat24) are not flagged: published benchmarks find them far better (arXiv 2508.21663).
  Interfacial energies are not flagged either: there the errors of the two surfaces and the adhesion partly cancel.
- A test engine (effective-medium theory, Morse) knows no Li chemistry at all.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from liface.documents import EngineInfo

PLUS_U_METALS = frozenset({"Co", "Cr", "Fe", "Mn", "Mo", "Ni", "V", "W"})
"""Metals with a Hubbard U in Materials Project oxides and fluorides."""

PLUS_U_ANIONS = frozenset({"O", "F"})

_TEST_ENGINE = re.compile(r"\b(tests?|emt|effective[ -]medium|morse|lennard[ -]jones)\b")


_DISPERSION = re.compile(r"(?<![a-z])(d3|d4|dftd3|dftd4|mbd|i?vdw|rvv10|opt(pbe|b86b|b88)|dispersion)(?![a-z])")
"""Corrections and functionals that hold dispersion, as engines name them."""


def domain_flags(kind: str, elements: Collection[str], closed_shell_salt: bool, trained_on: str) -> tuple[str, ...]:
    """Return the flags of a quantity of ``kind`` computed with a model trained on ``trained_on``.

    Parameters
    ----------
    kind
        Kind of the result: surface, interface, binding, growth, wetting, adhesion or bulk.
    elements
        Every element in the cells of the quantity and of its references.
    closed_shell_salt
        The substrate is a closed-shell Li salt (LiF, Li2S, Li2Te, Li6PS5Cl, ...).
    trained_on
        :attr:`liface.documents.EngineInfo.trained_on` of the engine.
    """
    training = trained_on.lower()
    if "mptrj" not in training:
        return ("outside_domain: test engine",) if _TEST_ENGINE.search(training) else ()
    flags = []
    if kind in ("binding", "growth") and closed_shell_salt:
        flags.append("outside_domain: neutral Li on a closed-shell Li salt; even the sign may be wrong")
    metals = sorted(PLUS_U_METALS.intersection(elements))
    anions = sorted(PLUS_U_ANIONS.intersection(elements))
    if metals and anions:
        pair = f"{', '.join(metals)} with {', '.join(anions)}"
        flags.append(f"gga_u_mixing: {pair}; the training data mix PBE and PBE+U")
    if kind in ("surface", "wetting", "adhesion") and "omat" not in training:
        flags.append("model_softness: surface energies of models trained on MPtrj are too low, Li by 30-45 %")
    return tuple(flags)


def dispersion_flags(layered: Collection[str], engine: EngineInfo) -> tuple[str, ...]:
    """Return the flag of a layered crystal that is computed with a method without dispersion.

    Parameters
    ----------
    layered
        Names of the materials that are made of sheets, such as graphite.
    engine
        Its functional, options and training say whether it holds dispersion.
    """
    words = f"{engine.model} {engine.trained_on} {' '.join(f'{k}={v}' for k, v in engine.options.items())}"
    if not layered or _DISPERSION.search(words.lower()):
        return ()
    names = " and ".join(sorted(set(layered)))
    return (
        f"no_dispersion: sheets of {names} hold by dispersion forces, which PBE and models trained on it leave out",
    )
