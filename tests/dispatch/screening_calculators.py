"""Two engines that differ as a potential and a DFT code do: other lattice constant, other energies."""

from __future__ import annotations

from liface.engines.morse import Morse


class WideMorse(Morse):
    """The Morse potential of a world 1 % larger, 5 % deeper; counts nothing, hides nothing."""

    scale = 1 / 1.01
    depth = 1.05

    def calculate(self, atoms=None, properties=None, system_changes=()):
        smaller = atoms.copy()
        smaller.set_cell(atoms.cell * self.scale, scale_atoms=True)
        super().calculate(smaller, properties, system_changes)
        self.results["energy"] *= self.depth
        self.results["free_energy"] = self.results["energy"]
        self.results["energies"] = self.results["energies"] * self.depth
        self.results["forces"] = self.results["forces"] * self.scale * self.depth
        if "stress" in self.results:
            self.results["stress"] = self.results["stress"] * self.scale**3 * self.depth
        self.atoms = atoms.copy()


class BrokenMorse(Morse):
    """Cannot compute anything."""

    def calculate(self, atoms=None, properties=None, system_changes=()):
        raise RuntimeError("this engine is broken")


class PickyMorse(WideMorse):
    """Refuses a structure that has been relaxed already, as a DFT code may refuse any start."""

    refused = 0

    def calculate(self, atoms=None, properties=None, system_changes=()):
        super().calculate(atoms, properties, system_changes)
        if not self.seen and abs(self.results["forces"][-1]).max() < 0.1:
            type(self).refused += 1
            raise RuntimeError("I do not like this one")
        self.seen = True

    def reset(self):
        super().reset()
        self.seen = False

    seen = False
