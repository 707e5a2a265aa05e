"""Miller indices: reading, labelling, and which crystals take four of them."""

from __future__ import annotations

import re
from math import gcd
from typing import TYPE_CHECKING

from liface.errors import MillerIndexError

if TYPE_CHECKING:
    from pymatgen.core import Structure

Miller = tuple[int, int, int]

_HEXAGONAL_GROUPS = range(143, 195)


def parse_plane(text: str, hexagonal: bool = False) -> Miller:
    """Read a plane such as ``110``, ``(1 -1 0)``, ``10-10`` or ``1,1,-2,0``.

    A minus sign belongs to the digit after it. Four indices (h k i l) are for hexagonal and trigonal
    crystals, with h + k + i = 0. Indices of two digits need separators. Common factors are removed.

    Raises
    ------
    MillerIndexError
        If the text is no plane of such a crystal.
    """
    advice = "write e.g. 110, 1-10 or (1 1 0); hexagonal crystals also 0001 or 10-10"
    indices = _indices(str(text))
    if indices is None or len(indices) not in (3, 4):
        raise MillerIndexError(f"{text!r} is no plane: three or four whole indices are needed; {advice}")
    if len(indices) == 4:
        h, k, i, last = indices
        if not hexagonal:
            raise MillerIndexError(f"{text!r} has four indices, but the crystal is not hexagonal; give h k l")
        if h + k + i:
            raise MillerIndexError(f"{text!r}: h + k + i = {h + k + i}, must be 0; the third index is -(h + k)")
        indices = (h, k, last)
    h, k, last = indices
    divisor = gcd(h, k, last)
    if divisor == 0:
        raise MillerIndexError(f"{text!r} is no plane: all indices are zero; {advice}")
    return h // divisor, k // divisor, last // divisor


def _indices(text: str) -> tuple[int, ...] | None:
    body = text.strip().replace("\N{MINUS SIGN}", "-")
    for opening, closing in ("()", "{}", "[]"):
        if body.startswith(opening) and body.endswith(closing):
            body = body[1:-1].strip()
            break
    if re.fullmatch(r"(-?[0-9]){3,4}", body):
        return tuple(int(token) for token in re.findall(r"-?[0-9]", body))
    if re.fullmatch(r"[-+]?[0-9]{1,3}(\s*[,\s]\s*[-+]?[0-9]{1,3}){2,3}", body):
        return tuple(int(token) for token in re.split(r"\s*[,\s]\s*", body))
    return None


def plane_label(hkl: Miller, hexagonal: bool = False) -> str:
    """Return the canonical label: ``110``, ``1-10``, and for hexagonal crystals ``0001``, ``10-10``.

    Indices of two digits are separated by commas. ``parse_plane`` reads every label back.
    """
    h, k, last = hkl
    indices = (h, k, -(h + k), last) if hexagonal else (h, k, last)
    return ("," if any(abs(i) > 9 for i in indices) else "").join(str(i) for i in indices)


def is_hexagonal(structure: Structure, symprec: float = 0.02) -> bool:
    """Tell whether the crystal has hexagonal or trigonal symmetry (``symprec`` in Å)."""
    from liface.structures.crystal import symmetry_of

    return symmetry_of(structure, symprec).number in _HEXAGONAL_GROUPS


def named_surface(text: str) -> tuple[str, str | None]:
    """Return material and plane of ``'Cu(111)'``, or of ``'Cu'``, which names no plane."""
    named = re.fullmatch(r"\s*(.+?)\s*\(([^()]+)\)\s*", text)
    return (named[1], named[2].strip()) if named else (text.strip(), None)
