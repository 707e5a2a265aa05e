"""What is derived from a crystal is made once, however many copies of the crystal ask for it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from pymatgen.core import Structure

T = TypeVar("T")


def content_key(structure: Structure) -> bytes:
    """Return 16 bytes that are the same where lattice, species and positions are, to the last bit."""
    symbols = ",".join(site.specie.symbol for site in structure)
    parts = (structure.lattice.matrix.tobytes(), structure.frac_coords.tobytes(), symbols.encode())
    return hashlib.blake2b(b"".join(parts), digest_size=16).digest()


class Memory(Generic[T]):
    """The latest values of a function under keys of its arguments, which are not kept themselves."""

    def __init__(self, size: int):
        self._size = size
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of a key; where it is not known, ``make`` is called, and may raise what it likes."""
        try:
            self._values.move_to_end(key)
            return self._values[key]
        except KeyError:  # unknown, or dropped by another thread in between
            value = make()
        self._values[key] = value
        while len(self._values) > self._size:
            self._values.popitem(last=False)
        return value


def read_only(array: np.ndarray) -> np.ndarray:
    """Return the array, which nobody can write to any more: it is shared by all who ask for it."""
    array.flags.writeable = False
    return array
