"""A calculator that can be watched and slowed down by the environment of a worker, which is no part of its identity."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ase.calculators.calculator import all_changes

from liface.engines.morse import Morse

LOG, SECONDS = "HPC_FORCE_CALLS", "HPC_FORCE_CALL_S"
"""Environment variables: a file that gets a line for every force call, and how long each one takes."""


class Watched(Morse):
    """The Morse potential; every force call is written down."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        time.sleep(float(os.environ.get(SECONDS, 0)))
        if os.environ.get(LOG):
            descriptor = os.open(Path(os.environ[LOG]), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(descriptor, f"{os.getpid()}\n".encode())
            os.close(descriptor)
        super().calculate(atoms, properties, system_changes)
