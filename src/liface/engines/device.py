"""What a batch needs to know of the device: its memory, and which errors are the device's and no structure's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

T = TypeVar("T")


def is_gpu(device: str) -> bool:
    """Tell a device on which many structures at once pay from the CPU, where they do not."""
    return torch.device(device).type != "cpu"


def free_bytes(device: str) -> int | None:
    """Return the memory that a call may use: free on the card or held by torch for later; None where unknown."""
    if torch.device(device).type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def with_peak(device: str, call: Callable[[], T]) -> tuple[T, int | None]:
    """Return what a call returns, and by how many bytes it raised the memory in use at its peak (None: unknown)."""
    if torch.device(device).type != "cuda":
        return call(), None
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    result = call()
    return result, torch.cuda.max_memory_allocated(device) - before


def give_back(device: str) -> None:
    """Hand memory that torch holds for later back to the card."""
    if torch.device(device).type == "cuda":
        torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether a call needed more memory than the device has."""
    return isinstance(error, torch.cuda.OutOfMemoryError)


def is_lost(error: BaseException) -> bool:
    """Tell whether the device itself failed: after that, no call in this process can succeed."""
    return isinstance(error, torch.AcceleratorError) and not is_out_of_memory(error)


def name_of(device: str) -> str:
    """Return the name of the card, or of the kind of device."""
    return torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else torch.device(device).type
