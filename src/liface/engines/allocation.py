"""How long the allocation lasts that a process runs in.

A batch system ends the program of a DFT code some time before the worker that waits for it. What the worker sees then
looks like a failure of the structure, and is none.
"""

from __future__ import annotations

import os
import time

END_MARGIN_S = 90.0
"""Slurm ends the processes of a job within half a minute of its end time; clocks and file systems take their part."""


def seconds_left() -> float:
    """Return how long the Slurm job that holds this process still lasts, s; infinite where there is none."""
    try:
        return float(os.environ["SLURM_JOB_END_TIME"]) - time.time()
    except (KeyError, ValueError):
        return float("inf")


def is_ending() -> bool:
    """Tell whether the allocation ends about now, so that a program that dies was probably ended with it."""
    return seconds_left() < END_MARGIN_S
