"""A machine to test the VASP engine on: synthetic pseudopotentials and the stand-in for the binary."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from ase import Atoms

from liface.documents import Geometry
from liface.documents.calculation import CalculationRequest, CalculationSettings
from liface.engines.registry import engine_info

FAKE = Path(__file__).with_name("fake_vasp_std")

POTENTIALS = {
    "Li": (1, 140.0), "Li_sv": (3, 499.034), "Cu": (11, 295.446), "W_sv": (14, 223.057), "W": (6, 223.057),
    "Cr_pv": (12, 265.681), "S": (6, 258.689), "Fe": (8, 267.882), "O": (6, 400.0), "Te": (6, 174.982),
}  # fmt: skip
"""Valence electrons and ENMAX (eV) of the potentials of release PBE_54; nothing else of these is real."""


def write_potcars(folder: Path, symbols: tuple[str, ...] = tuple(POTENTIALS), functional: str = "PBE_54") -> None:
    """Write pseudopotentials with a true header and an invented body."""
    folder = folder / f"POT_GGA_PAW_{functional}"
    folder.mkdir(parents=True, exist_ok=True)
    for symbol in symbols:
        zval, enmax = POTENTIALS[symbol]
        title = f"PAW_PBE {symbol} 01Jan2000"
        (folder / f"POTCAR.{symbol}").write_text(
            f"  {title}\n   {zval:.8f}\n parameters from PSCTR are:\n"
            f"   VRHFIN ={symbol.partition('_')[0]}: synthetic\n   LEXCH  = PE\n"
            "   EATOM  =   100.0000 eV,    7.3500 Ry\n\n"
            f"   TITEL  = {title}\n   LULTRA =        F    use ultrasoft PP ?\n   LPAW   =        T    paw PP\n"
            f"   POMASS =   10.000; ZVAL   = {zval:8.3f}    mass and valenz\n"
            f"   ENMAX  = {enmax:8.3f}; ENMIN  = {0.75 * enmax:8.3f} eV\n"
            " END of PSCTR-controll parameters\n local part\n  0.10000000E+01 -0.20000000E+01  0.30000000E+01\n"
            " End of Dataset\n",
            encoding="utf-8",
        )


def set_up(monkeypatch: pytest.MonkeyPatch, folder: Path, mode: str = "ok") -> None:
    """Make this process believe it runs on a machine with VASP."""
    from pymatgen.core import SETTINGS

    from liface.engines.vasp import makers

    write_potcars(folder / "potcars")
    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(folder / "potcars"))
    monkeypatch.setattr(makers, "POLL_S", 0.02)
    for name, value in environment(folder, mode).items():
        monkeypatch.setenv(name, value)


def environment(folder: Path, mode: str = "ok") -> dict[str, str]:
    """Return the variables of such a machine."""
    config = folder / "atomate2.yaml"
    config.write_text("VASP_ZIP_FILES: atomate\n", encoding="utf-8")
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(FAKE))}"
    return {
        "FAKE_VASP": mode,
        "ATOMATE2_VASP_CMD": command,
        "ATOMATE2_VASP_GAMMA_CMD": command,
        "ATOMATE2_CONFIG_FILE": str(config),
        "PMG_VASP_PSP_DIR": str(folder / "potcars"),
        "OMP_NUM_THREADS": "1",
    }


def geometry(atoms: Atoms, frozen: Any = None, roles: Any = None) -> Geometry:
    """Take over ASE atoms."""
    n = len(atoms)
    return Geometry(
        cell=tuple(map(tuple, atoms.cell.array.tolist())),
        species=tuple(atoms.get_chemical_symbols()),
        positions=tuple(map(tuple, atoms.positions.tolist())),
        frozen=tuple(bool(f) for f in frozen) if frozen is not None else (False,) * n,
        roles=tuple(roles) if roles is not None else ("bulk",) * n,
    )


def request(atoms: Atoms | Geometry, spec: str = "vasp", **settings: Any) -> CalculationRequest:
    """Return a request; settings without ``task`` are a relaxation to 0.02 eV/Å."""
    where = atoms if isinstance(atoms, Geometry) else geometry(atoms)
    chosen = (
        CalculationSettings.static()
        if settings.get("task") == "static"
        else CalculationSettings(**{"fmax_ev_per_a": 0.02, **settings})
    )
    return CalculationRequest(geometry=where, engine=engine_info(spec), settings=chosen, label="case/step")


def runs(folder: Path) -> list[dict]:
    """Return what the stand-in read, run by run."""
    return [json.loads(line) for line in (folder / "fake_vasp.jsonl").read_text().splitlines()]
