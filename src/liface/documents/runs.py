"""One run of a campaign: what was asked, with what it was computed, and what came of it.

Written as text this is the lock of a campaign: everything that is needed to run it again elsewhere, and the numbers
that the second run must meet.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field

from liface.documents.base import Document, Moment, content_hash, now, quantity
from liface.documents.calculation import CalculationSettings, EngineInfo

FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}$"
"""Names of the files of a lock: nothing that could lead out of the folder they are written to."""

LOCKED = ("content", "files", "engines", "settings", "cases", "calculations", "records", "outside")
"""What was asked and what came of it; two runs that agree in it reproduce each other to the last digit."""


class RunFile(Document):
    """A file that the campaign names: a crystal, or measured points."""

    name: str = Field(pattern=FILE_NAME, description="As the content of the campaign names it.")
    sha256: str
    text: str


class RunEngine(Document):
    """One engine of the campaign."""

    asked: str = Field(description="As a campaign or --engine names it.")
    role: Literal["asked", "screening"] = "asked"
    info: EngineInfo


class RunSeed(Document):
    """The seeds of one source of random numbers."""

    of: str
    seeds: tuple[int, ...] = quantity("1", "Seeds, in the order in which they are used.")


class Machine(Document):
    """What of a machine decides the last digits of a number, and how fast it comes."""

    cpu: str
    instructions: str = Field(default="", description="Widest vector instructions of the CPU.")
    cores: int = quantity("1", "Logical cores that this process may use.", ge=1)
    threads: int = quantity("1", "Threads of each calculation with a potential.", ge=1)
    workers: int = quantity("1", "Processes that computed; 0: that of the command.", ge=0)
    system: str
    python: str
    blas: str = Field(description="Linear algebra behind NumPy.")
    torch: str = Field(default="", description="Version of torch with its backend; empty where no engine needs it.")


class RunCase(Document):
    """One case and where its results are."""

    case_id: str
    case: str
    kind: str
    engine: str = Field(description="Fingerprint of the engine.")
    status: Literal["finished", "failed"]
    reason: str = ""
    record_ids: tuple[str, ...] = ()
    calc_ids: tuple[str, ...] = ()


class RunCalculation(Document):
    """One calculation: what was asked, by hashes of its parts, and its energy."""

    calc_id: str
    label: str
    engine: str = Field(description="Fingerprint of the engine.")
    settings: str = Field(description="Key of its settings in the run.")
    geometry: str = Field(description="Content identity of the structure; of both ends of a path.")
    formula: str
    cell: tuple[float, float, float, float, float, float] = quantity("Å, deg", "a, b, c, α, β, γ of the start cell.")
    status: Literal["converged", "unconverged", "failed"]
    energy_ev: float | None = quantity("eV", "Energy; None where it failed.", default=None)
    n_force_calls: int = quantity("1", "Force calls spent.", ge=0)
    started_from: str | None = None


class RunRecord(Document):
    """One result with the numbers that another run must meet."""

    noun: str
    record_id: str
    case: str
    engine: str | None = Field(description="Fingerprint; None where every number was given by hand.")
    slot: dict[str, str | int | float | bool] = Field(description="What names the quantity, without the engine.")
    numbers: dict[str, float] = quantity("column_units of the run", "Numbers by column.")
    words: dict[str, str] = Field(default_factory=dict, description="Everything else by column.")
    converged: bool
    flags: tuple[str, ...] = ()
    calc_ids: tuple[str, ...] = ()


class RunDocument(Document):
    """One run of a campaign; stored for good, never in the place of another."""

    run_id: str = Field(description="Content identity of the whole document.")
    lock_id: str = Field(description="Content identity of what was asked and what came of it.")
    campaign: str
    title: str = ""
    liface_version: str
    dispatcher: Literal["local", "fireworks", "remote", "database"] = Field(
        description="Who computed; database: written later, from what was stored."
    )
    n_cases: int = quantity("1", "Cases.", ge=0)
    n_failed_cases: int = quantity("1", "Of these, failed ones.", ge=0)
    n_calculations: int = quantity("1", "Calculations behind them.", ge=0)
    n_unconverged: int = quantity("1", "Of these, unconverged ones.", ge=0)
    n_failed: int = quantity("1", "Of these, failed ones.", ge=0)
    n_records: int = quantity("1", "Results, derived ones with them.", ge=0)
    n_computed: int | None = quantity("1", "Calculations that this run computed; None: not known.", default=None)
    n_force_calls: int = quantity("1", "Force calls of all calculations, whenever they were computed.", ge=0)
    wall_s: float | None = quantity("s", "Wall time of this run; None: not known.", default=None)
    replay_of: str | None = Field(default=None, description="The run that this one repeats.")
    machine: Machine | None = Field(default=None, description="None where others computed.")
    packages: dict[str, str] = Field(description="Installed where the run was recorded.")
    computed_with: dict[str, tuple[str, ...]] = Field(description="Versions stored with the calculations.")
    seeds: tuple[RunSeed, ...] = ()
    content: dict[str, Any] = Field(description="The campaign file, every default written out.")
    files: tuple[RunFile, ...] = ()
    engines: tuple[RunEngine, ...]
    settings: dict[str, CalculationSettings]
    cases: tuple[RunCase, ...]
    calculations: tuple[RunCalculation, ...]
    records: tuple[RunRecord, ...]
    outside: tuple[str, ...] = Field(default=(), description="Records of other campaigns that results rest on.")
    column_units: dict[str, str] = Field(description="Unit of every number of the records, by noun.column.")
    created_at: Moment = Field(default_factory=now)

    @classmethod
    def sealed(cls, **values: Any) -> Self:
        """Return a run with its two identities and its counts."""
        calculations, cases = values["calculations"], values["cases"]
        states = [calculation.status for calculation in calculations]
        draft = cls(
            run_id="",
            lock_id="",
            n_cases=len(cases),
            n_failed_cases=sum(case.status == "failed" for case in cases),
            n_calculations=len(calculations),
            n_unconverged=states.count("unconverged"),
            n_failed=states.count("failed"),
            n_records=len(values["records"]),
            n_force_calls=sum(calculation.n_force_calls for calculation in calculations),
            **values,
        )
        locked = draft.model_copy(update={"lock_id": draft.lock_identity})
        return locked.model_copy(update={"run_id": locked.run_identity})

    @property
    def lock_identity(self) -> str:
        """The ``lock_id`` that follows from the content."""
        return content_hash(self.model_dump(mode="json", include=set(LOCKED)))

    @property
    def run_identity(self) -> str:
        """The ``run_id`` that follows from everything else."""
        return content_hash(self.model_dump(mode="json", exclude={"run_id"}))

    @property
    def fingerprints(self) -> dict[str, RunEngine]:
        """The engines by their fingerprints."""
        return {engine.info.fingerprint: engine for engine in self.engines}

    @property
    def engine_names(self) -> str:
        """The engines in words."""
        return ", ".join(engine.info.label for engine in self.engines)
