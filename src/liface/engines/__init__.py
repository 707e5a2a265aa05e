"""Engines: one contract for everything that turns positions into energies and forces.

>>> from liface.engines import engine_info
>>> engine_info("emt").label
'emt:ase'

Importing this package loads neither ASE nor torch; :func:`resolve` does, when an engine is really needed.
"""

from liface.engines.base import Engine, EngineSpec
from liface.engines.batch import pin_threads, run_batch
from liface.engines.registry import available, engine_info, resolve
from liface.engines.relaxation import run

__all__ = [
    "Engine",
    "EngineSpec",
    "available",
    "engine_info",
    "pin_threads",
    "resolve",
    "run",
    "run_batch",
]
