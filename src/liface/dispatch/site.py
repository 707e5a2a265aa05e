"""The site file: where jobs run, and what each kind of them gets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from liface.errors import SiteError
from liface.workflows.resources import ResourcesByKind

SITE = "LIFACE_SITE"
"""Environment variable with the path of the site file."""

DEFAULT_FILES = ("fireworks_config/site.yaml", "~/.liface/site.yaml")


class Site(BaseModel):
    """One computing site as its users describe it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    queue: Literal["fireworks", "remote"] = "fireworks"
    runs: str = Field(description="Run folders, on the machines that run; environment variables are filled in there.")
    calculations: str = Field(description="Folder of finished calculations that all workers share.")
    fireworks_config: str = Field(default="", description="FW_config.yaml; $FW_CONFIG_FILE if empty.")
    jobflow_config: str = Field(default="", description="jobflow.yaml; $JOBFLOW_CONFIG_FILE if empty.")
    project: str = Field(default="", description="Project of jobflow-remote; its own default if empty.")
    kinds: ResourcesByKind = Field(default=ResourcesByKind(), description="Resources by kind of job.")
    lost_after_s: float = Field(default=4 * 3600.0, gt=0, description="Silence after which a running job is lost.")


def load_site(path: str | Path | None = None) -> Site:
    """Read the site file: the one given, else ``$LIFACE_SITE``, else one of :data:`DEFAULT_FILES`.

    Raises
    ------
    SiteError
        None is found, or it does not hold together; every problem is named.
    """
    found = _find(path)
    import yaml

    try:
        data = yaml.safe_load(found.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)  # its message may quote a line with a password
        where = f" in line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or getattr(error, "strerror", None) or "it is no text"
        raise SiteError(f"{found}: no site file: {what}{where}") from error
    if not isinstance(data, dict):
        raise SiteError(f"{found}: expected keys such as name, queue, runs; got {type(data).__name__}")
    try:
        return Site.model_validate(data)
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, p['loc']))}: {p['msg']}"
            + ("" if p["type"] == "extra_forbidden" else f" (got {str(p['input'])[:60]!r})")
            for p in error.errors()
        ]
        raise SiteError(f"{found}: {len(lines)} problem(s)\n" + "\n".join(lines)) from error


def _find(path: str | Path | None) -> Path:
    named = path or os.environ.get(SITE)
    if named:
        found = Path(named).expanduser()
        if not found.is_file():
            raise SiteError(f"there is no site file {found}; write one with: liface hpc init")
        return found
    for candidate in DEFAULT_FILES:
        if (found := Path(candidate).expanduser()).is_file():
            return found
    raise SiteError(
        f"no site is described: neither --site nor ${SITE} is given, and there is no {' or '.join(DEFAULT_FILES)}; "
        "write one with: liface hpc init"
    )
