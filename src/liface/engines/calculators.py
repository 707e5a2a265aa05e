"""How each engine becomes an ASE calculator. Loaded only when an engine is really needed."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from ase.calculators.calculator import Calculator

from liface.documents.calculation import EngineInfo
from liface.engines import registry
from liface.engines.base import BATCH, BatchedModel, EngineSpec
from liface.engines.catalogue import FAMILIES
from liface.engines.checkpoints import refuse_code
from liface.errors import LifaceError, UnknownEngineError

CHECKPOINT_KEYWORDS = {
    "MACE": "model",
    "MACE_MP_0": "model",
    "MACE_MP_0B3": "model",
    "MACE_MPA_0": "model",
    "SevenNet": "model",
    "DeepMD": "model",
    "NEP": "model_filename",
    "GAP": "param_filename",
    "Nequip": "model_path",
    "Allegro": "model_path",
    "M3GNet": "path",
    "MatterSim": "load_path",
}
"""Keyword that takes the weights file, by atomate2 force field; ``model`` elsewhere."""


@dataclass
class CalculatorEngine:
    """An engine that builds ASE calculators and keeps them: one with stress, one without."""

    info: EngineInfo
    packages: tuple[str, ...]
    build: Callable[[bool], Calculator]
    _built: dict[bool, Calculator] = field(default_factory=dict, repr=False)

    def calculator(self, needs_stress: bool) -> Calculator:
        """Return the calculator; loading it the first time."""
        if needs_stress not in self._built:
            self._built[needs_stress] = self.build(needs_stress)
        return self._built[needs_stress]


@dataclass
class BatchedCalculatorEngine(CalculatorEngine):
    """The same, of a model that also takes many structures at once."""

    together: Callable[[Any], BatchedModel] = field(kw_only=True)

    def batched_model(self) -> BatchedModel:
        """Return the model for many structures at once; it shares the weights of the calculators."""
        return self.together(self.calculator(needs_stress=False))


def build_engine(spec: EngineSpec, info: EngineInfo) -> CalculatorEngine:
    """Return the engine of a spec.

    Raises
    ------
    UnknownEngineError
        If the class or force field does not exist, or its package cannot make a calculator of it.
    """
    builders = {
        "sevennet": _sevennet,
        "chgnet": _chgnet,
        "emt": _emt,
        "morse": _morse,
        "ase": _ase,
        "atomate2": _atomate2,
    }
    packages = FAMILIES[spec.name].packages if spec.name in FAMILIES else (info.code,)
    build = builders[spec.name](spec)
    if together := BATCHED.get(spec.name):
        return BatchedCalculatorEngine(info=info, packages=packages, build=build, together=together)
    return CalculatorEngine(info=info, packages=packages, build=build)


def _sevennet(spec: EngineSpec) -> Callable[[bool], Calculator]:
    _, path, model = registry.model_file(spec)
    options: dict[str, Any] = {"device": "cpu", **registry.options_with_defaults(spec, model)}
    options.pop(BATCH, None)
    _refuse_options(spec, {"device", "kernel", "modal", "enable_cueq", "enable_flash", "enable_oeq", BATCH})
    kernel = options.pop("kernel", "auto")
    if kernel not in ("auto", "stock"):
        raise UnknownEngineError(f"engine {spec}: kernel is 'auto' or 'stock', not {kernel!r}")
    shared: list[Calculator] = []

    def build(needs_stress: bool) -> Calculator:
        # Forces and stress come from the same gradient with respect to the edges: leaving one out saves
        # nothing.
        if not shared:
            with _loading(spec):
                from sevenn.calculator import SevenNetCalculator

                if spec.checkpoint:
                    refuse_code(path)
                calculator: Any = SevenNetCalculator(model=str(path), **options)
                calculator.versions = {"sevennet-kernel": _sevennet_kernel(calculator, str(kernel))}
                shared.append(calculator)
        return shared[0]

    return build


def _sevennet_kernel(calculator: Calculator, kernel: str) -> str:
    """Return what computes the convolutions, after choosing it."""
    if kernel == "stock":
        return "stock (asked for)"
    try:
        from liface.engines.sevennet_kernel import use_fused_convolutions
    except ImportError as error:  # another version of the package, with its parts elsewhere
        return f"stock ({error})"
    return use_fused_convolutions(calculator)


def _chgnet(spec: EngineSpec) -> Callable[[bool], Calculator]:
    name, path, model = registry.model_file(spec)
    options = {"device": "cpu", **registry.options_with_defaults(spec, model)}
    _refuse_options(spec, {"device", BATCH})
    shared: list[Any] = []

    def build(needs_stress: bool) -> Calculator:
        with _loading(spec):
            from liface.engines.chgnet import EnergyForceCHGNet, load_chgnet

            if spec.checkpoint:
                refuse_code(path)
            if not shared:
                shared.append(load_chgnet(name if model else None, path, str(options["device"])))
            return EnergyForceCHGNet(shared[0], needs_stress=needs_stress)

    return build


def _sevennet_together(calculator: Any) -> BatchedModel:
    from liface.engines.sevennet import SevenNetBatches

    return SevenNetBatches(calculator)


def _chgnet_together(calculator: Any) -> BatchedModel:
    from liface.engines.chgnet import CHGNetBatches

    return CHGNetBatches(calculator.model)


BATCHED: dict[str, Callable[[Any], BatchedModel]] = {"sevennet": _sevennet_together, "chgnet": _chgnet_together}
"""How a calculator becomes a model for many structures at once."""


def _emt(spec: EngineSpec) -> Callable[[bool], Calculator]:
    _refuse_options(spec, {"asap_cutoff"})

    def build(needs_stress: bool) -> Calculator:
        from ase.calculators.emt import EMT

        return EMT(**spec.keywords)

    return build


def _morse(spec: EngineSpec) -> Callable[[bool], Calculator]:
    _refuse_options(spec, set())

    def build(needs_stress: bool) -> Calculator:
        from liface.engines.morse import Morse

        return Morse()

    return build


def _ase(spec: EngineSpec) -> Callable[[bool], Calculator]:
    module_name, _, class_name = spec.model.rpartition(".")
    try:
        with _quiet():
            factory = getattr(import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise UnknownEngineError(f"ASE calculator {spec.model!r} cannot be imported: {error}") from error

    def build(needs_stress: bool) -> Calculator:
        with _loading(spec):
            return factory(**_keywords(spec, "model"))

    return build


def _atomate2(spec: EngineSpec) -> Callable[[bool], Calculator]:
    with _quiet():
        from atomate2.forcefields.utils import MLFF
    names = {member.name for member in MLFF} | {member.value for member in MLFF}
    if spec.model not in names:
        raise UnknownEngineError(f"unknown atomate2 force field {spec.model!r}; known: {', '.join(sorted(names))}")

    def build(needs_stress: bool) -> Calculator:
        with _loading(spec):
            from atomate2.forcefields.jobs import ForceFieldStaticMaker

            field_name = MLFF(spec.model)
            keywords = _keywords(spec, CHECKPOINT_KEYWORDS.get(field_name.name, "model"))
            return ForceFieldStaticMaker(force_field_name=field_name, calculator_kwargs=keywords).calculator

    return build


def _keywords(spec: EngineSpec, checkpoint_keyword: str) -> dict[str, Any]:
    """Return the calculator's keyword arguments, with the checkpoint under its own keyword."""
    keywords: dict[str, Any] = dict(spec.keywords)
    checkpoint_keyword = str(keywords.pop(registry.CHECKPOINT_ARGUMENT, checkpoint_keyword))
    if spec.checkpoint:
        keywords[checkpoint_keyword] = spec.checkpoint
    return keywords


def _refuse_options(spec: EngineSpec, known: set[str]) -> None:
    unknown = sorted(set(spec.keywords) - known)
    if unknown:
        have = ", ".join(sorted(known)) or "none"
        raise UnknownEngineError(f"engine {spec.name} has no option {', '.join(unknown)}; known: {have}")


@contextlib.contextmanager
def _loading(spec: EngineSpec) -> Iterator[None]:
    """Turn whatever a package raises while loading into one typed error that keeps the cause.

    Third-party packages raise every kind of exception on a file that is not theirs; none of them is about a
    structure, and none may reach a person as a traceback.
    """
    try:
        with _quiet():
            yield
    except LifaceError:
        raise
    except Exception as error:
        raise UnknownEngineError(f"engine {spec} cannot be loaded: {type(error).__name__}: {error}") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the greetings of model packages off stdout, which belongs to tables and JSON."""
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
