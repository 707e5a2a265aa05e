"""An interrupted sweep on disk: what is finished, and the running lattice with its random numbers."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from liface.errors import AnalysisError, CheckpointError
from liface.mesoscale.growth import Growth
from liface.mesoscale.sweep import GrowthRecord, SweepRun, SweepSpec

FORMAT = "liface growth sweep 1"


def save_checkpoint(path: Path, sweep: SweepRun) -> None:
    """Write a sweep in progress under another name and rename it, so that no half file is ever seen.

    Raises
    ------
    CheckpointError
        The file cannot be written.
    """
    about = {
        "format": FORMAT,
        "spec": sweep.spec.model_dump(mode="json"),
        "records": [record.model_dump(mode="json") for record in sweep.records],
        "pictures": list(sweep.pictures),
        "running": sweep.current is not None,
        "note": sweep.note,
    }
    arrays = {f"picture_{i}": heights for i, heights in enumerate(sweep.pictures.values())}
    if sweep.current is not None:
        arrays |= {f"running_{name}": array for name, array in sweep.current.state().items()}
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            np.savez_compressed(file, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CheckpointError(f"{path}: cannot be written ({error.strerror or error}); give another file") from error


def load_checkpoint(path: Path) -> SweepRun:
    """Read a sweep that goes on, to the last bit, as if it had not been interrupted.

    Raises
    ------
    CheckpointError
        The file is missing, no checkpoint of a sweep, or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        about = json.loads(str(arrays["about"]))
        if about.get("format") != FORMAT:
            raise CheckpointError(f"{path} holds {about.get('format')!r}, not {FORMAT!r}; start the sweep again")
        return _restored(about, arrays)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (AnalysisError, ValidationError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} is no checkpoint of a sweep, or damaged ({reason}); start it again") from error


def _restored(about: dict, arrays: dict[str, np.ndarray]) -> SweepRun:
    sweep = SweepRun(SweepSpec.model_validate(about["spec"]))
    sweep.records = [GrowthRecord.model_validate(record) for record in about["records"]]
    runs = sweep.spec.runs()
    if [(record.ratio, record.seed) for record in sweep.records] != runs[: len(sweep.records)]:
        raise ValueError("its finished runs are not the first ones of its sweep")
    sweep.pictures = {float(ratio): arrays[f"picture_{i}"] for i, ratio in enumerate(about["pictures"])}
    sweep.note = about.get("note", {})
    if about["running"]:
        ratio, seed = runs[len(sweep.records)]
        state = {name.removeprefix("running_"): a for name, a in arrays.items() if name.startswith("running_")}
        sweep.current = Growth.restored(sweep.spec.growth.at_ratio(ratio), seed, state)
    return sweep
