"""The tables of docs/pbe.md, from the records in docs/pbe/results.jsonl."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from math import sqrt
from typing import Any

from liface.analysis.literature import published

Record = dict[str, Any]

POTENTIALS = {"7net-0": "7net-0", "0.3.0": "CHGNet"}
"""Models beside PBE, and what the page calls them."""
CASES = {
    "interface/Mo-110_Li-110": "Li(110) on Mo(110)",
    "interface/W-110_Li-110": "Li(110) on W(110)",
    "interface/Ti-0001_Li-110": "Li(110) on Ti(0001)",
    "interface/LiF-100_Li-110": "Li(110) on LiF(100)",
    "interface/Li2S-110_Li-100": "Li(100) on Li2S(110)",
    "binding/Li-110": "Li on Li(110)",
    "binding/Cu-111": "Li on Cu(111)",
}
LITERATURE_A = {
    "Li": (3.43, 3.44),
    "Mo": (3.16, 3.17),
    "W": (3.17, 3.19),
    "Cu": (3.63, 3.64),
    "Ti": (2.93, 2.94),
    "LiF": (4.06, 4.07),
    "Li2S": (5.71, 5.72),
}
"""Lattice constants a with PBE, Å: the range of published values."""


class Records:
    """The records, by what the tables ask for."""

    def __init__(self, records: Iterable[Record]):
        self.all = list(records)

    def result(self, case: str, model: str) -> Record | None:
        """Return the result of a campaign."""
        found = [r for r in self.of("interface", "binding") if r["provenance"]["case"] == case]
        return next((r for r in found if r["engine"]["model"] == model), None)

    def check(self, case: str, name: str) -> Record | None:
        """Return the same quantity with other settings."""
        return next((r for r in self.of("check") if (r["case"], r["check"]) == (case, name)), None)

    def of(self, *kinds: str) -> list[Record]:
        """Return the records of some kinds."""
        return [r for r in self.all if r["kind"] in kinds]

    def bulk(self, material: str, model: str) -> Record | None:
        """Return a reference bulk."""
        found = [r for r in self.of("bulk") if (r["material"], r["engine"]["model"]) == (material, model)]
        return found[0] if found else None


def written(text: str, records: Iterable[Record]) -> str:
    """Fill every table of the page; the text around them stays."""
    have = Records(records)
    for name, table in TABLES.items():
        pattern = re.compile(rf"(<!-- table {name} -->\n).*?(<!-- end -->)", flags=re.S)
        if not pattern.search(text):
            raise SystemExit(f"docs/pbe.md has no marker for table {name}")
        filled = table(have)
        text = pattern.sub(lambda match, filled=filled: f"{match[1]}{filled}\n{match[2]}", text)  # type: ignore[misc]
    return text


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float | None, digits: int = 1, sign: bool = False) -> str:
    """Return a number, or a dash."""
    return "–" if value is None else f"{value:{'+' if sign else ''}.{digits}f}"


# --- uncertainties -------------------------------------------------------------------------------------------


def gamma_thin(result: Record, record: Record) -> float:
    """Return gamma of the thinnest film without its strain energy, meV/Å²."""
    film = min(result["points"], key=lambda p: p["n_planes"])
    gamma = film["gamma_mev_per_a2"]
    if "gamma_by_planes_mev_per_a2" in record:
        gamma = record["gamma_by_planes_mev_per_a2"][str(film["n_planes"])]
    strain = record["strain_energy_mev_per_li"] * film["n_li"] / (result["n_interfaces"] * result["area_a2"])
    return float(gamma - strain)


def value_of(have: Records, case: str, check: str | None = None) -> float | None:
    """Return what settings are compared by: gamma of the thinnest film without strain, or the binding energy."""
    result = have.result(case, "PBE")
    record = result if check is None else have.check(case, check)
    if result is None and (only := have.check(case, {None: "thin", "k": "thin-k"}.get(check, ""))):
        return float(only["gamma_mev_per_a2"])
    if result is None or record is None:
        return None
    return record["e_bind_ev_per_li"] if "e_bind_ev_per_li" in record else gamma_thin(result, record)


def headline(have: Records, case: str) -> Record | None:
    """Return the quantity with the densest mesh there is."""
    full = have.check(case, "kk") or have.check(case, "k") or have.result(case, "PBE")
    return full or have.check(case, "thin-k") or have.check(case, "thin")


def spacing(have: Records, case: str) -> str:
    """Return the spacing of k-points of the headline, Å⁻¹."""
    if headline(have, case) is None:
        return "–"
    if have.check(case, "kk"):
        return "0.2"
    return "0.25" if have.check(case, "k") or have.check(case, "thin-k") else "0.4"


def shifts(have: Records, case: str) -> dict[str, float]:
    """Return what each refinement changed, in the unit of the quantity; only those that were computed.

    ``k`` is the last refinement of the mesh, ``mesh`` the whole way from the mesh of the relaxations.
    """
    coarse, k = value_of(have, case), value_of(have, case, "k")
    denser, cutoff = value_of(have, case, "kk"), value_of(have, case, "cutoff")
    layers = have.check(case, "layers")
    found: dict[str, float] = {}
    if k is not None and denser is not None:
        found["k"] = denser - k
    if coarse is not None and (best := denser if denser is not None else k) is not None:
        found["mesh"] = best - coarse
    if coarse is not None and cutoff is not None:
        found["cutoff"] = cutoff - coarse
    if layers is not None:
        found["layers"] = layers["gamma_mev_per_a2"] - layers["gamma_thin_mev_per_a2"]
    return found


def doubt(have: Records, case: str) -> tuple[float | None, bool]:
    """Return the root of the sum of squares of all shifts and of the fit, and whether some shift is borrowed.

    A test that was not made for a case is borrowed from the largest shift of the cases of its kind. Where the mesh was
    refined only once, that shift counts as well, if it is larger.
    """
    own, borrowed = shifts(have, case), False
    kind = case.split("/", 1)[0]
    terms = []
    mesh = "mesh" if spacing(have, case) == "0.4" else "k"
    for name in (mesh, "cutoff", *(("layers",) if kind == "interface" else ())):
        if name not in own:
            others = [abs(s[name]) for c in CASES if c.startswith(kind) and name in (s := shifts(have, c))]
            if not others:
                return None, False
            refined = abs(own.get("mesh", 0.0)) if name == "k" else 0.0
            own, borrowed = {**own, name: max(*others, refined)}, True
        terms.append(own[name])
    fit = next(
        (r for r in (have.check(case, "kk"), have.check(case, "k")) if r and "gamma_stderr_mev_per_a2" in r), None
    )
    fit = fit or (have.result(case, "PBE") if kind == "interface" else None)
    if fit is not None:
        terms += [fit["gamma_stderr_mev_per_a2"], fit["gamma_free_mev_per_a2"] - fit["gamma_mev_per_a2"]]
    return sqrt(sum(t * t for t in terms)), borrowed


def with_doubt(have: Records, case: str, value: float | None, digits: int) -> str:
    """Return a value with its ±, starred where a test was borrowed."""
    if value is None:
        return "–"
    size, borrowed = doubt(have, case)
    if size is None:
        return f"{number(value, digits)} (± not tested)"
    return f"{number(value, digits)} ± {number(size, digits)}" + ("\\*" if borrowed else "")


# --- tables --------------------------------------------------------------------------------------------------


def interfaces(have: Records) -> str:
    """gamma0 of PBE, published, of the potentials on the same cell, and the differences."""
    rows = []
    for case, name in CASES.items():
        if not case.startswith("interface"):
            continue
        shown, fine = any_result(have, case), headline(have, case)
        if shown is None:
            continue
        gamma = None if fine is None else fine["gamma_mev_per_a2"]
        planes = shown["substrate_planes"]
        line = [name, f"{shown['area_a2']:.1f} Å², {shown['strain_percent']:.1f} %, {planes} planes"]
        line += [spacing(have, case), with_doubt(have, case, gamma, 1), reference(shown["substrate"])]
        others = [None if m is None else m["gamma_mev_per_a2"] for m in potentials(have, case)]
        line += [number(other) for other in others]
        line += [difference(gamma, other, 1) for other in others]
        rows.append(line)
    names = list(POTENTIALS.values())
    header = [
        "interface",
        "cell, strain, substrate",
        "k (Å⁻¹)",
        "PBE γ0",
        "published",
        *names,
        *(f"PBE − {n}" for n in names),
    ]
    return markdown(header, rows)


def bindings(have: Records) -> str:
    """E_b of PBE, published, of the potentials on the same cell, and the differences."""
    rows = []
    for case, name in CASES.items():
        shown, fine = any_result(have, case), headline(have, case)
        if not case.startswith("binding") or shown is None:
            continue
        energy = None if fine is None else fine["e_bind_ev_per_li"]
        others = [None if m is None else m["e_bind_ev_per_li"] for m in potentials(have, case)]
        line = [name, f"{shown['area_a2']:.1f} Å², {shown['n_atoms']} atoms, {shown['candidates'][0]['start']}"]
        line += [spacing(have, case), with_doubt(have, case, energy, 2), published_binding(shown)]
        line += [number(other, 3) for other in others]
        line += [difference(energy, other, 2) for other in others]
        rows.append(line)
    names = list(POTENTIALS.values())
    header = ["", "cell, site", "k (Å⁻¹)", "PBE E_b (eV)", "published", *names, *(f"PBE − {n}" for n in names)]
    return markdown(header, rows)


def any_result(have: Records, case: str) -> Record | None:
    """Return the result of PBE, or else of a potential on the same cell."""
    return next((r for r in (have.result(case, "PBE"), *potentials(have, case)) if r is not None), None)


def potentials(have: Records, case: str) -> list[Record | None]:
    """Return the results of the potentials on the same cell."""
    return [have.result(case, model) for model in POTENTIALS]


def series(have: Records) -> str:
    """gamma(n) with both k-meshes, and the three readings."""
    rows = []
    for case, name in CASES.items():
        result = have.result(case, "PBE")
        if not case.startswith("interface"):
            continue
        meshes = [("0.4", result), ("0.25", have.check(case, "k")), ("0.2", have.check(case, "kk"))]
        if result is None:
            meshes = [("0.4", have.check(case, "thin")), ("0.25", have.check(case, "thin-k"))]
        for mesh, record in meshes:
            if record is None:
                continue
            gammas = record.get("gamma_by_planes_mev_per_a2") or {
                p["n_planes"]: p["gamma_mev_per_a2"] for p in record["points"]
            }
            shown = ", ".join(f"{n}: {g:.1f}" for n, g in gammas.items())
            keys = ("gamma_mev_per_a2", "gamma_free_mev_per_a2", "gamma_plateau_mev_per_a2", "strain_energy_mev_per_li")
            flags = ", ".join(sorted({flag.partition(":")[0] for flag in record.get("flags", ())} - {"high_strain"}))
            rows.append([name, mesh, shown, *(number(record.get(key)) for key in keys), flags])
    header = [
        "interface",
        "k spacing (Å⁻¹)",
        "γ(n), n planes",
        "γ0",
        "free",
        "plateau",
        "strain energy (meV/Li)",
        "flags",
    ]
    return markdown(header, rows)


def convergence(have: Records) -> str:
    """Compare settings at the same geometry."""
    rows = []
    for case, name in CASES.items():
        if headline(have, case) is None:
            continue
        digits = 1 if case.startswith("interface") else 3
        values = [value_of(have, case), *(value_of(have, case, check) for check in ("k", "kk", "cutoff"))]
        what = "γ of four Li planes less strain (meV/Å²)" if digits == 1 else "E_b (eV)"
        rows.append([name, what, *(number(v, digits) for v in values)])
        shift = shifts(have, case).get("layers")
        rows[-1].append("–" if shift is None or values[0] is None else number(values[0] + shift, digits))
    settings = [*(f"{spacing} Å⁻¹" for spacing in ("0.4", "0.25", "0.2")), "higher cutoff, 0.4 Å⁻¹"]
    settings.append("two substrate planes more, 0.4 Å⁻¹")
    return markdown(["", "quantity", *settings], rows)


def bulks(have: Records) -> str:
    """Lattice constants beside published PBE values."""
    rows = []
    for material in sorted({r["material"] for r in have.of("bulk") if r["engine"]["model"] == "PBE"}):
        line = [material]
        for model in ("PBE", *POTENTIALS):
            bulk = have.bulk(material, model)
            line.append("–" if bulk is None else lattice(bulk))
        limits = LITERATURE_A.get(material)
        rows.append([*line, "–" if limits is None else f"{limits[0]:.2f} to {limits[1]:.2f}"])
    return markdown(["bulk", "PBE a (c), Å", *POTENTIALS.values(), "PBE, published a"], rows)


def effort(have: Records) -> str:
    """Add up calculations, force calls and wall time by case."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in have.of("effort"):
        case = "/".join(record["label"].split("/")[:2])
        kind = "single points of the tests" if record["label"].endswith("/static") else "campaign"
        if record["label"].endswith("-thick"):
            kind = "thicker substrate"
        if record["engine"] == "gpaw":
            groups.setdefault((case, kind), []).append(record)
    rows = []
    for (case, kind), found in sorted(groups.items()):
        wall = sum(r["wall_s"] for r in found)
        calls = sum(r["n_force_calls"] for r in found)
        rows.append([CASES.get(case, case), kind, str(len(found)), str(calls), f"{wall / 60:.1f}"])
    total = [r for found in groups.values() for r in found]
    rows.append(
        [
            "all",
            "",
            str(len(total)),
            str(sum(r["n_force_calls"] for r in total)),
            f"{sum(r['wall_s'] for r in total) / 60:.0f}",
        ]
    )
    return markdown(["case", "what", "calculations", "force calls", "wall time (min)"], rows)


def lattice(bulk: Record) -> str:
    """Return a, and c where it differs."""
    a, _, c = bulk["lattice"][:3]
    return f"{a:.3f}" + (f" ({c:.3f})" if abs(a - c) > 0.01 else "")


def difference(mine: float | None, other: float | None, digits: int) -> str:
    """Return a signed difference, or a dash."""
    return "–" if mine is None or other is None else number(mine - other, digits, sign=True)


def reference(material: str) -> str:
    """Return the published interfacial energy of a substrate."""
    found = [v for v in published("interface_gamma") if v.material == material]
    return ", ".join(f"{'' if v.qualifier == '=' else v.qualifier + ' '}{v.value:.1f}" for v in found[:1]) or "–"


def published_binding(result: Record) -> str:
    """Return the published binding energy of one Li on the bare substrate."""
    found = [
        v
        for v in published("binding")
        if v.material == result["substrate"] and v.n_li == 1 and (v.monolayers or 0) == 0
    ]
    return ", ".join(f"{v.value:.3f}" for v in found[:1]) or "–"


TABLES: dict[str, Callable[[Records], str]] = {
    "interfaces": interfaces,
    "bindings": bindings,
    "series": series,
    "convergence": convergence,
    "bulks": bulks,
    "effort": effort,
}
