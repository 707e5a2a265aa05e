"""Files of weights from anywhere: what a person downloads may hold code, which PyTorch would run while it loads."""

from __future__ import annotations

from pathlib import Path

from liface.errors import UnknownEngineError

HARMLESS = frozenset(("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct", "numpy.dtype",
                      "numpy.ndarray", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"))  # fmt: skip
"""Names in the checkpoints that packages ship, beyond the tensors and plain values that PyTorch itself admits."""


def refuse_code(path: Path) -> None:
    """Refuse a checkpoint that names anything but numbers; it is looked at without being loaded.

    Raises
    ------
    UnknownEngineError
        If loading it would call other functions or classes, or if it is no checkpoint of PyTorch.
    """
    from torch.serialization import get_unsafe_globals_in_checkpoint

    try:
        named = set(get_unsafe_globals_in_checkpoint(str(path)))
    except Exception as error:  # whatever the file is, it is not read any further
        raise UnknownEngineError(
            f"checkpoint {path} cannot be looked through before it is loaded ({error}); give a file that torch.save "
            "has written"
        ) from error
    foreign = sorted(named - HARMLESS)
    if foreign:
        raise UnknownEngineError(
            f"checkpoint {path} is not loaded: beside numbers it holds {', '.join(foreign[:5])}, which could be any "
            "program; save its weights alone with torch.save(model.state_dict()) in the form of its package"
        )
