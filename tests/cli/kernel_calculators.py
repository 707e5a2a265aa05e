"""Calculators that say of their kernel what that of SevenNet would."""

from __future__ import annotations

from liface.engines.morse import Morse


class Refused(Morse):
    """Its compiled convolutions were refused when it was loaded."""

    versions = {"sevennet-kernel": "stock (OSError: no compiler today)"}  # noqa: RUF012 - as on a calculator


class AskedFor(Morse):
    """A person wanted the package's own."""

    versions = {"sevennet-kernel": "stock (asked for)"}  # noqa: RUF012 - as on a calculator
