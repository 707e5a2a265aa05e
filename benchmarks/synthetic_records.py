"""Made-up records for benchmarks of the database: valid documents in any number, in the rows of the package."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, insert, text

from liface.database.columns import NOUNS, Noun
from liface.database.schema import FLAG_TABLES, TABLES, USES, flag_slug
from liface.database.uses import calculations_behind, put_uses
from liface.database.writing import entry_ids, row_of
from liface.documents import (
    CalculationSettings,
    ConvergedCalculation,
    EngineInfo,
    FailedCalculation,
    FilmPoint,
    Geometry,
    InterfaceResult,
    LineFit,
    Provenance,
    UnconvergedCalculation,
)
from liface.units import j_per_m2

BATCH = 2000
SUBSTRATES = tuple(
    f"{metal}{other}"
    for other in ("", "N", "O", "F", "S", "C")
    for metal in ("W", "Mo", "Cr", "Ti", "Zr", "Cu", "Ag", "Mg", "Al", "Zn")
)
PLANES = ("100", "110", "111", "210", "211")
MODELS = (
    ("sevennet", "7net-0"), ("sevennet", "7net-omat"), ("chgnet", "0.3.0"), ("gpaw", "pbe"), ("vasp", "pbe"),
)  # fmt: skip
FLAGS = (("reactive: γ < 0", 0.15), ("nonlinear", 0.2), ("high_strain: 4.1 %", 0.1))
START = datetime(2024, 1, 1, tzinfo=UTC)
CELL = ((6.3, 0.0, 0.0), (0.0, 8.9, 0.0), (0.0, 0.0, 40.0))


def engines() -> list[EngineInfo]:
    """Return one engine per model."""
    return [
        EngineInfo(
            name=name, model=model, code=name, code_version="1", weights_sha256=f"{i}" * 64, trained_on="nothing"
        )
        for i, (name, model) in enumerate(MODELS)
    ]


def geometry(substrate: str, n_atoms: int = 24) -> Geometry:
    """Return a cell with as many atoms as a small interface."""
    spots = [(1.1 * (i % 6), 2.2 * (i % 4), 2.05 * (i // 2)) for i in range(n_atoms)]
    half = n_atoms // 2
    element = substrate[:2] if substrate[1:2].islower() else substrate[0]
    return Geometry(
        cell=CELL,
        species=(element,) * half + ("Li",) * (n_atoms - half),
        positions=tuple(spots),
        frozen=(False,) * n_atoms,
        roles=("substrate",) * half + ("film",) * (n_atoms - half),
    )


def interfaces(n: int, seed: int = 0) -> Iterator[InterfaceResult]:
    """Yield interfaces that differ in slot, engine, campaign, energy, strain and flags."""
    draw = random.Random(seed)
    known = engines()
    models = {name: _interface(name, known[0]) for name in SUBSTRATES}
    for i in range(n):
        substrate = SUBSTRATES[i % len(SUBSTRATES)]
        gamma = round(draw.gauss(40.0, 45.0), 6)
        place = i // len(SUBSTRATES)
        yield models[substrate].model_copy(
            update={
                "substrate_plane": PLANES[place % 5], "film_plane": PLANES[place // 5 % 3],
                "substrate_termination": place // 15 % 2, "engine": known[place // 30 % len(known)],
                "gamma_mev_per_a2": gamma, "gamma_j_per_m2": j_per_m2(gamma), "gamma_free_mev_per_a2": gamma - 2.0,
                "free_fit": models[substrate].free_fit.model_copy(update={"intercept_mev_per_a2": gamma - 2.0}),
                "strain_percent": round(draw.uniform(-6.0, 6.0), 4), "area_a2": round(draw.uniform(20.0, 200.0), 4),
                "converged": draw.random() < 0.9,
                "flags": tuple(flag for flag, share in FLAGS if draw.random() < share),
                "provenance": models[substrate].provenance.model_copy(
                    update={"campaign": f"screening-{place // 150 % 40}", "case": f"interface/{substrate}-{place}",
                            "created_at": START + timedelta(seconds=61 * i)}
                ),
            }
        )  # fmt: skip


def _interface(substrate: str, engine: EngineInfo) -> InterfaceResult:
    residuals = (0.1, -0.2, 0.1)
    fit = LineFit(
        intercept_mev_per_a2=0.0, stderr_mev_per_a2=0.5, slope_mev_per_a2_per_li=0.01, r_squared=0.9,
        residuals_mev_per_a2=residuals,
    )  # fmt: skip
    points = tuple(
        FilmPoint(n_planes=n, n_li=2 * n, n_atoms=12 + 2 * n, energy_ev=-90.5 - n, gamma_mev_per_a2=40.1 + n,
                  converged=True, calc_id=f"{n}" * 32)
        for n in (3, 5, 7)
    )  # fmt: skip
    return InterfaceResult(
        definition="made up", engine=engine, converged=True, substrate=substrate, substrate_plane="110",
        provenance=Provenance(
            campaign="", case="", calc_ids=tuple(p.calc_id for p in points), liface_version="0", doi=(),
            created_at=START,
        ),
        substrate_termination=0, film_plane="100", method="sandwich", n_interfaces=2, equivalent_interfaces=True,
        gamma_mev_per_a2=0.0, gamma_j_per_m2=0.0, gamma_stderr_mev_per_a2=0.4, gamma_free_mev_per_a2=0.0,
        gamma_plateau_mev_per_a2=1.0, max_residual_mev_per_a2=0.2, free_fit=fit, fixed_fit=fit,
        strain_energy_mev_per_li=1.1, strain_percent=-2.0, von_mises_percent=1.5,
        strain_tensor=((-0.02, 0.0), (0.0, 0.01)), area_a2=40.0, substrate_supercell=((1, 0), (0, 1)),
        film_supercell=((1, 0), (0, 1)), n_points=3, points=points, scan=(), shift=(0.0, 0.5), gap_a=2.2,
        substrate_planes=6, structure=geometry(substrate),
    )  # fmt: skip


def calculations(n: int, seed: int = 0) -> Iterator[Any]:
    """Yield calculations; one in ten ends before its force limit, one in twenty fails. Their identities are drawn."""
    draw = random.Random(seed)
    known = engines()
    shape = geometry("W")
    for i in range(n):
        substrate = SUBSTRATES[i % len(SUBSTRATES)]
        common = {
            "calc_id": f"{draw.getrandbits(128):032x}", "label": f"interface/{substrate}-{i // 60}/n3",
            "engine": known[i // 60 % len(known)], "n_force_calls": draw.randrange(1, 200),
            "wall_s": round(draw.uniform(0.1, 90.0), 3), "created_at": START + timedelta(seconds=61 * i),
        }  # fmt: skip
        energies = {"energy_ev": round(draw.gauss(-120.0, 30.0), 6), "fmax_ev_per_a": round(draw.uniform(0, 0.05), 5)}
        fate = draw.random()
        if fate < 0.05:
            yield _calculation(FailedCalculation, shape).model_copy(update={**common, "reason": "exploded: 31 eV/Å"})
        elif fate < 0.15:
            changes = {**common, **energies, "reason": "200 force calls"}
            yield _calculation(UnconvergedCalculation, shape).model_copy(update=changes)
        else:
            yield _calculation(ConvergedCalculation, shape).model_copy(update={**common, **energies})


_MADE: dict[type, Any] = {}


def _calculation(model: type, shape: Geometry) -> Any:
    if model in _MADE:
        return _MADE[model]
    values: dict[str, Any] = {
        "calc_id": "0" * 32, "label": "", "engine": engines()[0], "settings": CalculationSettings(), "initial": shape,
        "n_force_calls": 1, "wall_s": 1.0, "versions": {"ase": "3.29.0"}, "created_at": START,
    }  # fmt: skip
    if model is not ConvergedCalculation:
        values["reason"] = "as drawn"
    if model is not FailedCalculation:
        forces = tuple((0.0, 0.0, 0.01) for _ in range(shape.n_atoms))
        values |= {"final": shape, "energy_ev": -1.0, "fmax_ev_per_a": 0.01, "forces_ev_per_a": forces,
                   "energies_ev": (-3.0, -3.25), "optimizer": "lbfgs"}  # fmt: skip
    return _MADE.setdefault(model, model(**values))


def store(connection: Connection, noun: Noun, documents: Iterator[Any], superseded: float = 0.02) -> int:
    """Insert documents in batches; a share of the results is stored as superseded. Returns their number."""
    draw, done = random.Random(1), 0
    while batch := list(islice(documents, BATCH)):
        rows, flags, uses = [], [], {}
        for document in batch:
            row = row_of(noun, document)
            if noun.is_result:
                entry_id, slot_id = entry_ids(noun, row)
                row |= {"entry_id": entry_id, "slot_id": slot_id, "is_current": draw.random() >= superseded}
                flags += [
                    {"entry_id": entry_id, "position": k, "slug": flag_slug(flag), "flag": flag}
                    for k, flag in enumerate(document.flags)
                ]
                uses[entry_id] = calculations_behind(document)
            rows.append(row)
        connection.execute(insert(TABLES[noun.name]), rows)
        if flags:
            connection.execute(insert(FLAG_TABLES[noun.name]), flags)
        put_uses(connection, noun, uses)
        done += len(batch)
    return done


def multiply(connection: Connection, copies: int) -> None:
    """Copy every interface and calculation: the row under other identities, with another energy, campaign and date.

    Their documents are copied as they are, so that they no longer say what the columns say; no question reads them.
    """
    tables = [TABLES["interfaces"], FLAG_TABLES["interfaces"], TABLES["calculations"], USES]
    genuine = {table.name: connection.scalar(text(f"SELECT max(rowid) FROM {table.name}")) for table in tables}
    for copy in range(1, copies):
        changes = {
            **{key: f"printf('%08x', {copy}) || substr({key}, 9)"
               for key in ("entry_id", "slot_id", "record_id", "calc_id")},
            **{energy: f"{energy} + {0.0137 * copy}" for energy in ("gamma_mev_per_a2", "energy_ev")},
            "campaign": f"campaign || '-{copy}'", "label": f"label || '/{copy}'",
            "created_at": f"(substr(created_at, 1, 4) + {4 * copy}) || substr(created_at, 5)",
        }  # fmt: skip
        for table in tables:
            names = [column.name for column in table.columns]
            cells = ", ".join(changes.get(name, f'"{name}"') for name in names)
            into = f"INSERT INTO {table.name} ({', '.join(map(repr, names))})".replace("'", '"')
            connection.execute(text(f"{into} SELECT {cells} FROM {table.name} WHERE rowid <= {genuine[table.name]}"))


INTERFACES, CALCULATIONS = NOUNS["interfaces"], NOUNS["calculations"]
