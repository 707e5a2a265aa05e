"""What a person says about a stack: the keys of a YAML file, which are also the options of the command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from liface.documents import Document, quantity
from liface.errors import InputError
from liface.mesoscale.creep_parameters import DEFAULT, CreepParameters
from liface.mesoscale.hosts import host_current, pressure_mpa
from liface.mesoscale.stack import AREA_PER_LI_A2, LI, Adhesions, Place, Pores, Stack, contact_share
from liface.units import ZERO_CELSIUS_K


class PoreSpec(Document):
    """Pores of the interlayer and the current that is asked of them."""

    pore_nm: float = quantity("nm", "Pore diameter.")
    porosity: float = quantity("1", "Share of the volume that is pore.")
    thickness_um: float = quantity("µm", "Thickness of the interlayer.")
    current_ma_per_cm2: float = quantity("mA/cm²", "Plating current.")
    temperature_c: float = quantity("°C", "Temperature.", default=25.0)
    overpotential_mv: float = quantity("mV", "Overpotential that drives Li through the pores.", default=1.0)
    filled: float = quantity("1", "Share of the pores that is full of Li.", default=0.0)

    def pores(self, parameters: CreepParameters = DEFAULT) -> Pores:
        """Return the pores with the current that creep passes through them."""
        host = host_current(
            self.pore_nm,
            self.temperature_c + ZERO_CELSIUS_K,
            pressure_mpa(self.overpotential_mv),
            self.porosity,
            self.thickness_um,
            parameters,
        )
        return Pores(self.current_ma_per_cm2, host, self.filled)


class StackSpec(Document):
    """A stack as asked for."""

    electrolyte: str
    interlayer: str
    collector: str
    pressure_mpa: float = quantity("MPa", "External pressure while plating.", default=0.0)
    li_stress_mpa: float = quantity("MPa", "Mean stress in the Li, positive in tension.", default=0.0)
    formation_pressure_mpa: float | None = quantity(
        "MPa", "Pressure at which electrolyte and interlayer were joined; None: full contact.", default=None
    )
    hardness_mpa: float | None = quantity("MPa", "Hardness of the softer of the two.", default=None)
    area_per_li_a2: float = quantity("Å²", "Interface opened by one Li.", default=AREA_PER_LI_A2)
    li_surface_mev_per_a2: float = quantity("meV/Å²", "Surface energy of Li; 0: eq 1 as printed.", default=0.0)
    adhesions: dict[str, float] = quantity("meV/Å²", "Works of adhesion by 'A,B'.", default_factory=dict)
    reaction_ev: dict[Place, float] = quantity("eV", "Reaction energy per Li, by place.", default_factory=dict)
    potential_v: dict[Place, float] = quantity("V", "Potential, by place.", default_factory=dict)
    pores: PoreSpec | None = Field(default=None, description="None: a dense interlayer.")

    @model_validator(mode="after")
    def _contact_is_whole(self) -> Self:
        if (self.formation_pressure_mpa is None) != (self.hardness_mpa is None):
            raise ValueError("formation_pressure_mpa and hardness_mpa make a contact together; give both or neither")
        return self

    @property
    def materials(self) -> tuple[str, ...]:
        """The materials whose adhesion to Li is needed."""
        return tuple(dict.fromkeys((self.electrolyte, self.interlayer, self.collector)))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The pairs whose work of adhesion is needed; the second is the one to strain: the interlayer, or Li."""
        with_li = tuple((material, LI) for material in self.materials if material != LI)
        return ((self.electrolyte, self.interlayer), (self.collector, self.interlayer), *with_li)

    def stack(self, parameters: CreepParameters = DEFAULT) -> Stack:
        """Return the stack that the formulas take."""
        contact = 1.0
        if self.formation_pressure_mpa is not None and self.hardness_mpa is not None:
            contact = contact_share(self.formation_pressure_mpa, self.hardness_mpa)
        return Stack(
            electrolyte=self.electrolyte,
            interlayer=self.interlayer,
            collector=self.collector,
            pressure_mpa=self.pressure_mpa,
            li_stress_mpa=self.li_stress_mpa,
            contact=contact,
            li_surface_mev_per_a2=self.li_surface_mev_per_a2,
            area_per_li_a2=self.area_per_li_a2,
            reaction_ev=self.reaction_ev,
            potential_v=self.potential_v,
            pores=self.pores.pores(parameters) if self.pores else None,
        )

    def given_over(self, stored: Adhesions) -> Adhesions:
        """Return the stored adhesions with those given by hand in their place."""
        for pair, value in self.adhesions.items():
            names = [name.strip() for name in pair.split(",")]
            if len(names) != 2 or not all(names):
                raise InputError(f"adhesion {pair!r}; name two materials as A,B")
            stored = stored.given(names[0], names[1], value)
        return stored


def read_stack(path: Path | None, changes: Mapping[str, Any]) -> StackSpec:
    """Read a stack from YAML, with values of the command line in place of those of the file.

    Raises
    ------
    InputError
        The file cannot be read, a key is unknown or missing, or a value is of the wrong kind.
    """
    content: Any = {}
    if path is not None:
        try:
            content = yaml.safe_load(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f"{path} cannot be read as YAML ({' '.join(str(error).split())})") from error
        if not isinstance(content, dict):
            raise InputError(f"{path} holds no stack; write electrolyte, interlayer and collector, one per line")
    try:
        return StackSpec.model_validate(_merged(content, changes))
    except ValidationError as error:
        raise InputError("; ".join(_sentence(e["loc"], e["msg"]) for e in error.errors())) from error


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _sentence(where: tuple[int | str, ...], message: str) -> str:
    name = ".".join(str(part) for part in where if part != "[key]")
    message = {"Field required": "is missing", "Extra inputs are not permitted": "is no key of a stack"}.get(
        message, message.removeprefix("Value error, ")
    )
    return f"{name}: {message}" if name else message
