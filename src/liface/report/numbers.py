"""How numbers are written: decimals, true minus signs, errors, durations. Nothing is computed here."""

from __future__ import annotations

import math
from datetime import datetime

DASH = "–"
"""Stands where there is no number."""

MINUS = "\N{MINUS SIGN}"


def fixed(value: float | None, decimals: int = 1) -> str:
    """Write with fixed decimals and a true minus sign; a dash where there is no finite number."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float | None, decimals: int = 1) -> str:
    """Write with an explicit sign."""
    text = fixed(value, decimals)
    return text if text.startswith((MINUS, DASH)) else f"+{text}"


def with_error(value: float | None, error: float | None, decimals: int = 1) -> str:
    """Write ``value ± error``; the value alone where there is no error."""
    if error is None or not math.isfinite(error) or fixed(value) == DASH:
        return fixed(value, decimals)
    return f"{fixed(value, decimals)} ± {fixed(error, decimals)}"


def p_value(value: float | None) -> str:
    """Write a probability with two figures; tiny ones as a bound."""
    if value is None or not math.isfinite(value):
        return DASH
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def general(value: object) -> str:
    """Write any scalar: floats with four significant figures, the rest as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", MINUS) if math.isfinite(value) else DASH
    return DASH if value is None else str(value)


def count(value: int) -> str:
    """Write an integer with thin thousands separators."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def plural(value: int, noun: str) -> str:
    """Write a count with its noun."""
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def duration(seconds: float) -> str:
    """Write seconds for people."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, _ = divmod(round(seconds), 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def day(moment: datetime) -> str:
    """Write a UTC moment to the minute."""
    return moment.strftime("%Y-%m-%d %H:%M UTC")


_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def formula(name: str) -> str:
    """Write the digits of a chemical formula below the line: ``Li2Te`` as ``Li₂Te``."""
    body = name.translate(_SUBSCRIPTS)
    is_formula = name.isascii() and name.isalnum() and name[:1].isupper()
    return body if is_formula else name


def facet(material: str, plane: str) -> str:
    """Write a surface as ``W(110)``."""
    return f"{formula(material)}({plane.strip('()')})"


def pairing(substrate: str, substrate_plane: str, film: str, film_plane: str) -> str:
    """Write an interface as ``W(110)|Li(100)``."""
    return f"{facet(substrate, substrate_plane)}|{facet(film, film_plane)}"
