"""Jobs that cost nothing and leave a mark, for programs that run jobs in other processes to import."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from jobflow import Flow, job


@job
def mark(folder: str, name: str, seconds: float = 0) -> str:
    """Write that this job has started and, so many seconds later, that it has ended."""
    _append(folder, f"start {name}")
    time.sleep(seconds)
    _append(folder, f"end {name}")
    return name


@job(data="numbers")
def numbers(count: int) -> dict[str, Any]:
    """Give numbers, which are kept in the additional store."""
    return {"count": count, "numbers": list(range(count))}


@job
def total(found: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Add up what other jobs gave."""
    return {"total": sum(found["numbers"]), "names": names}


@job
def fail(message: str) -> None:
    """Fail."""
    raise RuntimeError(message)


def toy_flow(folder: Path, marks: int = 2, seconds: float = 0) -> Flow:
    """Build a flow of independent marks, numbers, and a last job that needs them all; its output is the flow's."""
    made = numbers(1000)
    marked = [mark(str(folder), f"mark {i}", seconds) for i in range(marks)]
    last = total(made.output, [each.output for each in marked])
    return Flow([made, *marked, last], output=last.output, name="toy")


def marks_in(folder: Path) -> list[str]:
    """Give the marks left so far, in order."""
    file = folder / "marks"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _append(folder: str, line: str) -> None:
    descriptor = os.open(Path(folder) / "marks", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)
