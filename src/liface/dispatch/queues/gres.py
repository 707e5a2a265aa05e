"""Generic resources in the words of Slurm: GPUs among other entries."""

from __future__ import annotations

import re


def with_gpus(said: object, gpus_per_node: int) -> str | None:
    """Return generic resources with another number of GPUs; the model of the GPUs and other entries stay.

    ``gpu:a100:1,nvme:100`` with 4 GPUs is ``gpu:a100:4,nvme:100``; with none ``nvme:100``. None where nothing is left.
    """
    entries = [entry.strip() for entry in str(said or "").split(",") if entry.strip()]
    gpu = next((entry for entry in entries if re.match(r"gpu(:|$)", entry)), "gpu")
    model = next((part for part in gpu.split(":")[1:] if not part.isdigit()), None)
    wanted = ["gpu", *([model] if model else []), str(gpus_per_node)]
    others = [entry for entry in entries if not re.match(r"gpu(:|$)", entry)]
    return ",".join([*([":".join(wanted)] if gpus_per_node else []), *others]) or None
