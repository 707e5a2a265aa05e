"""What is asked for as an engine, and what every engine must offer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from pydantic import Field

from liface.documents.base import Document
from liface.documents.calculation import CalculationDocument, CalculationRequest, EngineInfo
from liface.errors import EngineTaskError, UnknownEngineError

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from ase.calculators.calculator import Calculator

Scalar = bool | int | float | str

DFT_ENGINES = ("gpaw", "vasp")

BATCH, AUTOMATIC = "batch", "auto"
"""Option of engines that compute many structures in one call: how many."""

CHECKPOINT_SUFFIXES = (".pth", ".pt", ".tar", ".model", ".ckpt", ".xml", ".txt", ".json", ".pb", ".npz")
"""File endings by which a model name is recognised as a path."""


class EngineSpec(Document):
    """Which engine a person asks for; small, hashable, and the same after JSON or pickle.

    What the engine *is* (version, hash of its weights) is found by :func:`liface.engines.engine_info`.
    """

    name: str = Field(description="Engine: sevennet, chgnet, gpaw, vasp, emt, morse, ase or atomate2.")
    model: str = Field(default="", description="Model name; empty for the default of the engine.")
    checkpoint: str = Field(default="", description="Path of a weights file of the user's own.")
    options: tuple[tuple[str, Scalar], ...] = Field(default=(), description="Keyword arguments of the calculator.")

    @classmethod
    def parse(cls, text: str | EngineSpec) -> EngineSpec:
        """Read ``ENGINE[:MODEL][:CHECKPOINT][?key=value&key=value]``.

        A model that looks like a path (it has a slash, or the ending of a weights file) is a checkpoint.

        Raises
        ------
        UnknownEngineError
            If the text does not have this form.

        Examples
        --------
        >>> EngineSpec.parse("sevennet:7net-mf-0?modal=PBE").options
        (('modal', 'PBE'),)
        >>> EngineSpec.parse("chgnet:models/mine.pth.tar").checkpoint
        'models/mine.pth.tar'
        """
        if isinstance(text, EngineSpec):
            return text
        head, _, tail = text.strip().partition("?")
        name, _, rest = head.partition(":")
        model, checkpoint = _model_and_checkpoint(name.lower(), rest)
        if not name:
            raise UnknownEngineError(f"engine {text!r} has no name; write ENGINE[:MODEL], e.g. sevennet:7net-0")
        return cls(name=name.lower(), model=model, checkpoint=checkpoint, options=_options(tail, text))

    @property
    def is_dft(self) -> bool:
        """Whether a structure is worth a job, and an allocation, of its own."""
        return self.name in DFT_ENGINES

    @property
    def keywords(self) -> dict[str, Scalar]:
        """The options as keyword arguments."""
        return dict(self.options)

    @property
    def batch(self) -> int | None:
        """How many structures may be in flight at once, by the option ``batch``; None for ``auto``, the default.

        Raises
        ------
        UnknownEngineError
            The option is neither ``auto`` nor a whole number above 0.
        """
        value = self.keywords.get(BATCH, AUTOMATIC)
        if value == AUTOMATIC:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UnknownEngineError(f"engine {self}: {BATCH}={value!r} is neither auto nor a whole number above 0")
        return value

    def __str__(self) -> str:
        """Return the text that :meth:`parse` reads."""
        head = ":".join(part for part in (self.name, self.model, self.checkpoint) if part)
        tail = "&".join(f"{key}={_text(value)}" for key, value in self.options)
        return f"{head}?{tail}" if tail else head

    def as_dict(self) -> dict:
        """Return a JSON-able dict that monty and jobflow decode again."""
        return {
            "@module": type(self).__module__,
            "@class": type(self).__name__,
            **self.model_dump(mode="json"),
        }

    @classmethod
    def from_dict(cls, data: dict) -> Self:
        """Read what :meth:`as_dict` wrote."""
        return cls.model_validate({k: v for k, v in data.items() if not k.startswith("@")})


class Engine(Protocol):
    """The contract of an engine; :mod:`liface.testing.engine_contract` checks it."""

    @property
    def info(self) -> EngineInfo:
        """What computes, exactly."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Names of the distributions whose versions are stored with each calculation."""

    def calculator(self, needs_stress: bool) -> Calculator:
        """Return an ASE calculator: eV, Å, eV/Å, stress in eV/Å³ (positive under tension).

        The weights are loaded once. Without ``needs_stress`` the calculator may leave the stress out.
        """


