"""The environment that programs started by these tests get: small, and without the secrets of whoever runs them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent


def search_path() -> str:
    """Give PATH with this Python's programs first and those for administrators last."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def clean_environment(**extra: str) -> dict[str, str]:
    """Give a whole environment; `hpc_toy_jobs` can be imported in it.

    What chooses the kernels of OpenBLAS is kept: results are compared to the last digit with those of this process.
    """
    names = {"HOME", "USER", "LANG", "TMPDIR", *(name for name in os.environ if name.startswith("OPENBLAS_"))}
    kept = {name: os.environ[name] for name in sorted(names) if name in os.environ}
    return kept | {"PATH": search_path(), "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"} | extra
