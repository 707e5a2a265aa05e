"""What a kind of job needs of a machine; from the site file and the campaign, never from code."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _walltime(value: object) -> object:
    """Take hours:minutes:seconds; YAML reads an unquoted 12:00:00 as a number of seconds."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        hours, rest = divmod(value, 3600)
        return f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
    if not isinstance(value, str) or not re.fullmatch(r"(\d+-)?\d{1,3}:[0-5]\d:[0-5]\d", value):
        raise ValueError(f"a wall time is hours:minutes:seconds such as '12:00:00', got {value!r}")
    return value


Walltime = Annotated[str, BeforeValidator(_walltime)]


class Resources(BaseModel):
    """Resources of one job of a kind; what is None is left to the queue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    worker: str | None = Field(default=None, description="Name of the worker that takes these jobs.")
    nodes: int | None = Field(default=None, ge=1)
    cores: int | None = Field(default=None, ge=1, description="Processes; MPI ranks of a DFT code.")
    threads: int | None = Field(default=None, ge=1, description="Threads per process.")
    gpus: int | None = Field(default=None, ge=0)
    memory_gb: float | None = Field(default=None, gt=0, description="Memory of the whole job.")
    walltime: Walltime | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None

    def over(self, other: Resources) -> Resources:
        """Return these resources, and those of ``other`` where these say nothing."""
        return other.model_copy(update=self.model_dump(exclude_none=True))


class ResourcesByKind(BaseModel):
    """Resources of every kind of job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    light: Resources = Field(default=Resources(), description="Builds and analyses: seconds on one core.")
    potential: Resources = Field(default=Resources(), description="Relaxations with a potential, many per job.")
    dft: Resources = Field(default=Resources(), description="One structure with a DFT code.")

    def over(self, other: ResourcesByKind) -> ResourcesByKind:
        """Return these resources over those of ``other``, kind by kind."""
        return ResourcesByKind(
            light=self.light.over(other.light),
            potential=self.potential.over(other.potential),
            dft=self.dft.over(other.dft),
        )
