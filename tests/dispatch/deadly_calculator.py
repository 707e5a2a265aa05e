"""An EMT that ends its process when it meets gold."""

import os

from ase.calculators.emt import EMT


class Deadly(EMT):
    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        if "Au" in atoms.get_chemical_symbols():
            os._exit(9)
        super().calculate(atoms, list(properties), list(system_changes))