@dataclass(frozen=True)
class Graph:
    """A structure as a model takes it: atoms, and edges (with their angles, where the model has them)."""

    n_atoms: int
    weight: int
    """Edges and angles: what the memory of a call grows with."""
    data: Any


@dataclass(frozen=True)
class EnergyForces:
    """What a model says of a structure in a fixed cell: eV, and eV/Å of shape (natoms, 3)."""

    energy_ev: float
    forces_ev_per_a: np.ndarray


class BatchedModel(Protocol):
    """A model that computes many structures in one call, with the edges that its own calculator would find."""

    device: str
    """Where it computes, as torch writes it."""

    def graph(self, atoms: Atoms) -> Graph:
        """Return the graph of a periodic structure; whatever is wrong with the structure is raised here."""

    def predict(self, graphs: Sequence[Graph]) -> list[EnergyForces]:
        """Compute all graphs in one call, none of them changed by the others beyond rounding."""


@runtime_checkable
class BatchedEngine(Protocol):
    """An engine whose model also computes many structures in one call."""

    def batched_model(self) -> BatchedModel:
        """Return the model; it shares the weights of the calculators."""


@runtime_checkable
class StructureCalculator(Protocol):
    """An ASE calculator that is set up for each structure: meshes, moments, files of its own."""

    def prepare(self, request: CalculationRequest, folder: Path) -> None:
        """Forget the structure before; what is computed next is this one, in its periodic cell, into ``folder``."""

    def release(self) -> None:
        """Give back the memory and the processes of the structure."""


@runtime_checkable
class ProgramEngine(Protocol):
    """An engine that relaxes by itself: a program with input and output files."""

    @property
    def info(self) -> EngineInfo:
        """What computes, exactly."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Names of the distributions whose versions are stored with each calculation."""

    def compute(self, request: CalculationRequest, folder: Path) -> CalculationDocument:
        """Compute a request in a folder of its own; a structure that fails is an outcome, never an exception."""


def can_follow_paths(engine: str) -> bool:
    """Tell whether an engine, by its name, can hold the images of a minimum-energy path."""
    return engine != "vasp"


def require_paths(engine: str) -> None:
    """Refuse minimum-energy paths with an engine, by its name, that moves atoms by itself and one structure at a time.

    Raises
    ------
    EngineTaskError
        It does.
    """
    if not can_follow_paths(engine):
        raise EngineTaskError(
            "vasp relaxes one structure by itself and cannot hold the images of a path; ask for barriers "
            "with sevennet, chgnet, gpaw, or an ase or atomate2 calculator, and use vasp for the energies of the minima"
        )


def looks_like_path(text: str) -> bool:
    """Tell a path from the name of a model."""
    return "/" in text or "\\" in text or PurePath(text).suffix.lower() in CHECKPOINT_SUFFIXES


def _model_and_checkpoint(name: str, rest: str) -> tuple[str, str]:
    model, _, checkpoint = rest.partition(":")
    if name != "ase" and not checkpoint and looks_like_path(model):  # a dotted class may end like a file
        return "", model
    return model, checkpoint


def _options(tail: str, text: str) -> tuple[tuple[str, Scalar], ...]:
    pairs = []
    for part in filter(None, tail.split("&")):
        key, equals, value = part.partition("=")
        if not key or not equals:
            raise UnknownEngineError(f"engine {text!r}: {part!r} is no option; write key=value")
        pairs.append((key, _scalar(value)))
    return tuple(sorted(pairs))


def _scalar(value: str) -> Scalar:
    try:
        read = json.loads(value)
    except json.JSONDecodeError:
        return value
    return read if isinstance(read, bool | int | float | str) else value


def _text(value: Scalar) -> str:
    return value if isinstance(value, str) else json.dumps(value)
